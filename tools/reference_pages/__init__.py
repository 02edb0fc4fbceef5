"""Pages of docs/reference that are made from the code: tools/generate_reference.py writes them."""
