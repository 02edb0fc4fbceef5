"""Tools that are run here: a request over HTTP, a server of the Model Context Protocol, a function of Python's.

A tool of one's own in Python needs `current_call` and `ToolError` only.
"""

from aiconvai.serve.tools.tool import ToolError, current_call

__all__ = ["ToolError", "current_call"]
