"""Calls by an Asterisk's manager: Originate, and the events of its channels.

An answered call goes to the application AIConvAI(), or to a context of the dialplan that does what it likes first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiconvai.serve.asterisk_source import Connection
from aiconvai.serve.manager import Headers, ManagerError, ManagerRefusal
from aiconvai.serve.outbound.door import DoorError, DoorRefusal, Event, News, Outgoing, Tell, channel_variables
from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.outbound.people import escaped
from aiconvai.serve.settings import OutboundSettings

AGENT_VARIABLE, MESSAGE_VARIABLE = "AICONVAI_AGENT", "AICONVAI_MESSAGE"
TOLD_PREFIX = "AICONVAI_VAR_"
"""With what the names of channel variables begin that the module tells an agent."""
USER_EVENT = "AIConvAIOutbound"
_RINGING, _UP = "5", "6"

Action = Callable[..., Awaitable[Headers]]


class ManagerDoor:
    """One Asterisk's. Give `listen` every event."""

    needs_us = False

    def __init__(
        self, name: str, settings: OutboundSettings, action: Action, connection: Connection, tell: Tell
    ) -> None:
        """`action` asks that Asterisk for something. Raises `ManagerError`."""
        self.name = name
        self._settings = settings
        self._action = action
        self._connection = connection
        self._tell = tell

    @property
    def there_since(self) -> float | None:
        return self._connection.since if self._connection.is_there else None

    async def begin(self, call: Outgoing) -> None:
        variables = channel_variables(call)
        context = self._settings.to_context
        if context:
            place = {"Context": context, "Exten": "s", "Priority": "1"}
            variables |= {AGENT_VARIABLE: call.agent, MESSAGE_VARIABLE: self._settings.message}
        else:
            place = {"Application": "AIConvAI", "Data": call.agent}
        variables |= {f"{TOLD_PREFIX}{name}": value for name, value in call.variables.items()}
        await self._ask(
            "Originate",
            ActionID=call.channel_id,
            Channel=self._settings.dial.format(number=call.number),
            ChannelId=call.channel_id,
            Timeout=str(call.ring_seconds * 1000),
            Async="true",
            Variable=[f"{name}={escaped(value)}" for name, value in variables.items()],
            **place,
        )

    async def is_up(self, channel_id: str) -> bool | None:
        try:
            answer = await self._ask("Getvar", Channel=channel_id, Variable="CHANNEL(state)")
        except DoorRefusal as error:
            if "No such channel" in str(error):
                return None
            raise
        return answer.get("Value") == "Up"

    async def hang_up(self, channel_id: str) -> None:
        try:
            await self._ask("Hangup", Channel=channel_id)
        except DoorRefusal as error:
            if "No such channel" not in str(error):
                raise

    async def _ask(self, name: str, **headers: str | Sequence[str]) -> Headers:
        if not self._connection.is_there:
            raise DoorRefusal(f"{self.name}: {self._connection.problem}")
        try:
            return await self._action(name, **headers)
        except ManagerRefusal as error:
            raise DoorRefusal(str(error)) from error
        except ManagerError as error:
            raise DoorError(str(error)) from error

    def listen(self, asterisk: str, headers: Mapping[str, str]) -> None:
        """An event that is none of a conversation, of any Asterisk."""
        event = headers.get("Event")
        identity = headers.get("ActionID" if event == "OriginateResponse" else "Uniqueid", "")
        if asterisk != self.name or not is_outbound(identity):
            return
        match event:
            case "Newstate" if headers.get("ChannelState") == _RINGING:
                self._tell(News(identity, Event.RINGING))
            case "Newstate" if headers.get("ChannelState") == _UP:
                self._tell(News(identity, Event.ANSWERED))
            case "UserEvent" if headers.get("UserEvent") == USER_EVENT and headers.get("Result") == "machine":
                self._tell(News(identity, Event.MACHINE))
            case "OriginateResponse" if headers.get("Response") == "Failure":
                self._tell(News(identity, Event.REFUSED, reason=_number(headers.get("Reason"))))
            case "Hangup":
                cause = _number(headers.get("Cause"))
                self._tell(News(identity, Event.GONE, cause=cause or 0, cause_text=headers.get("Cause-txt", "")))
            case _:
                pass


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
