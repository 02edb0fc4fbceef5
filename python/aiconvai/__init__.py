"""Configuration, mock AI services and a real-Asterisk rig for app_aiconvai."""

__version__ = "0.1.0"
