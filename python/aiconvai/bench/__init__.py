"""The benchmark: many calls at once, and what they cost."""
