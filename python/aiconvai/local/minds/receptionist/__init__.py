"""A mind without a language model: what the caller says is compared with examples of what callers want.

`intents` reads what it can answer, `embeddings` and `matching` find which of it is meant, `slots` reads what it has
asked for, `receptionist` holds the conversation.
"""
