"""Errors of memory and threads: tests of other files with a sanitized module, and the engine without Asterisk.

Asterisk itself is not built with sanitizers. AddressSanitizer does not mind. ThreadSanitizer takes Asterisk's own
counters for races: of its reports those count that are about the module's own code alone (test_threads.py). It also
watches the engine and its network in a program of their own, tests/host/link_threads.c.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import test_conversation
import test_hangup
import test_interruption
import trustme
from addresses import FIRST, HOSTS, NAME, SECOND, mute, port_of_both, swallowing
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
from aiconvai.builds import build_program
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario, parse_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskCrashed, AsteriskVersion, LeakCheck, build_module
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.caller import Caller

__all__ = [
    "authority",
    "loud_asterisk",
    "mock_options",
    "no_other_files",
    "service",
    "test_a_conversation_in_the_background_follows_a_masquerade",
    "test_a_tone_is_whole_and_keeps_its_level",
    "test_agent_in_the_background_transfers_the_call",
    "test_agent_is_removed_under_its_call",
    "test_agent_presses_keys",
    "test_agent_transfers_the_call",
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
    "test_wrong_arguments_continue_in_the_dialplan",
    "test_wrong_certificate_is_refused_once",
    "voice",
    "word",
]

# Where memory is most at stake: all of these files' tests.
for _module in (test_conversation, test_hangup, test_interruption):
    globals().update({name: test for name, test in vars(_module).items() if name.startswith("test_")})

ROOT = repository_root()
API_KEY = "test-api-key"

SANITIZED = {"b_sanitize": "address,undefined"}
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
    return build_module(asterisk_version, sanitizer="address", options=SANITIZED)


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


# The engine and its network without Asterisk --------------------------------------------------------------

INTERRUPTING = """\
steps:
  - repeat:
      steps:
        - tone: {seconds: 1}
        - wait: 0.2
        - interrupt: true
        - agent_response: Yes?
        - user_transcript: No.
        - tool_call: {name: look, parameters: {a: 1}, wait: false}
        - vad: [0.1]
        - ping: true
"""
CLOSING = "steps: [{tone: {seconds: 0.3}}, {wait: 0.4}, {close: 1000}]"
CUT = "wire: {frame_sizes: [1, 125, 3000], segment_sizes: [7, 1400], coalesce: 2}\nsteps: [{echo: {}}]"


class HostProgram(NamedTuple):
    """tests/host/link_threads.c, built with a sanitizer."""

    path: Path
    sanitizer: str


@pytest.fixture(scope="session", params=["thread", "address,undefined"], ids=["thread", "address"])
def host_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HostProgram:
    """The program, built for this machine with one sanitizer."""
    sanitizer: str = request.param
    build = ROOT / "build" / f"host-{sanitizer.split(',')[0]}"
    options = {"b_sanitize": sanitizer, "b_lundef": "false", "module": "disabled", "tests": "true", "werror": "true"}
    options["buildtype"] = "debugoptimized"
    into = tmp_path_factory.mktemp("host")
    return HostProgram(build_program(ROOT, build, "tests/host/link_threads", options, into), sanitizer)


def _run_threads(program: HostProgram, *arguments: str, before: tuple[str, ...] = (), says: str = "") -> dict[str, Any]:
    """What the program counted; any report of a sanitizer fails the test.

    `before` goes before the command, and `says` is what is to be written to the standard error.
    """
    done = subprocess.run(
        [*before, program.path, *arguments],
        env={
            **os.environ,
            "TSAN_OPTIONS": "second_deadlock_stack=1:history_size=4:exitcode=66",
            "ASAN_OPTIONS": "detect_leaks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:20000]
    assert done.stderr == says
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def _host_agents() -> dict[str, ElevenLabsAgent]:
    scenarios = {
        "echo": load_scenario("echo"),
        "interrupt": parse_scenario(INTERRUPTING),
        "close": parse_scenario(CLOSING),
        "drop": load_scenario("drop", seconds=0.4),
        "cut": parse_scenario(CUT),
    }
    return {name: ElevenLabsAgent(private=True, api_key=API_KEY, scenario=one) for name, one in scenarios.items()}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_engine_and_network_run_under_all_threads(host_program: HostProgram, tls: bool, tmp_path: Path) -> None:
    agents = _host_agents()
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    options = MockOptions(agents=agents, tls=authority.issue_cert("127.0.0.1") if tls else None)
    with ElevenLabsMockThread(options) as mock:
        counted = _run_threads(
            host_program,
            f"--signed-url-endpoint={mock.signed_url_endpoint}",
            f"--api-key={API_KEY}",
            f"--ca-file={ca_file}",
            *(f"--agent={name}" for name in agents),
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=6",
        )
        records = [conversation.record for conversation in mock.conversations]
        for conversation in mock.conversations:
            conversation.wait_closed()
    assert counted["alive"] == 0
    assert counted["conversations"] > 10
    assert counted["conversations"] == sum(counted["ended"].values())
    assert counted["ended"]["UNAVAILABLE"] == 0
    for kind in ("COMPLETED", "CALLER_HANGUP", "LOST"):
        assert counted["ended"][kind] > 0, kind
    for thing in ("frames_heard", "interruptions", "transcripts", "tool_results", "contexts", "queries"):
        assert counted[thing] > 10, thing
    assert counted["frames_heard"] > counted["frames_fed"] // 4
    assert (counted["tls_resumed"] > 10) == tls
    assert not [record.violations for record in records if record.violations]


def test_connections_that_fail_leave_nothing_behind(host_program: HostProgram) -> None:
    with ElevenLabsMockThread(MockOptions(agents={})) as mock:
        counted = _run_threads(
            host_program,
            f"--endpoint={mock.conversation_endpoint}",
            "--agent=unknown",
            "--lines=6",
            "--seconds=2",
        )
    assert counted["alive"] == 0
    assert counted["ready"] == 0
    assert counted["ended"]["UNAVAILABLE"] > 20
    refused = _run_threads(host_program, "--endpoint=ws://127.0.0.1:1/", "--agent=a", "--lines=6", "--seconds=2")
    assert refused["ended"]["UNAVAILABLE"] > 20
    assert refused["alive"] == 0


@pytest.mark.parametrize("first", [swallowing, mute])
def test_addresses_are_raced_under_all_threads(
    host_program: HostProgram, first: Callable[[str, int], Any], tmp_path: Path
) -> None:
    """Callers hang up in the middle of it, too."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    # A name server of one's own, for this program alone.
    alone = ("unshare", "--mount", "--map-root-user", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')
    closing = {"close": ElevenLabsAgent(scenario=parse_scenario(CLOSING))}
    at = {"host": SECOND, "port": port_of_both(), "public_host": NAME}
    options = MockOptions(agents=closing, tls=authority.issue_cert(NAME), **at)
    with ElevenLabsMockThread(options) as mock, first(FIRST, mock.port):
        counted = _run_threads(
            host_program,
            f"--endpoint={mock.conversation_endpoint}",
            f"--ca-file={ca_file}",
            "--agent=close",
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=4",
            before=(*alone, str(hosts)),
        )
    assert counted["alive"] == 0
    assert counted["errors"] == 0
    assert counted["ended"]["UNAVAILABLE"] == 0
    assert counted["ended"]["COMPLETED"] > 20, "they begin again and again, and wait for the other address once"


def test_family_that_leads_nowhere_does_not_keep_the_other_out(host_program: HostProgram) -> None:
    """Not even with more addresses than are kept."""
    script = Path(__file__).with_name("in_namespace.py")
    alone = ("unshare", "--net", "--mount", "--map-root-user", sys.executable, str(script))
    counted = _run_threads(host_program, before=alone)
    assert counted["alive"] == 0
    assert counted["errors"] == 0
    assert counted["ended"]["UNAVAILABLE"] == 0
    assert counted["ended"]["COMPLETED"] > 8


def test_loop_whose_libwebsockets_fails_ends_its_conversations_and_still_serves_who_waits(
    host_program: HostProgram,
) -> None:
    agents = _host_agents()
    said = "libwebsockets cannot go on: the conversations it served have ended, and no others can begin"
    line = f"link_threads: error: {said}; unload and load the module\n"
    with ElevenLabsMockThread(MockOptions(agents=agents)) as mock:
        counted = _run_threads(
            host_program,
            f"--signed-url-endpoint={mock.signed_url_endpoint}",
            f"--api-key={API_KEY}",
            *(f"--agent={name}" for name in agents),
            "--lines=10",
            "--loops=2",
            "--feeders=3",
            "--seconds=5",
            "--fail-after=2",
            says=line * 2,
        )
        for conversation in mock.conversations:
            conversation.wait_closed()
    assert counted["alive"] == 0
    assert counted["conversations"] == sum(counted["ended"].values())
    assert counted["ended"]["LOST"] > 3
    # Queries and hang-ups of those that were refused at once.
    assert counted["ended"]["UNAVAILABLE"] > 100
    assert counted["queries"] > 100
