"""The fixture `voice`: a real Asterisk with the module, a mock AI service, and a caller, ready to converse.

def test_it(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("echo")), audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,Answer()\\n same => n,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from aiconvai.mock import ElevenLabsMockThread, MockAgent, MockOptions, MockThread, mock_class
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, Message
from aiconvai.rig.caller import Call, Caller

DEFAULT_TIMEOUT = 10.0


class Voice:
    """One test's agents and dialplan on the Asterisk that all tests of a version share."""

    def __init__(
        self,
        asterisk: Asterisk,
        caller: Caller,
        mock: MockThread[Any],
        start: Callable[[str], MockThread[Any]] | None = None,
    ) -> None:
        """`start` is how use() gets the mock of another provider's service."""
        self.asterisk = asterisk
        self.caller = caller
        self.mock = mock
        """Of the service that agents are added to; ElevenLabs' until use() says otherwise."""
        self._start = start
        self.general: dict[str, str] = {}
        self.sections: dict[str, dict[str, str]] = {}
        self._dialplan: list[str] = []
        self._ami_position = asterisk.ami.position()
        self._log_position = asterisk.log_position()

    # Setting up -----------------------------------------------------------------------------------

    def use(self, provider: str) -> None:
        """Agents added from here on are at the mock of that provider's service."""
        assert self._start is not None, "this Voice has one mock"
        self.mock = self._start(provider)

    def agent(self, name: str, agent: MockAgent | None = None, **options: Any) -> MockAgent:
        """Add an agent: at the mock under the id `id_NAME`, and in aiconvai.conf with the options that reach it.

        Options are those of aiconvai.conf; None leaves one out. Unless said otherwise the agent alone is heard, so that
        every packet is of what it says, and tones of the caller's, which are no voice, are heard by it. Call apply()
        when all are added.
        """
        agent = agent or self.mock.agent_class()
        agent_id = f"id_{name}"
        self.mock.agents[agent_id] = agent
        section: dict[str, Any] = {**self.mock.settings(agent_id), "idle_audio": "none", "echo_guard": "off", **options}
        self.sections[name] = {key: _text(value) for key, value in section.items() if value is not None}
        return agent

    def dialplan(self, text: str) -> None:
        """Add lines to the context [default]; `same => n` works."""
        self._dialplan.append(text)

    def configuration(self) -> str:
        """The text of aiconvai.conf."""
        sections = {"general": self.general} | self.sections
        return "\n".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())
            for name, options in sections.items()
        )

    def apply(self) -> None:
        """Write the configuration and the dialplan and load both."""
        self.asterisk.write_config("aiconvai.conf", self.configuration())
        answer = self.asterisk.cli("aiconvai reload")
        assert "Loaded" in answer, answer
        if self._dialplan:
            self.asterisk.set_dialplan("\n".join(self._dialplan))

    # Calling --------------------------------------------------------------------------------------

    def call(self, extension: str = "100", codec: str = "ulaw", **settings: Any) -> Call:
        """Call an extension and wait for the answer."""
        return self.caller.call(extension, codec, **settings).wait_answered()

    def conversation(self, timeout: float = DEFAULT_TIMEOUT) -> ThreadedConversation:
        """The next conversation at the mock, once it has begun."""
        conversation = self.mock.next_conversation(timeout=timeout)
        conversation.wait_started(timeout)
        return conversation

    # Looking --------------------------------------------------------------------------------------

    def event(self, name: str, timeout: float = DEFAULT_TIMEOUT, **headers: str) -> Message:
        """The first manager event of that name since the test began whose headers have these values."""

        def matches(message: Message) -> bool:
            return all(message.get(key) == value for key, value in headers.items())

        return self.asterisk.ami.wait_for(name, matches, timeout, since=self._ami_position)

    def events(self, name: str) -> list[Message]:
        """All manager events of that name since the test began."""
        return self.asterisk.ami.events(name, since=self._ami_position)

    def channel(self) -> str:
        """The name of the one channel there is."""
        (name,) = self.asterisk.channels()
        return name

    def log(self) -> str:
        """What Asterisk logged since the test began."""
        return self.asterisk.log_since(self._log_position)

    def wait_for_log(self, pattern: str, timeout: float = DEFAULT_TIMEOUT) -> re.Match[str]:
        """Wait for a line since the test began."""
        return self.asterisk.wait_for_log(pattern, timeout, since=self._log_position)


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@pytest.fixture
def mock_options() -> MockOptions:
    """What the mock of the fixture `voice` is started with; a test file may override it."""
    return MockOptions()


@pytest.fixture
def voice(asterisk: Asterisk, caller: Caller, mock_options: MockOptions) -> Iterator[Voice]:
    """A Voice whose calls are hung up, and whose mock is stopped, at the end."""
    with ExitStack() as stack:

        def start(provider: str) -> MockThread[Any]:
            return stack.enter_context(MockThread(mock_class(provider)(mock_options)))

        yield Voice(asterisk, caller, stack.enter_context(ElevenLabsMockThread(mock_options)), start)
        for call in caller.calls():
            if call.alive:
                call.hangup()
