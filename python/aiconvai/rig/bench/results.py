"""The outcome of a run, as it is written to JSON and rendered. Paths are named as in `aiconvai.rig.bench.paths`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aiconvai.rig.bench.model import Result
from aiconvai.rig.bench.statistics import Distribution

ProblemKind = Literal["machine", "timing", "calls", "loss"]
"""machine: something else ran, or the clock was set. timing: a caller or the far end did not keep up.
calls: a call was missing, failed or was silent. loss: audio was lost."""


class Problem(Result):
    """A reason why a run's numbers do not count."""

    kind: ProblemKind
    """`machine` (something else ran here, or the clock was set), `timing` (callers or the far end did not keep up),
    `calls` (a call was missing, failed or was silent) or `loss` (audio was lost)."""
    text: str
    """What was measured, and what went wrong."""


class Machine(Result):
    """Where it was measured."""

    processor: str
    """Its model."""
    cores: int
    """How many the system shows."""
    memory_gib: float
    """RAM in GiB."""
    kernel: str
    """Linux's release."""
    system: str
    """The distribution."""
    asterisk: dict[int, str] = Field(default_factory=dict)
    """Exact version by major version."""
    load_average: float
    """Of the minute before the run."""


class Losses(Result):
    """Audio that was lost in one stretch of calls, by where it was; all 0 in a valid run."""

    rtp_packets: int = 0
    """Callers' packets that Asterisk missed in their numbering."""
    full_sockets: int = 0
    """Datagrams that the kernel dropped because a socket of asterisk was full."""
    refused_frames: int = 0
    """Frames of callers that the module had no room for."""
    dropped_bytes: int = 0
    """Callers' audio that the module did not send."""
    overflow_bytes: int = 0
    """Agents' audio beyond the limit of the playout queue."""
    far_end_frames: int = 0
    """Frames that the module took from callers and the far end did not get, or got twice, summed over conversations."""
    heard_packets: int = 0
    """Packets that callers missed in the numbering of what they heard."""

    def total(self) -> int:
        """Of anything, whatever its unit: it has to be 0."""
        return (
            self.rtp_packets + self.full_sockets + self.refused_frames + self.dropped_bytes + self.overflow_bytes
            + self.far_end_frames + self.heard_packets
        )  # fmt: skip


class CallersOwn(Result):
    """What callers did and heard in a stretch of calls, as they say it themselves."""

    lateness_p50_ms: float
    """How late their packets left against their deadlines, median."""
    lateness_p99_ms: float
    """99 % were no later."""
    lateness_max_ms: float
    """The latest one."""
    least_heard: int
    """Packets that the caller heard who heard fewest."""
    expected: int
    """In that time, at one each 20 ms."""
    missing: int
    """Packets missing in the numbering of what they heard."""
    longest_gap_ms: float
    """Between two packets that one caller heard."""
    spacing_p99_ms: float
    """Between two packets heard, 99 % of all."""


class Stretch(Result):
    """One stretch of steady calls. Shares are of one core, so that 2 is all of a machine with two."""

    asterisk: int
    """Major version."""
    path: str
    """What the calls went through."""
    calls: int
    """How many at once."""
    seconds: float
    """How long it was measured."""
    asterisk_cpu: float
    """CPU seconds of the asterisk process for each second of a call."""
    helper_cpu: float
    """CPU seconds of the process that AudioSocket() and chan_websocket need besides, for each second of a call; of the
    other paths 0."""
    echo_cpu: float | None = None
    """The same of as many calls to Echo() in another Asterisk at the same time; null where there were none."""
    asterisk_share: float
    """Of a core, of the asterisk process."""
    busiest_thread_share: float
    """Of a core, of the thread of asterisk that ran most: one thread cannot have more than 1."""
    run_queue: float
    """How many threads of asterisk were ready to run and waited for a core, on average."""
    held: bool = False
    """The callers held their calls, and were to hear nothing."""
    callers_share: float
    """Of a core, of the program that makes the calls."""
    far_end_share: float
    """Of a core, of the far end: the service's place, or the helper's."""
    other_share: float
    """Of a core, of whatever else ran beside this tool."""
    stolen_share: float
    """Of a core, taken by the hypervisor."""
    context_switches: float
    """Of asterisk's threads, for each second of a call."""
    system_calls: float | None = None
    """Of asterisk, for each second of a call; null where they were not counted."""
    least_packets_in: int
    """RTP packets that came from the caller of the call that got fewest."""
    least_packets_out: int
    """The same of packets to the caller."""
    expected_packets: int
    """In that time, at one each 20 ms."""
    wire_cpu: float | None = None
    """CPU seconds of the kernel's thread that takes in what the far end sends, for each second of a call: Asterisk's
    own part of the work that is not on its account there; null over the loopback, where it is."""
    callers: CallersOwn | None = None
    """What the callers say; null of those that do not listen (`--bursts`)."""
    echo_callers: CallersOwn | None = None
    """The same of those to Echo() in another Asterisk; null where there were none."""
    underruns: int | None = None
    """How often an agent's audio ran out in one of the module's calls and silence was heard; null of other paths."""
    losses: Losses = Field(default_factory=Losses)
    """Audio lost."""
    problems: list[Problem] = Field(default_factory=list)
    """Why this stretch does not count."""


class Cost(Result):
    """What calls through a path cost, over all stretches of so many calls."""

    asterisk: int
    """Major version."""
    path: str
    """What the calls went through."""
    calls: int
    """How many at once."""
    stretches: int
    """How many there were."""
    asterisk_cpu: float
    """CPU seconds of the asterisk process for each second of a call, median."""
    helper_cpu: float
    """The same of the helper process."""
    ratio: float | None
    """Asterisk and helper together, in times of as many calls to Echo() at the same time, median; null where there were
    none."""
    asterisk_ratio: float | None
    """The same of Asterisk alone."""
    context_switches: float
    """Of asterisk's threads for each second of a call, median."""
    system_calls: float | None
    """Of asterisk for each second of a call, median; null where they were not counted."""


class ChurnCost(Result):
    """What calls cost while others come and go, against the same calls right before."""

    path: str
    """What the steady calls went through."""
    calls: int
    """How many of them."""
    churn_path: str
    """What those that come and go went through."""
    rate: float
    """Of these, set-ups a second."""
    lasting: float
    """How long each of them lasts, in seconds."""
    steady_cpu: float
    """CPU seconds of the asterisk process for each second of a steady call, while nothing else ran."""
    churn_cpu: float
    """The same while calls came and went, which are in it."""
    ratio: float
    """The second in times of the first, each against as many calls to Echo() in another Asterisk at the same time."""
    begun: int
    """How many came."""
    steady_gap_ms: float
    """The longest time between two packets that a steady caller heard while nothing else ran."""
    churn_gap_ms: float
    """The same while calls came and went."""
    lateness_p99_ms: float
    """Of the steady callers' own packets meanwhile."""


class RoundTrips(Result):
    """From a tone burst's leaving the caller to its coming back, in ms."""

    asterisk: int
    """Major version."""
    path: str
    """What the calls went through."""
    others: int
    """How many other calls ran meanwhile."""
    delays_ms: list[float]
    """Of each burst."""
    lost: int
    """Bursts that were not back when the next one left; lost packets are told from their numbering."""
    summary: Distribution
    """Of the delays."""


class PacketSpacing(Result):
    """How regularly the packets of an agent who has much to say come, in ms."""

    asterisk: int
    """Major version."""
    others: int
    """How many other calls ran meanwhile."""
    seconds: float
    """How long."""
    summary: Distribution
    """Of the time between two packets."""
    share_within_1_ms: float
    """Of packets 19 to 21 ms after the one before, 0 to 1."""
    drift_ppm: float
    """How much slower than one packet each 20 ms, over the whole time."""
    lost: int
    """Packets missing in their numbering."""
    spacings_ms: list[float]
    """Each."""


class Interruptions(Result):
    """When the last packet of old audio came after an interruption's last byte had been sent."""

    asterisk: int
    """Major version."""
    last_packets_ms: list[float]
    """Of each interruption; negative: before it."""
    summary: Distribution
    """Of the time until silence in ms: 0 where the last packet came before the message."""
    share_within_20_ms: float
    """Of interruptions after which it was silent within 20 ms, 0 to 1."""


class FirstAudio(Result):
    """From the answer (the 200 OK) to the first packet with sound of an agent who greets at once, in ms."""

    asterisk: int
    """Major version."""
    connection: str
    """`plain`, `TLS` or `TLS, signed URL`: how the agent was reached."""
    delays_ms: list[float]
    """Of each call."""
    summary: Distribution
    """Of the delays."""


class SetUp(Result):
    """How long the parts of setting up the connection took, as the module measured them, in ms."""

    asterisk: int
    """Major version."""
    connection: str
    """`plain`, `TLS` or `TLS, signed URL`: how the agent was reached."""
    parts: dict[str, Distribution]
    """By the name of the header in the event `AIConvAIEnd`, in their order. Those that end in DnsMs, TcpMs, TlsMs,
    ReplyMs, UpgradeMs and MetadataMs follow each other; ConnectMs, ReadyMs and FirstAudioMs count from the start."""


class Holdings(Result):
    """What one more call takes, from the growth of a fresh asterisk process between two numbers of calls."""

    path: str
    """What the calls went through."""
    few: int
    """The smaller number of calls."""
    many: int
    """The larger."""
    memory_kib: float
    """Resident memory of asterisk."""
    threads: float
    """Threads of asterisk."""
    file_descriptors: float
    """File descriptors of asterisk."""
    helper_memory_kib: float
    """Resident memory of the helper process; of paths without one 0."""


class Capacity(Result):
    """How many calls this machine holds, callers and far end on it too."""

    path: str
    """What the calls went through."""
    held: int
    """The most with which every rule was kept; 0 if one was broken with the first number tried."""
    tried: list[int]
    """Numbers of calls, in their order."""
    broken: Stretch | None
    """The calls with which a rule was first broken; null if none was, or if so many could not be measured at all. They
    are not among `stretches`."""
    limit: str
    """What there was not enough of then, and which rules were broken."""


class Repeated(Result):
    """A measurement that was taken again, as the machine had been taken away meanwhile."""

    name: str
    """As `--only` knows it."""
    reasons: list[str]
    """What was wrong with the one that does not count."""


class Goal(Result):
    """A headline figure and what is wanted of it."""

    key: str
    """Its name in `headlines`."""
    aim: str
    """In words."""
    value: float | None
    """What was measured; null if it was not."""
    met: bool | None
    """Null if it was not measured."""


class Results(Result):
    """One run."""

    version: Literal[1] = 1
    """Of this format."""
    made: str
    """Date and time, ISO 8601."""
    bursts: bool = False
    """Whether SIPp made the calls, with the packets of all of them in one burst, and the far end echoed at once."""
    quick: bool
    """Whether it was a quick run, whose numbers say less."""
    took_seconds: float = 0.0
    """The whole run."""
    machine: Machine
    """Where."""
    problems: list[Problem] = Field(default_factory=list)
    """Why the numbers do not count; empty in a valid run."""
    headlines: dict[str, float] = Field(default_factory=dict)
    """The few numbers that sum it up, which `--compare` compares; see `docs/performance.md`."""
    goals: list[Goal] = Field(default_factory=list)
    """What is wanted, and whether it is so."""
    costs: list[Cost] = Field(default_factory=list)
    """Processor time by path and number of calls."""
    stretches: list[Stretch] = Field(default_factory=list)
    """What the costs are made of, in the order measured."""
    churn: list[ChurnCost] = Field(default_factory=list)
    """While calls come and go."""
    round_trips: list[RoundTrips] = Field(default_factory=list)
    """Of tone bursts."""
    spacing: list[PacketSpacing] = Field(default_factory=list)
    """Of packets heard."""
    interruptions: list[Interruptions] = Field(default_factory=list)
    """How soon they silence."""
    first_audio: list[FirstAudio] = Field(default_factory=list)
    """How soon an agent is heard."""
    set_up: list[SetUp] = Field(default_factory=list)
    """Where the time until then goes."""
    holdings: list[Holdings] = Field(default_factory=list)
    """What a call takes."""
    capacity: list[Capacity] = Field(default_factory=list)
    """How many calls there may be."""
    many_calls: int = 200
    """The number at which it was asked whether a call costs more among many."""
    repeated: list[Repeated] = Field(default_factory=list)
    """What was measured again, once for each time."""
    notes: list[str] = Field(default_factory=list)
    """What could not be measured here, and why."""

    def cost(self, path: str, calls: int, asterisk: int = 22) -> Cost | None:
        """Of so many calls through one path."""
        return next((one for one in self.costs if (one.path, one.calls, one.asterisk) == (path, calls, asterisk)), None)

    def round_trip(self, path: str, others: bool, asterisk: int = 22) -> RoundTrips | None:
        """Through one path, with or without other calls."""
        return next(
            (one for one in self.round_trips if (one.path, bool(one.others), one.asterisk) == (path, others, asterisk)),
            None,
        )
