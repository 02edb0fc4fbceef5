"""A caller and a mock agent converse through a real Asterisk, to be watched, heard and checked."""

from aiconvai.rig.demo.cli import app

__all__ = ["app"]
