"""Every value as what it is not, and messages that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from aiconvai.mock.hostile.attack import FORGERY, Attack, Attacks, Setting, attack
from aiconvai.mock.hostile.vocabulary import Does, Path, Role, Template, Vocabulary
from aiconvai.mock.hostile.wire import BINARY, TEXT, Raw, Step, encode, joined, message, together

VALUES: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "false": b"false",
    "0": b"0",
    "-1": b"-1",
    "-0": b"-0",
    "fraction": b"1.5",
    "1e999": b"1e999",
    "-1e999": b"-1e999",
    "1e-999": b"1e-999",
    "2**63 - 1": b"9223372036854775807",
    "-2**63": b"-9223372036854775808",
    "2**63": b"9223372036854775808",
    "2**64": b"18446744073709551616",
    "twenty digits": b"-99999999999999999999",
    "empty string": b'""',
    "string": b'"x"',
    "number in a string": b'"7"',
    "NUL": b'"a\\u0000b"',
    "forgery": json.dumps(FORGERY).encode(),
    "half a pair": b'"\\ud83d"',
    "pair the wrong way": b'"\\udf88\\ud83c"',
    "controls": b'"\\u0001\\u001b[31m\\u007f\\u0085\\u2028"',
    "line break as it is": b'"a\nb"',
    "ESC as it is": b'"\x1b[31mAicForged"',
    "bad escape": b'"\\x"',
    "array": b"[]",
    "array of one": b"[1]",
    "array of strings": b'["x","y"]',
    "object": b"{}",
    "object of one": b'{"a":{"b":1}}',
    "nothing": b"",
    "NaN": b"NaN",
}
NO_BASE64 = (
    "!!!!",
    "A",
    "=",
    "====",
    "AAA=AAA",
    "AA=A",
    "AAAA\n",
    " AAAA",
    "_-_-",
    "\u0000",
    "é",
    "A" * 5,
    "data:;base64,AA",
)
_NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "a letter": b"x",
    "a number": b"7",
    "a string": b'"type"',
    "null": b"null",
    "an array": b'[{"type":"audio"}]',
    "half": b'{"type":"au',
    "two": b'{"type":"x"}{"type":"y"}',
    "a comma too many": b'{"type":"x",}',
    "a byte order mark": b'\xef\xbb\xbf{"type":"x"}',
    "UTF-16": '{"type":"x"}'.encode("utf-16"),
    "comments": b'/* x */ {"type":"x"} // y',
    "single quotes": b"{'type':'x'}",
    "NUL": b"\x00",
    "NULs after it": b'{"type":"x"}\x00\x00',
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "a manager's action": b"Action: Logoff\r\n\r\n",
    "forgery": FORGERY.encode(),
}
_NO_UTF8 = (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"ab\xe2\x82")


def _values(template: Template) -> Iterator[Step]:
    paths = [path for path, _ in template.leaves()]
    yield from joined(template.message({path: Raw(text)}) for path in paths for text in VALUES.values())


def _branches(template: Template) -> Iterator[Step]:
    """What holds other values, as each of them."""
    whole = {path[:length] for path, _ in template.leaves() for length in range(1, len(path))}
    yield from joined(
        template.message({path: Raw(text)}) for path in sorted(whole, key=repr) for text in VALUES.values()
    )


def _no_base64(template: Template, path: Path) -> Iterator[Step]:
    yield from joined(template.message({path: text}) for text in NO_BASE64)
    yield from joined(template.message({path: "/w7/"[: 4 - cut] * 3}) for cut in range(4))


def _twice(template: Template) -> Iterator[Step]:
    """Every key twice, with another value."""
    text = template.text()
    for value in (b'"x"', b"null", b"{}"):
        keys = [path[0] for path, _ in template.leaves()]
        for key in dict.fromkeys(keys):
            yield message(text[:-1] + b"," + encode(str(key)) + b":" + value + b"}", template.opcode)
            yield message(b"{" + encode(str(key)) + b":" + value + b"," + text[1:], template.opcode)


def _other_way(vocabulary: Vocabulary) -> Iterator[Step]:
    for template in vocabulary.harmless():
        yield message(template.text(), BINARY if template.opcode == TEXT else TEXT)
    yield message(b"\xff" * 160, TEXT)
    yield message(b"\xff" * 161, BINARY)


def attacks(setting: Setting) -> Attacks:
    """Value by value, message by message."""
    vocabulary = setting.vocabulary
    passing: list[Attack] = []
    for template in vocabulary.harmless():
        passing += [
            Attack(f"values of {template.name}", partial(_values, template)),
            Attack(f"branches of {template.name}", partial(_branches, template)),
            Attack(f"keys of {template.name} twice", partial(_twice, template)),
        ]
    for template, path in vocabulary.slots(Role.AUDIO):
        passing.append(Attack(f"no base64 in {template.name}", partial(_no_base64, template, path)))
    passing += [
        Attack("text as binary and binary as text", partial(_other_way, vocabulary)),
        attack("no JSON", [message(text) for text in _NO_JSON.values()]),
        attack("no JSON in binaries", [message(text, BINARY) for text in _NO_JSON.values()]),
    ]
    told = next(iter(vocabulary.that(Does.TELLS, Does.SPEAKS)))
    path = next(iter(told.paths(Role.TEXT, Role.AUDIO)))
    ending = [
        Attack(f"no UTF-8: {bad!r}", partial(together, [told.text({path: Raw(b'"' + bad + b'"')})])) for bad in _NO_UTF8
    ]
    ending.append(
        Attack(
            "no UTF-8 in a binary",
            partial(together, [told.text({path: Raw(b'"' + bad + b'"')}) for bad in _NO_UTF8], BINARY),
        )
    )
    return Attacks(tuple(passing), tuple(ending))
