"""Configurations of earlier systems, turned into ours: what became of each of their settings, line by line."""
