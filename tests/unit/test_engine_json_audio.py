"""Audio in JSON messages: decoded straight from the pieces, and to be told from what is none."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.audio import base64_decode
from aiconvai.engine.json_messages import JsonKind, JsonReader, JsonRecord, MalformedMessageError

FIELDS = {
    "type": JsonKind.STRING,
    "audio.data": JsonKind.BASE64,
    "audio.id": JsonKind.INTEGER,
    "flag": JsonKind.BOOLEAN,
}
AUDIO = bytes(range(256)) * 3
AUDIO_TEXT = base64.b64encode(AUDIO).decode()


@pytest.mark.parametrize(
    "text",
    [
        '{"audio":{"data":"%s"}}',
        '{"audio" : {\n\t"data" \r\n:\t "%s" , "id" : 4 } }',
        '{"type":"a:b:c","audio":{"id":1,"data":"%s","more":["x:y"]},"flag":true}',
        '{"ignored":{"data":"::","audio":{"data":"AAAA"}},"audio":{"more":{"data":"AA=="},"data":"%s"}}',
        '{"audio":{"data":null,"data":"%s"}}',
        '{"audio":{"data":{"data":"AAAA"},"data":["AAAA"],"data":12,"data":"%s"}}',
    ],
)
def test_audio_wherever_it_stands_and_however_it_is_cut(text: str) -> None:
    message = (text % AUDIO_TEXT).encode()
    reader = JsonReader(FIELDS)
    expected = reader.read(message)
    assert expected.values["audio.data"] == AUDIO
    assert not expected.malformed
    for cut in range(len(message) + 1):
        reader.feed(message[:cut])
        reader.feed(message[cut:])
        assert reader.finish() == expected
    for size in (1, 2, 3, 5, 64):
        for at in range(0, len(message), size):
            reader.feed(message[at : at + size])
        assert reader.finish() == expected


@given(
    st.text(st.sampled_from('ABz09+/=\\"\x01 :{ž'), max_size=24),
    st.lists(st.integers(0, 10**6), max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_audio_that_may_be_none(data: str, cuts: list[int], ascii_only: bool, escapes_slashes: bool) -> None:
    """What is no plain base64 is told from what is, escaped or not, as if the text came whole."""
    text = json.dumps({"audio": {"data": data, "id": 7}}, ensure_ascii=ascii_only)
    if escapes_slashes:
        text = text.replace("/", "\\/")
    message = text.encode()
    edges = [0, *sorted(cut % len(message) for cut in cuts), len(message)]
    reader = JsonReader(FIELDS)
    for start, end in pairwise(edges):
        reader.feed(message[start:end])
    record = reader.finish()
    try:
        assert record == JsonRecord({"audio.data": base64_decode(data), "audio.id": 7}, frozenset())
    except ValueError:
        assert record == JsonRecord({"audio.id": 7}, frozenset({"audio.data"}))


@pytest.mark.parametrize("escaped", [r"\/", r"\u002f", r"\u002F"])
def test_base64_may_be_escaped(escaped: str) -> None:
    data = b"\xff\xff\xfe" * 5
    text = base64.b64encode(data).decode()
    assert "/" in text
    message = '{"audio":{"data":"' + text.replace("/", escaped) + '"}}'
    assert JsonReader(FIELDS).read(message.encode()).values == {"audio.data": data}


@pytest.mark.parametrize(
    "text",
    [
        '{"audio":{"data":"AAAA\n"}}',
        '{"audio":{"data":"AAAA\x01"}}',
        '{"audio":{"data":"AAAA\\x"}}',
        '{"audio":{"data":"AAAA"AAAA"}}',
        '{"audio":{"data""AAAA"}}',
        '{"audio":{"data"  "AAAA:"}}',
        '{"audio":{"data"::"AAAA"}}',
        '{"audio":{"data":"AAAA"',
        '{"audio":{"data":"AAAA',
        '{"audio":{"data":"AA',
        '{"audio":{"data":"',
        '{"audio":{"data": ',
        '{"audio":{"data":AAAA"}}',
    ],
)
def test_malformed_audio_messages(text: str) -> None:
    reader = JsonReader(FIELDS)
    for cut in range(len(text) + 1):
        with pytest.raises(MalformedMessageError):
            reader.read(text.encode())
        with suppress(MalformedMessageError):
            reader.feed(text[:cut].encode())
            reader.feed(text[cut:].encode())
        with pytest.raises(MalformedMessageError):
            reader.finish()
    assert reader.read(b'{"audio":{"data":"/w=="}}').values == {"audio.data": b"\xff"}


@pytest.mark.parametrize("colons", [0, 20, 31, 32, 33, 40, 10_000])
def test_audio_behind_many_colons(colons: int) -> None:
    message = {"type": ":" * colons, "audio": {"data": AUDIO_TEXT, "id": 3}}
    expected = {"type": ":" * colons, "audio.data": AUDIO, "audio.id": 3}
    reader = JsonReader(FIELDS)
    text = json.dumps(message).encode()
    assert reader.read(text).values == expected
    for at in range(0, len(text), 100):
        reader.feed(text[at : at + 100])
    assert reader.finish().values == expected


def test_audio_in_an_array_is_joined() -> None:
    reader = JsonReader({"parts[].data": JsonKind.BASE64, "list[]": JsonKind.BASE64})
    text = b'{"parts":[{"data":"AAAA"},{"x":1},{"data":"/w=="}]}'
    assert reader.read(text).values == {"parts[].data": b"\x00\x00\x00\xff"}
    assert reader.read(b'{"list":["AAAA","/v8="]}').values == {"list[]": b"\x00\x00\x00\xfe\xff"}
