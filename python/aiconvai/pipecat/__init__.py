"""Pipecat bots answer telephone calls: the extra `aiconvai[pipecat]`; docs/pipecat.md.

`call` is a call that a bot answers, `serializer` turns its messages into frames and back, `observer` tells the
telephone what is said.
"""

from aiconvai.pipecat.call import BotCall, CallRefusedError, answer

__all__ = ["BotCall", "CallRefusedError", "answer"]
