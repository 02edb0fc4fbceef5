"""What a message costs to be read: its bytes, however it is cut and whatever is in it. Counted is what the parser was
given, what it was given again included.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from engine_memory import allocated_bytes

from aiconvai.engine.json_messages import JsonKind, JsonReader, JsonRecord, MalformedMessageError
from aiconvai.engine.library import load_library

FIELDS = {
    "type": JsonKind.STRING,
    "delta|transcri": JsonKind.STRING,
    "delta": JsonKind.BASE64,
    "text": JsonKind.STRING,
    "number": JsonKind.NUMBER,
    "raw": JsonKind.RAW,
    "list[]": JsonKind.BASE64,
}


def filled(before: str, piece: str, behind: str) -> Callable[[int], bytes]:
    """A message with so many bytes of the piece between the two."""
    return lambda size: (before + piece * (size // len(piece)) + behind).encode()


MESSAGES = {
    "text": filled('{"text":"', "x", '"}'),
    "unknown text": filled('{"x":"', "x", '"}'),
    "escaped text": filled('{"text":"', "\\u017e\\n", '"}'),
    "text of colons": filled('{"text":"', ":", '"}'),
    "text with colons": filled('{"text":"', "x" * 1000 + ":", '"}'),
    "many texts with colons": filled('{"x":[', '"a:b:c:d:e:f:g:h",', "1]}"),
    "key": filled('{"', "x", '":1}'),
    "key of colons": filled('{"', ":", '":1}'),
    "number": filled('{"number":', "1", "}"),
    "unknown number": filled('{"x":', "7", ".5e3}"),
    "blanks": filled('{"text":', " ", '"a"}'),
    "audio": filled('{"delta":"', "AAAA", '"}'),
    "audio with escapes": filled('{"delta":"', "AAA\\/", '"}'),
    "audio that is none": filled('{"delta":"', "?AAA", '"}'),
    "audio behind a text": filled('{"text":"', "x:", '","delta":"AAAA"}'),
    "many audios": filled("{", '"delta":"AAAA",', '"a":1}'),
    "many audios that are none": filled("{", '"delta":null,', '"a":1}'),
    "list of audios": filled('{"list":[', '"AAAA",', '"AAAA"]}'),
    "tiny arrays": filled('{"raw":[', "[],", "[]]}"),
    "raw text": filled('{"raw":"', "x", '"}'),
    "many raw values": filled("{", '"raw":[],', '"a":1}'),
    "many keys": filled("{", '"a":1,', '"a":1}'),
    "type as long as the message": filled('{"type":"', "x", '","delta":1,"delta":2}'),
}


def work_of(message: bytes, piece: int) -> int:
    reader = JsonReader(FIELDS)
    for at in range(0, len(message), piece):
        reader.feed(message[at : at + piece])
    reader.finish()
    return reader.work


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("piece", [4096, 1400, 1_000_000])
def test_a_message_costs_its_bytes(message: Callable[[int], bytes], piece: int) -> None:
    for size in (65_536, 1_048_576, 4_194_304):
        # Bytes of audio are not given to the parser at all.
        assert work_of(message(size), piece) <= 3 * size + 65_536


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_the_smallest_pieces_cost_as_little(message: Callable[[int], bytes]) -> None:
    text = message(30_000)
    assert work_of(text, 1) <= 3 * len(text) + 65_536


def test_a_message_that_comes_whole_is_read_once() -> None:
    message = json.dumps({"type": "transcript", "text": "Hello: how are you?", "raw": {"a": [1, 2]}}).encode()
    assert work_of(message, 4096) <= 2 * len(message)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_however_it_is_cut_the_same_is_read(message: Callable[[int], bytes]) -> None:
    text = message(9_000)
    reader = JsonReader(FIELDS)
    records: list[JsonRecord] = []
    for piece in (1, 7, 1000, 4096, 100_000):
        for at in range(0, len(text), piece):
            reader.feed(text[at : at + piece])
        records.append(reader.finish())
    assert all(record == records[0] for record in records)


def test_a_message_that_fails_in_the_middle_of_what_is_gathered_harms_nothing() -> None:
    reader = JsonReader(FIELDS)
    text = b'{"text":"' + b"x" * 50_000 + b"\x01" + b"x" * 50_000
    with suppress(MalformedMessageError):
        for at in range(0, len(text), 4096):
            reader.feed(text[at : at + 4096])
    with pytest.raises(MalformedMessageError, match="not valid JSON"):
        reader.finish()
    assert reader.read(b'{"text":"a"}').values == {"text": "a"}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_memory_is_in_proportion_and_given_back(message: Callable[[int], bytes]) -> None:
    reader = JsonReader(FIELDS)
    reader.read(MESSAGES["text"](1000))
    text = message(1_000_000)
    before = allocated_bytes()
    for at in range(0, len(text) - 10, 4096):
        reader.feed(text[at : min(at + 4096, len(text) - 10)])
    # A service may never send the end of it.
    assert allocated_bytes() - before < 3_500_000
    reader.feed(text[-10:])
    # As finish() in Python makes copies of its own.
    assert load_library().lib.aic_json_reader_finish(reader.c_reader) == 0
    assert allocated_bytes() - before < 6_500_000
    reader.trim()
    assert allocated_bytes() - before < 800_000
