"""Calls of tools that the client has, with what no agent should say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from aiconvai.mock.hostile.attack import FORGED, FORGERY, Attack, Attacks, Setting, attack
from aiconvai.mock.hostile.vocabulary import Does, Role, Template
from aiconvai.mock.hostile.wire import Hold, Raw, Step, joined

BUILTIN = ("end_call", "transfer_call", "send_dtmf", "enter_state", "collect_digits", "transfer_to_agent")
NOWHERE = "nowhere"
"""A destination that the client may transfer to, and that its dialplan does not have."""
NOBODY = "nobody"
"""Another agent of the client's, whose service cannot be reached."""
SUBROUTINE = "find"
"""The tool that a subroutine of the dialplan runs."""
_NO_ARGUMENTS: tuple[Any, ...] = (
    *(Raw(text) for text in (b"null", b"true", b"7", b'"x"', b"[]", b"[1,2]", b"{}", b"1e999", b'""')),
    {"digits": 7, "destination": 7, "state": 7, "agent": 7, "count": -7},
    {"digits": None, "destination": None, "state": None, "agent": None, "count": None},
    {"digits": ["1"], "destination": {"a": 1}, "state": [[]], "agent": [{}], "count": [3]},
    {"digits": "", "destination": "", "state": "", "agent": "", "count": ""},
    {"digits": "12x", "destination": "default,100,1", "state": "no such state", "agent": "general", "count": 1e300},
    {**dict.fromkeys(("digits", "destination", "state", "agent", "count"), FORGERY), FORGERY: FORGERY},
    {**dict.fromkeys(("digits", "destination", "state", "agent"), "x" * 10_000), "count": 2**63},
    {"DIGITS": "1", "Digits": "2", "digits ": "3"},
    {"number": "x" * 100_000},
)
_VARIABLES = (
    "HANGUPCAUSE",
    "CHANNEL(language)",
    "CALLERID(all)",
    "GLOBAL(AicForged)",
    "__AicForged",
    "_AicForged",
    "AicForged",
    "SHELL(true)",
    "FOO(bar)",
    "EXTEN",
    "TOOL_RESULT",
    "TOOL_ARG_number",
    "AICONVAI_STATUS",
    "a b",
    "a=b",
    "a,b",
    "",
    "x" * 5000,
    "ENV(AicForged)",
    "DB(AicForged/x)",
    "${EXTEN}",
    "number",
)
_EXPRESSIONS = (
    "${SHELL(touch /tmp/AicForged)}",
    "${EXTEN}",
    "$[1/0]",
    "$[1+1]",
    "${EVAL(${EXTEN})}",
    "${",
    "$[",
    "}",
    "\\",
    '"',
    "'",
    ",",
    ")",
    "),Set(GLOBAL(AicForged)=yes",
    "${GLOBAL(AicForged)}",
    "a\nb",
    "a\r\nSet(x=y)",
    "&",
    ";",
    "|",
    "%",
    "^",
    "${FILTER(,)}",
    FORGERY,
)


def _calls(template: Template, names: tuple[str, ...], arguments: tuple[Any, ...], prefix: str) -> Iterator[Step]:
    numbers = itertools.count()
    yield from joined(
        template.message(_values(template, name, each, f"{prefix}_{next(numbers)}"))
        for name in names
        for each in arguments
    )


def _values(template: Template, name: str, arguments: Any, call_id: str) -> dict[Any, Any]:
    text = arguments.data.decode() if isinstance(arguments, Raw) else json.dumps(arguments)
    return {
        **{path: name for path in template.paths(Role.NAME)},
        **{path: arguments for path in template.paths(Role.OBJECT)},
        **{path: text for path in template.paths(Role.ARGUMENTS)},
        **{path: call_id for path in template.paths(Role.ID)},
    }


def attacks(setting: Setting) -> Attacks:
    """Of the client's own tools, of its dialplan's, and of some that nobody has."""
    passing: list[Attack] = []
    ending: list[Attack] = []
    for template in setting.vocabulary.that(Does.CALLS_TOOL):
        if not template.paths(Role.NAME):
            passing.append(Attack("delegations", partial(_calls, template, ("",), ({},) * 50, "delegation")))
            continue
        calls = partial(_calls, template)
        # Of these two nothing else is heard for a while, or never again.
        others = tuple(name for name in BUILTIN if name not in ("end_call", "collect_digits"))
        variables = tuple({name: f"{FORGED} {number}"} for number, name in enumerate(_VARIABLES))
        expressions = tuple({"number": text, "text": text, text: "x"} for text in _EXPRESSIONS)
        strange = ("", " ", FORGERY, "find ", "FIND", "../find", "default,100,1", "x" * 10_000, "tool", "gosub:default")
        passing += [
            Attack("arguments of the wrong type", partial(calls, others, _NO_ARGUMENTS, "type")),
            Attack("arguments of a subroutine", partial(calls, (SUBROUTINE,), _NO_ARGUMENTS, "sub")),
            Attack("variables of the dialplan", partial(calls, (SUBROUTINE,), variables, "variable")),
            Attack("expressions of the dialplan", partial(calls, (SUBROUTINE,), expressions, "expression")),
            Attack("tools that nobody has", partial(calls, strange, ({"number": "7"},), "strange")),
        ]
        twice: tuple[Any, ...] = ({}, {})
        keys: tuple[Any, ...] = ({"digits": "1" * 10_000}, {"digits": "w" * 10_000})
        short: tuple[Any, ...] = ({"digits": "wwww"}, {"digits": "123"}) * 5
        ends: dict[str, Iterator[Step]] = {
            "the call is ended twice": calls(("end_call",), twice, "end"),
            "the call is ended with wrong arguments": calls(("end_call",), _NO_ARGUMENTS[:5], "end"),
            "the call goes nowhere": calls(("transfer_call",), ({"destination": NOWHERE},), "transfer"),
            "the call goes nowhere twice and ends": calls(
                ("transfer_call", "end_call"), ({"destination": NOWHERE},) * 2, "transfer"
            ),
            "digits are collected over and over": calls(("collect_digits",), _NO_ARGUMENTS, "digits"),
            "the call is handed over to nobody, twice": calls(
                ("transfer_to_agent",), ({"agent": NOBODY},) * 2, "agent"
            ),
            "10,000 keys": calls(("send_dtmf",), keys[:1], "keys"),
            "10,000 pauses between keys": calls(("send_dtmf",), keys[1:], "keys"),
            "many keys": calls(("send_dtmf",), short, "keys"),
        }
        ending += [attack(name, [*steps, Hold()]) for name, steps in ends.items()]
    return Attacks(tuple(passing), tuple(ending))
