"""What a call costs and how well it is heard, measured."""
