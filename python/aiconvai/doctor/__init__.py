"""`aiconvai doctor`: everything that an installation needs, looked at, and the line that mends what is wrong."""
