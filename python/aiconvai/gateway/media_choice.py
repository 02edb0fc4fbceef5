"""Which kind of media an Asterisk does well that is asked by ARI: that depends on its version, and on what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiconvai.asterisk_release import Version, is_from, version_of
from aiconvai.gateway.ari import Ari, AriError
from aiconvai.serve.settings import AriSettings


class Kind(StrEnum):
    """Of media."""

    WEBSOCKET = "websocket"
    AUDIOSOCKET = "audiosocket"
    RTP = "rtp"


_WIDE_AUDIOSOCKET = {20: 17, 21: 12, 22: 7, 23: 1}
"""The first release of each branch whose AudioSocket says of what rate audio is."""
_GOOD = {
    # Before, a caller's comfort noise, or a header that came in pieces, ended the call.
    Kind.AUDIOSOCKET: {20: 20, 22: 10, 23: 4},
    # Before, it could make loud noise of silence.
    Kind.WEBSOCKET: {20: 19, 22: 9, 23: 3},
}
"""The first release of each branch in which that is chosen by itself, the better one first."""
_DRIVER = {Kind.WEBSOCKET: "chan_websocket.so", Kind.AUDIOSOCKET: "chan_audiosocket.so"}
_WIDE_BY = {Kind.WEBSOCKET: "codec_resample.so", Kind.AUDIOSOCKET: "codec_resample.so", Kind.RTP: "codec_g722.so"}
"""What Asterisk needs to join wide band to a caller of another codec."""
TOLD = {Kind.WEBSOCKET: "WebSocket", Kind.AUDIOSOCKET: "AudioSocket", Kind.RTP: "RTP"}
"""As people call them."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What an Asterisk says of itself."""

    version: Version | None = None
    """None: it did not say, or it is no release."""
    version_text: str = ""
    modules: Mapping[str, bool | None] | None = None
    """Whether they run; None, of one or all: it did not say."""

    def runs(self, module: str) -> bool | None:
        return None if self.modules is None else self.modules.get(module)


@dataclass(frozen=True, slots=True)
class Choice:
    """Of the media for an Asterisk's calls."""

    kind: Kind
    is_wide: bool
    """16 kHz for callers who have wide band."""
    why: str

    def __str__(self) -> str:
        return f"audio by {TOLD[self.kind]}, {'16' if self.is_wide else '8'} kHz: {self.why}"


async def ability_of(ari: Ari) -> Ability:
    """What is not said is not known: nothing raises."""
    try:
        text = str((await ari.ask("GET", "/asterisk/info", only="system"))["system"]["version"])
    except (AriError, KeyError, TypeError):
        return Ability()
    modules: dict[str, bool | None] = {}
    for name in sorted({*_DRIVER.values(), *_WIDE_BY.values()}):
        try:
            modules[name] = (await ari.ask("GET", f"/asterisk/modules/{name}")).get("status") == "Running"
        except AriError as error:
            # 409: it is known, and does not run.
            modules[name] = False if error.status in (404, 409) else None
    return Ability(version_of(text), text, modules)


def choose(settings: AriSettings, ability: Ability, *, has_g722: bool) -> Choice:
    """The best that this Asterisk can do, as far as serve.toml leaves that open."""
    kind, why = Kind.RTP, "so serve.toml says"
    if settings.media == "auto":
        kind, why = _best(settings, ability, has_g722=has_g722)
    else:
        kind = Kind(settings.media)
    return choose_width(kind, why, settings, ability, has_g722=has_g722)


def choose_width(kind: Kind, why: str, settings: AriSettings, ability: Ability, *, has_g722: bool) -> Choice:
    """That kind, for that reason; in wide band where it has that."""
    if not settings.wide:
        return Choice(kind, False, why)
    problem = _no_wide_band(kind, ability, has_g722=has_g722)
    return Choice(kind, not problem, f"{why}; {problem}" if problem else why)


def _best(settings: AriSettings, ability: Ability, *, has_g722: bool) -> tuple[Kind, str]:
    """And why. RTP is heard as soon as any, costs Asterisk least, and has nothing that could go wrong in it."""
    named = f"Asterisk {ability.version_text}"
    if ability.version is None:
        return Kind.RTP, f"its version is not known: {ability.version_text or 'res_ari_asterisk does not say it'}"
    if settings.url.startswith("https:") and _is_good(Kind.WEBSOCKET, ability):
        return Kind.WEBSOCKET, f"{named}, and that is encrypted as its url is"
    if not settings.wide or not (problem := _no_wide_band(Kind.RTP, ability, has_g722=has_g722)):
        return Kind.RTP, named
    for kind in _GOOD:
        if _is_good(kind, ability) and not _no_wide_band(kind, ability, has_g722=has_g722):
            return kind, f"{named} has {_DRIVER[kind]}; by RTP {problem}"
    return Kind.RTP, f"{named} has nothing better"


def _is_good(kind: Kind, ability: Ability) -> bool:
    """Whether it runs, and can be relied upon."""
    is_new = ability.version is not None and is_from(ability.version, _GOOD[kind])
    return is_new and ability.runs(_DRIVER[kind]) is True


def _no_wide_band(kind: Kind, ability: Ability, *, has_g722: bool) -> str:
    """Why not; empty: it carries that."""
    if kind is Kind.RTP and not has_g722:
        return "no G.722: aiconvai was built without spandsp"
    if kind is Kind.AUDIOSOCKET and (ability.version is None or not is_from(ability.version, _WIDE_AUDIOSOCKET)):
        return "no wide band by AudioSocket before 20.17, 22.7 and 23.1"
    if not (runs := ability.runs(_WIDE_BY[kind])):
        return f"no wide band: {_WIDE_BY[kind]} {'does not run' if runs is False else 'is not known to run'}"
    return ""
