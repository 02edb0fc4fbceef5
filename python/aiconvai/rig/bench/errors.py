"""What goes wrong with a benchmark itself."""


class BenchError(RuntimeError):
    """Something could not be measured; the text says what and why."""


class CallsFailedError(BenchError):
    """Calls could not be made, or did not end as they should."""
