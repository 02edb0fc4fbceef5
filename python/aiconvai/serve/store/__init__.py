"""Calls as they are kept: in SQLite, or in PostgreSQL."""
