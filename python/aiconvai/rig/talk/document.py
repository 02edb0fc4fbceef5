"""The results as a page: docs/talk-measured.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiconvai.rig.bench.statistics import Distribution
from aiconvai.rig.talk.agent import SERVICE_DBFS, SERVICE_MIN_MS, TURN_END_MS, WORD_MS
from aiconvai.rig.talk.figures import Rate, echo_figures, interruption_figures, rate, selectivity_figures
from aiconvai.rig.talk.lines import HEADSET, LINES, USUAL, Line
from aiconvai.rig.talk.plan import NO_INTERRUPTIONS
from aiconvai.rig.talk.results import TalkResults
from aiconvai.rig.talk.run import COLUMNS, NOTHING, OURS, SERVICE, Column
from aiconvai.rig.talk.sounds import Kind
from aiconvai.rig.talk.turn import Turn

_USUAL = tuple(line for line in LINES if line.usual)
_MEANINGLESS = (Kind.COUGH, Kind.BACK_CHANNEL, Kind.DOOR)
"""Sounds that nobody means anything with but to listen."""
_NONE = "-"


def render(results: TalkResults, pictures: Sequence[str]) -> str:
    """The page; `pictures` are names of files in images/."""
    parts = [
        _HEAD.format(
            made=results.made,
            asterisk=results.asterisk,
            processor=results.processor,
            late=results.late_ms,
        ),
        "This was a quick run: too few calls for most rates.\n" if results.quick else "",
        f"{len(results.broken_off)} more calls broke off.\n" if results.broken_off else "",
        _goals(results),
        _picture(pictures, "talk-recording.png", "One call: what the caller sent and heard, and what was decided"),
        "## The agent hears itself\n",
        _echo(results),
        _picture(pictures, "talk-rates.png", "Rates by line, with their intervals"),
        "## The caller interrupts\n",
        _interruptions(results),
        _picture(pictures, "talk-yield.png", "How soon the agent is silent"),
        "## The caller makes a sound\n",
        _selectivity(results),
        "## The caller asks\n",
        _answers(results),
        _method(),
    ]
    return "\n".join(part for part in parts if part)


_HEAD = """\
# Conversations, measured

<!-- Written by `aiconvai bench talk`. -->

{made}, Asterisk {asterisk}, {processor}. Calls over a real Asterisk: simulated telephones, a mock service that listens
by loudness, two-channel recordings. A rate is given with its 95 % interval (Wilson), and not of fewer than ten events.
In nine calls of ten 99 % of the caller's packets left within {late:.0f} ms of their time. How the parts work:
[talk.md](talk.md).
"""


def _goals(results: TalkResults) -> str:
    usual = results.turns(OURS, _USUAL, Kind.NOTHING)
    interrupted = interruption_figures(results.turns(OURS, _USUAL, Kind.INTERRUPTION))
    quiet = interruption_figures(results.turns(OURS, [HEADSET], Kind.INTERRUPTION))
    before = echo_figures(results.turns(SERVICE, [USUAL], Kind.NOTHING))
    before_quiet = interruption_figures(results.turns(SERVICE, [HEADSET], Kind.INTERRUPTION))
    before_usual = interruption_figures(results.turns(SERVICE, [USUAL], Kind.INTERRUPTION))
    sounds, before_sounds = _made(results, *_MEANINGLESS)
    hellos, before_hellos = _made(results, *(kind for kind in NO_INTERRUPTIONS if kind not in _MEANINGLESS))
    selective = selectivity_figures([*sounds, *hellos])
    after = quiet.silent_after_decision_ms
    echo = echo_figures(usual)
    rows = [
        ("Answers broken off by the agent's own voice, usual speakerphones", _rate(before.broken_off),
         _rate(echo.broken_off), "< 1 %"),
        ("The same, first turn of a call", _rate(before.first_broken_off), _rate(echo.first_broken_off), "< 1 %"),
        ("Interruptions decided within 200 ms, no echo", _rate(before_quiet.decided_200), _rate(quiet.decided_200),
         "98 %"),
        ("within 500 ms", _rate(before_quiet.decided_500), _rate(quiet.decided_500), "100 %"),
        ("The same within 200 ms, usual speakerphones", _rate(before_usual.decided_200),
         _rate(interrupted.decided_200), "85 %"),
        ("within 500 ms", _rate(before_usual.decided_500), _rate(interrupted.decided_500), "95 %"),
        ("Agent silent at the caller's ear after the decision", _spread(before_quiet.silent_after_decision_ms),
         _spread(after), "60 ms"),
        ("Rest of the answer heard after coughs, \"mm-hmm\", door slams",
         _rate(selectivity_figures(before_sounds).rest_heard), _rate(selectivity_figures(sounds).rest_heard), "95 %"),
        ("The same after \"hello?\" as the agent begins, and people far away",
         _rate(selectivity_figures(before_hellos).rest_heard), _rate(selectivity_figures(hellos).rest_heard), _NONE),
        ("Most of an answer lost, and heard twice, at a pause after which it went on", _NONE,
         f"{selective.lost_ms:.0f} ms, {selective.repeated_ms:.0f} ms", "0, 300 ms"),
    ]  # fmt: skip
    return _table(("figure", "the service alone", "ours", "goal"), rows)


def _made(results: TalkResults, *kinds: Kind) -> tuple[list[Turn], list[Turn]]:
    """Turns of ours in which the caller made one of these sounds, and of the service's."""
    ours = [turn for kind in kinds for turn in results.turns(OURS, [HEADSET, USUAL], kind)]
    return ours, [turn for kind in kinds for turn in results.turns(SERVICE, [HEADSET], kind)]


def _measured(
    results: TalkResults, kind: Kind, lines: Sequence[Line] = LINES
) -> Iterator[tuple[Line, Column, list[Turn]]]:
    """Lines and columns of which there are turns."""
    for line in lines:
        for column in COLUMNS:
            if turns := results.turns(column, [line], kind):
                yield line, column, turns


def _echo(results: TalkResults) -> str:
    rows = []
    for line, column, turns in _measured(results, Kind.NOTHING):
        figures = echo_figures(turns)
        rows.append(
            (_line(line), column.name, _rate(figures.broken_off, interval=True),
             _rate(figures.first_broken_off, interval=True), _rate(figures.paused))
        )  # fmt: skip
    return "Answers during which the caller says nothing.\n\n" + _table(
        ("line", "who decides", "broken off", "first turns broken off", "paused"), rows
    )


def _interruptions(results: TalkResults) -> str:
    rows = []
    for line, column, turns in _measured(results, Kind.INTERRUPTION):
        figures = interruption_figures(turns)
        lost = [turn.caller_lost_ms for turn in turns if turn.spoken_to]
        rows.append(
            (_line(line), column.name, _rate(figures.decided_200, interval=True),
             _rate(figures.decided_500, interval=True), _rate(figures.yielded), _spread(figures.silent_ms),
             _spread(figures.silent_after_decision_ms), _rate(rate(one == 0 for one in lost)))
        )  # fmt: skip
    return (
        "Callers who begin to speak 1 to 3 s into an answer. Where the answer had been broken off before, they count "
        "as missed. Times are of the caller's ear, p50 and p95, from the first sound.\n\n"
        + _table(
            (
                "line",
                "who decides",
                "decided within 200 ms",
                "within 500 ms",
                "silent within 2 s",
                "silent after",
                "silent after the decision",
                "the service got the first word whole",
            ),
            rows,
        )
    )


def _selectivity(results: TalkResults) -> str:
    rows = []
    for kind in NO_INTERRUPTIONS:
        for line, column, turns in _measured(results, kind, (HEADSET, USUAL)):
            figures = selectivity_figures(turns)
            rows.append(
                (kind.value, line.name, column.name, _rate(figures.rest_heard, interval=True),
                 _spread(figures.pause_ms), f"{figures.lost_ms:.0f} ms", f"{figures.repeated_ms:.0f} ms")
            )  # fmt: skip
    return 'Sounds that are no interruption, 1 to 3 s into an answer ("hello?": 0.2 to 0.8 s).\n\n' + _table(
        ("sound", "line", "who decides", "rest heard", "pause", "most lost at a pause", "most heard twice"), rows
    )


def _answers(results: TalkResults) -> str:
    rows = []
    for line, column, turns in _measured(results, Kind.QUESTION, (HEADSET, USUAL)):
        ordered = sorted(turn.answered_ms for turn in turns if turn.answered_ms is not None)
        if ordered:
            rows.append((line.name, column.name, f"{ordered[len(ordered) // 2]:.0f} ms", str(len(ordered))))
    return (
        f"From the last sound of a question to the first of the answer. The service waits for {TURN_END_MS} ms of "
        "silence, and answers at once.\n\n" + _table(("line", "who decides", "median", "answers"), rows)
    )


def _method() -> str:
    columns = "\n".join(f"- **{column.name}**: {column.about}." for column in (NOTHING, SERVICE, OURS))
    return f"""\
## How it is measured

{columns}

The service takes {SERVICE_MIN_MS} ms above {SERVICE_DBFS} dBFS for speech, which is as quick as real ones are, and
finds words in {WORD_MS} ms of it. Agents and callers are recordings of five people (Debian's sounds for Asterisk, five
languages) and voices of espeak-ng; coughs and doors are made. Callers speak at -22 dBFS, the agent at -20, so that a
caller is louder than the echo of the usual speakerphones and as loud as that of the loud one. A room, its echo, the
loudspeaker's distortion and the line's noise are simulated for each call anew; no real telephone was measured. Lines
marked (*) were not used when the echo guard's numbers were chosen.

An answer is *broken off* when its last 300 ms are not heard. *Decided*: the module's event says that it paused or
interrupted the agent. *Silent*: the arrival of the last packet of the agent's voice.
"""


def _line(line: Line) -> str:
    return f"{line.name} (*)" if line.held_out else line.name


def _rate(value: Rate | None, *, interval: bool = False) -> str:
    if value is None:
        return _NONE
    return f"{value}, {value.lowest * 100:.0f} to {value.highest * 100:.0f} %" if interval else str(value)


def _spread(value: Distribution | None) -> str:
    return _NONE if value is None else f"{value.p50:.0f} / {value.p95:.0f} ms"


def _picture(pictures: Sequence[str], name: str, text: str) -> str:
    return f"![{text}](images/{name})\n" if name in pictures else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
