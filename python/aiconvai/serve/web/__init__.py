"""What `aiconvai serve` answers to over HTTP."""
