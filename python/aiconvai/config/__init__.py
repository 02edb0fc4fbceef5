"""Configuration files: reading and writing Asterisk's .conf format, and the `aiconvai config` commands."""
