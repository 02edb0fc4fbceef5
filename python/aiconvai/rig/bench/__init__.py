"""What a call costs and how fast it is, beside Asterisk's own ways and on this machine: `aiconvai bench`."""
