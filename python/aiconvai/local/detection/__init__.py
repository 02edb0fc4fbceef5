"""Telling speech from anything else, window by window: by Silero's model (`silero`), or by loudness (`energy`)."""
