"""The outcome of a run, as it is written to JSON and rendered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from aiconvai.measure.statistics import Distribution

Path = Literal["Echo()", "20 ms chunks", "240 ms chunks"]
PATHS: tuple[Path, ...] = ("Echo()", "20 ms chunks", "240 ms chunks")
"""What a call goes through: Asterisk's own Echo(), or the module and an echoing service."""


class Machine(BaseModel):
    """Where it was measured."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    system: str
    asterisk: dict[int, str] = Field(default_factory=dict)
    """Exact version by major version."""
    load_average: float
    """Of the minute before the run."""


class RoundTrips(BaseModel):
    """Delays of tone bursts, in ms."""

    asterisk: int
    path: Path
    delays_ms: list[float]
    summary: Distribution


class PacketSpacing(BaseModel):
    """How regularly the agent's packets come, in ms."""

    asterisk: int
    seconds: float
    summary: Distribution
    share_within_1_ms: float
    drift_ppm: float
    lost: int
    spacings_ms: list[float]


class Interruptions(BaseModel):
    """When the last packet of old audio came, in ms after the interruption message; negative: before it."""

    asterisk: int
    last_packets_ms: list[float]
    summary: Distribution
    """Of the time until silence: 0 where the last packet came before the message."""
    share_within_20_ms: float


class CpuRound(BaseModel):
    """One stretch of steady calls."""

    path: Path
    calls: int
    seconds: float
    cpu_seconds: float
    """Of the asterisk process."""
    cpu_percent_of_a_call: float
    """Of one core."""
    service_share_of_a_core: float
    other_share_of_a_core: float
    """What ran beside Asterisk, the callers, the service and this tool."""
    least_packets_in: int
    """Of the call that got least from the caller."""
    least_packets_out: int
    underruns: int


class Cpu(BaseModel):
    """Processor time of the asterisk process."""

    rounds: list[CpuRound]
    echo_percent_of_a_call: float
    ratio_20_ms: float
    ratio_240_ms: float


class Holdings(BaseModel):
    """What one more call takes, between 10 and 50 calls."""

    path: Path
    memory_kib: float
    threads: float
    file_descriptors: float


class Measurements(BaseModel):
    """One run."""

    made: str
    """Date and time, ISO 8601."""
    quick: bool
    machine: Machine
    invalid: list[str] = Field(default_factory=list)
    """Why the numbers do not count; empty in a valid run."""
    round_trips: list[RoundTrips] = Field(default_factory=list)
    spacing: list[PacketSpacing] = Field(default_factory=list)
    interruptions: list[Interruptions] = Field(default_factory=list)
    cpu: Cpu | None = None
    holdings: list[Holdings] = Field(default_factory=list)

    def round_trips_of(self, asterisk: int, path: Path) -> RoundTrips | None:
        """Those through one path."""
        return next((one for one in self.round_trips if (one.asterisk, one.path) == (asterisk, path)), None)
