"""What the module costs and how fast it is, measured on this machine: delay, spacing, silence, processor, memory."""

from aiconvai.measure.cli import app

__all__ = ["app"]
