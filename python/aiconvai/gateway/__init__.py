"""Calls from an Asterisk without the module: AudioSocket."""
