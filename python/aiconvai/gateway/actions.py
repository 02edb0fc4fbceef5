"""What is asked of calls, by the names of the module's actions of AMI: page, API and tools know no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiconvai.engine.events import Status
from aiconvai.gateway.calls import Calls
from aiconvai.gateway.media import Media
from aiconvai.gateway.registrations import a_text
from aiconvai.serve.events import PREFIX
from aiconvai.serve.manager import ManagerError


def act(calls: Calls, media: Media, name: str, given: Mapping[str, Sequence[str]]) -> None:
    """`given`: lines under each header. Raises `ManagerError`."""
    texts = {key: a_text("\n".join(lines)) for key, lines in given.items()}
    if name in (f"{PREFIX}CloseAgent", f"{PREFIX}OpenAgent"):
        agent = texts.get("Agent", "")
        closed = (texts.get("Reason") or "it was closed") if name.endswith("CloseAgent") else ""
        if not calls.open_or_close(agent, closed):
            raise ManagerError(f"{name}: there is no agent {agent!r:.80}")
        return
    call = calls.named(texts.get("Channel", ""))
    if call is None:
        raise ManagerError(f"{name}: no call is named {texts.get('Channel', '')!r:.80}")
    if not _do(media, call.number, name, texts, given.get("Variable", ())):
        raise ManagerError(f"{name}: {call.record}: it was not done: the conversation is not active, or over")


def _do(media: Media, number: int, name: str, texts: Mapping[str, str], variables: Sequence[str]) -> bool:
    match name.removeprefix(PREFIX):
        case "End":
            return media.end(number, Status.COMPLETED, texts.get("Reason") or "somebody ended it")
        case "Context":
            return media.context(number, texts.get("Text", ""))
        case "Message":
            return media.user_message(number, texts.get("Text", ""))
        case "ToolResult":
            is_error, silent = texts.get("IsError") == "yes", texts.get("Answer") == "no"
            identity, result = texts.get("ToolCallID", ""), texts.get("Result", "")
            return media.tool_result(number, identity, result, is_error=is_error, silent=silent)
        case "Variables":
            return media.found(number, _variables(variables))
        case "State":
            if problem := media.enter_state(number, texts.get("State", "")):
                raise ManagerError(f"{name}: {problem}")
            return True
    raise ManagerError(f"{name}: the gateway knows no such action")


def _variables(lines: Sequence[str]) -> dict[str, str]:
    """Lines of one name after each other are those of its value."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        found[name] = a_text(f"{found[name]}\n{value}" if name in found else value)
    return found
