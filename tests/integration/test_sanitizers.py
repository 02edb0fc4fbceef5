"""Errors of memory and of undefined behaviour: tests of other files with a sanitized module.

Asterisk itself is not built with sanitizers. AddressSanitizer does not mind. ThreadSanitizer takes Asterisk's own
counters for races: of its reports those count that are about the module's own code alone (test_threads.py). It also
watches the engine and its network in a program of their own (tests/host/test_link_threads.py).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import test_conversation
import test_hangup
import test_interruption
from compiled import compile_module
from test_application import (
    test_option_b_returns_at_once_and_hangs_up_at_the_agents_end,
    test_option_m_is_heard_until_the_agent_is,
    test_wrong_arguments_continue_in_the_dialplan,
)
from test_audio_formats import test_a_tone_is_whole_and_keeps_its_level
from test_cli import (
    test_call_is_found_by_channel_unique_id_and_conversation_id,
    test_channels_and_unique_ids_are_completed,
    test_service_cannot_write_to_the_command_line,
    test_show_agents,
    test_show_stats_counts_what_happened,
    word,
)
from test_configuration import (
    no_other_files,
    test_agent_is_removed_under_its_call,
    test_every_mistake_is_named,
    test_included_files_are_read,
    test_mistake_is_named,
    test_templates_are_inherited_and_overridden,
)
from test_confirmed_interruption import (
    test_all_of_the_answer_is_heard_after_a_cough,
    test_words_end_it,
)
from test_echo_guard import test_a_caller_is_heard_over_it
from test_initiation import (
    test_headers_are_told_where_configured,
    test_overrides_are_told,
    test_text_that_is_no_utf8_is_told_as_valid_json,
)
from test_keys_and_context import test_keys_pressed_before_the_conversation_are_kept
from test_manager import (
    test_close_reason_cannot_break_the_protocol,
    test_conversation_id_cannot_break_the_protocol,
    test_events_come_in_order_with_the_documented_headers,
    test_list_of_calls,
    test_odd_characters_of_a_transcript_arrive_as_one_line,
    test_tool_call_that_is_open_at_the_end_is_dropped,
    test_transcript_cannot_break_the_protocol,
    test_two_tool_calls_at_once_are_answered_each,
    test_unanswered_tool_call_is_told_to_the_agent,
)
from test_prompts import (
    test_dialplan_enters_a_state,
    test_prompts_may_be_in_a_file,
    test_subroutine_of_a_tool_enters_a_state,
)
from test_secrets import loud_asterisk, test_no_secret_is_shown
from test_tls import (
    authority,
    service,
    test_private_authority_is_trusted_for_the_signed_url_and_the_conversation,
    test_replaced_authority_is_used_for_the_next_call,
    test_unusable_authority_file_is_named,
    test_wrong_certificate_is_refused_once,
)
from test_tools import (
    test_agent_in_the_background_transfers_the_call,
    test_agent_presses_keys,
    test_agent_transfers_the_call,
    test_subroutine_has_the_arguments_and_gives_the_result,
    test_subroutine_may_hang_up,
    test_subroutine_that_takes_too_long_is_answered_for,
)
from test_transfers import test_a_conversation_in_the_background_follows_a_masquerade
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskCrashed, AsteriskVersion, LeakCheck, build_module
from aiconvai.rig.caller import Caller

__all__ = [
    "authority",
    "loud_asterisk",
    "mock_options",
    "no_other_files",
    "service",
    "test_a_caller_is_heard_over_it",
    "test_a_conversation_in_the_background_follows_a_masquerade",
    "test_a_tone_is_whole_and_keeps_its_level",
    "test_agent_in_the_background_transfers_the_call",
    "test_agent_is_removed_under_its_call",
    "test_agent_presses_keys",
    "test_agent_transfers_the_call",
    "test_all_of_the_answer_is_heard_after_a_cough",
    "test_call_is_found_by_channel_unique_id_and_conversation_id",
    "test_channels_and_unique_ids_are_completed",
    "test_close_reason_cannot_break_the_protocol",
    "test_conversation_id_cannot_break_the_protocol",
    "test_dialplan_enters_a_state",
    "test_events_come_in_order_with_the_documented_headers",
    "test_every_mistake_is_named",
    "test_headers_are_told_where_configured",
    "test_included_files_are_read",
    "test_keys_pressed_before_the_conversation_are_kept",
    "test_list_of_calls",
    "test_mistake_is_named",
    "test_no_secret_is_shown",
    "test_odd_characters_of_a_transcript_arrive_as_one_line",
    "test_option_b_returns_at_once_and_hangs_up_at_the_agents_end",
    "test_option_m_is_heard_until_the_agent_is",
    "test_overrides_are_told",
    "test_private_authority_is_trusted_for_the_signed_url_and_the_conversation",
    "test_prompts_may_be_in_a_file",
    "test_replaced_authority_is_used_for_the_next_call",
    "test_service_cannot_write_to_the_command_line",
    "test_show_agents",
    "test_show_stats_counts_what_happened",
    "test_subroutine_has_the_arguments_and_gives_the_result",
    "test_subroutine_may_hang_up",
    "test_subroutine_of_a_tool_enters_a_state",
    "test_subroutine_that_takes_too_long_is_answered_for",
    "test_templates_are_inherited_and_overridden",
    "test_text_that_is_no_utf8_is_told_as_valid_json",
    "test_tool_call_that_is_open_at_the_end_is_dropped",
    "test_transcript_cannot_break_the_protocol",
    "test_two_tool_calls_at_once_are_answered_each",
    "test_unanswered_tool_call_is_told_to_the_agent",
    "test_unusable_authority_file_is_named",
    "test_words_end_it",
    "test_wrong_arguments_continue_in_the_dialplan",
    "test_wrong_certificate_is_refused_once",
    "voice",
    "word",
]

# Where memory is most at stake: all of these files' tests.
for _module in (test_conversation, test_hangup, test_interruption):
    globals().update({name: test for name, test in vars(_module).items() if name.startswith("test_")})

UNDEFINED = "print_stacktrace=1:halt_on_error=1:abort_on_error=1"
"""Undefined behaviour ends Asterisk: the rig's log of AddressSanitizer does not hold its reports."""


# The module in Asterisk, with AddressSanitizer and UndefinedBehaviorSanitizer -----------------------------


@pytest.fixture(scope="session")
def asterisk_version() -> AsteriskVersion:
    """The version with the newer compiler."""
    return 22


@pytest.fixture(scope="session")
def app_module(asterisk_version: AsteriskVersion) -> Path:
    """The module built with sanitizers."""
    return build_module(asterisk_version, sanitizer="address")


def _sanitized(module: Path, **settings: Any) -> Asterisk:
    environment = {"UBSAN_OPTIONS": UNDEFINED} | settings.pop("environment", {})
    return Asterisk(22, module=module, sanitizer="address", environment=environment, **settings)


@pytest.fixture(scope="module")
def asterisk(app_module: Path) -> Iterator[Asterisk]:
    """Asterisk with the sanitized module: stopping it raises what was reported."""
    with _sanitized(app_module, module_config="[general]\n") as one:
        _warm_up(one)
        yield one


def _warm_up(instance: Asterisk) -> None:
    """Bring about, before anything is counted, what Asterisk makes at its first call and keeps."""
    mark = instance.ami.position()
    instance.ami.action("Originate", Channel="Local/wait@default", Application="System", Data="true", Async="true")
    instance.ami.wait_for("Hangup", since=mark)
    with Caller(instance.sip_port) as caller:
        call = caller.call("echo").wait_answered()
        call.wait_heard(5)
        call.hangup()


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves something behind, or during which a sanitizer reported something."""
    if "asterisk" not in request.fixturenames:
        yield
        return
    instance: Asterisk = request.getfixturevalue("asterisk")
    check = LeakCheck(instance)
    yield
    check.verify()


@pytest.fixture
def make_asterisk(app_module: Path) -> Iterator[Callable[..., Asterisk]]:
    """Further instances with the sanitized module."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Asterisk:
            settings.pop("module", None)
            return stack.enter_context(_sanitized(app_module, **settings))

        yield make


def test_module_leaves_no_memory_behind(app_module: Path, short_directory: Path) -> None:
    assert _leaks_of(app_module, short_directory, _use_all_of_it) == []


def test_memory_that_a_module_forgets_is_reported(asterisk: Asterisk, short_directory: Path) -> None:
    """The test before this one can fail."""
    module = compile_module(asterisk, "faulty_module.c", "faulty.so", "-fsanitize=address")

    def forget(instance: Asterisk) -> None:
        instance.cli("faulty forget")

    (leak,) = _leaks_of(module, short_directory, forget)
    assert "16 byte(s)" in leak
    assert "in faulty " in leak


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose files outlive the Asterisk that uses it; a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="aiconvai-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def _leaks_of(module: Path, directory: Path, use: Callable[[Asterisk], None]) -> list[str]:
    """LeakSanitizer's blocks about memory that nothing points to any more when Asterisk has ended."""
    environment = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0"}
    instance = _sanitized(module, module_config="[general]\n", environment=environment, directory=directory)
    # What is raised once it has ended is the report that is read below.
    with contextlib.suppress(AsteriskCrashed):
        instance.start()
        try:
            use(instance)
            instance.check_alive()
        finally:
            instance.stop()
    reports = "\n".join(path.read_text(errors="replace") for path in (directory / "log").glob("sanitizer.*"))
    assert "ERROR: AddressSanitizer" not in reports
    assert (directory / "run" / "exit-status").read_text().strip() in ("0", "1")
    return re.findall(r"^(?:Direct|Indirect) leak (?:.+\n)+", reports, re.MULTILINE)


def _use_all_of_it(instance: Asterisk) -> None:
    """Calls that end in each way, actions, commands, good and bad configurations."""
    with ElevenLabsMockThread(MockOptions()) as mock, Caller(instance.sip_port) as caller:
        voice = Voice(instance, caller, mock)
        scenarios = {"echo": load_scenario("echo"), "tool": load_scenario("tool_call"), "drop": load_scenario("drop")}
        for number, (name, scenario) in enumerate(scenarios.items()):
            agent = ElevenLabsAgent(private=True, scenario=scenario, output_format="pcm_16000")
            tools = {"tool_look": "ami", "tool_end_call": "builtin", "tool_enter_state": "builtin", "prompts": "desk"}
            more = {"dynamic_variable": "a=b", "send_sip_headers": "X-A", "tool_timeout_ms": 100, "first_state": "none"}
            voice.agent(name, agent, **tools, **more)
            voice.dialplan(f"exten => {100 + number},1,AIConvAI({name},v(c=d))")
        voice.sections["tool-look"] = {"description": "Looks."}
        voice.sections["prompt-desk"] = {"file": "desk.json"}
        instance.write_config("desk.json", '{"states": {"greeting": "Greet {a}."}}')
        voice.apply()
        instance.write_config("aiconvai.conf", voice.configuration() + "[x]\nagnet_id = 1\n")
        assert "not changed" in instance.cli("aiconvai reload")
        calls = [caller.call(str(100 + number)) for number in range(3)]
        calls[0].wait_answered().play(tone(500, 0.3, 8000))
        calls[0].wait_for_sound()
        instance.cli("aiconvai show agents")
        instance.cli("aiconvai show calls")
        instance.ami.action("AIConvAIList")
        for call in calls[1:]:
            call.wait_ended(20)
        calls[0].hangup()
        for name in scenarios:
            voice.event("AIConvAIEnd", Agent=name)
