"""Who knows what to answer: `model` asks a language model's endpoint, `receptionist/` needs none.

`sentences` cuts what a model writes for the voice.
"""
