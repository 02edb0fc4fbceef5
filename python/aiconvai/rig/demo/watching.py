"""Shows a call while somebody converses in it on a thread of his own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console

from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call, SipError
from aiconvai.rig.demo.display import make_display
from aiconvai.rig.demo.moments import Moments
from aiconvai.rig.demo.observer import Observer

LOOK_SECONDS = 0.05
_END_EVENT_SECONDS = 2.0


def watch(
    console: Console,
    moments: Moments,
    observer: Observer,
    call: Call,
    converse: Callable[[], None],
    conversations: Callable[[], Sequence[ThreadedConversation]] = tuple,
) -> str | None:
    """Until `converse` is done and the conversation's end was told; says what went against it, if anything did.

    `conversations`: at a mock, so far.
    """
    with (
        ThreadPoolExecutor(1, "scripted-caller") as executor,
        make_display(console, moments, observer, call.started) as display,
    ):
        script = executor.submit(converse)
        deadline: float | None = None
        try:
            while deadline is None or time.monotonic() < deadline:
                observer.look(call, conversations())
                display.refresh(time.monotonic())
                if script.done():
                    # The manager's last event may come a moment after the BYE.
                    deadline = deadline or time.monotonic() + _END_EVENT_SECONDS
                    if any(event.event == "AIConvAIEnd" for event in observer.events):
                        break
                time.sleep(LOOK_SECONDS)
            observer.look(call, conversations())
            display.refresh(time.monotonic())
        except BaseException:
            # The script waits for the agent; without a call it ends, and the executor with it.
            call.hangup()
            raise
    error = script.exception()
    if isinstance(error, (TimeoutError, SipError)):
        return str(error)
    if error is not None:
        raise error
    return None
