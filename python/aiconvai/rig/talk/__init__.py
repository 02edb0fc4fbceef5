"""How a conversation is heard: what telephones and rooms do to it."""
