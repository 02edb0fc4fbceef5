"""Voice AI for Asterisk: configuration, page and store, the gateway, mock AI services and a real-Asterisk rig."""

from importlib.metadata import version

__version__ = version("aiconvai")
