"""The JSON reader and writer: pieces, odd input, and whatever hypothesis finds."""

from __future__ import annotations

import base64
import json
import math
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiconvai.engine.json_messages import (
    JsonKind,
    JsonReader,
    JsonRecord,
    JsonWriter,
    MalformedMessageError,
    one_line,
    repair_utf8,
)

FIELDS = {
    "type": JsonKind.STRING,
    "audio.data": JsonKind.BASE64,
    "audio.id": JsonKind.INTEGER,
    "score": JsonKind.NUMBER,
    "flag": JsonKind.BOOLEAN,
    "call.parameters": JsonKind.RAW,
    "list[].name": JsonKind.STRING,
    "matrix[][]": JsonKind.INTEGER,
}
MESSAGE: dict[str, Any] = {
    "type": 'audio "quoted" \\ / \b\f\n\r\t ž 漢字 \N{GRINNING FACE} \0 end',
    "ignored": {"type": "not this", "deep": [{"x": [1, 2, {"y": None}]}]},
    "audio": {"data": base64.b64encode(bytes(range(256))).decode(), "id": 123456789012, "more": [1.5, "x"]},
    "score": -12.5e-3,
    "flag": True,
    "call": {"parameters": {"a": [1, 2.50, -3e5, "ž\n", None, True, {}], "b": {"c": []}}, "id": "x"},
    "list": [{"name": "first"}, {"other": 1}, {"name": "last"}],
    "matrix": [[1, 2], [], [3]],
    "tail": [],
}


def record_of(message: object) -> dict[str, Any]:
    return JsonReader(FIELDS).read(json.dumps(message).encode()).values


def check_message(record: JsonRecord) -> None:
    values = dict(record.values)
    assert json.loads(str(values.pop("call.parameters"))) == MESSAGE["call"]["parameters"]
    assert values == {
        # A NUL is a blank.
        "type": MESSAGE["type"].replace("\0", " "),
        "audio.data": bytes(range(256)),
        "audio.id": 123456789012,
        "score": -0.0125,
        "flag": True,
        "list[].name": "last",
        "matrix[][]": 3,
    }
    assert not record.malformed


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_message_cut_anywhere(ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(MESSAGE, ensure_ascii=ascii_only, indent=indent).encode()
    reader = JsonReader(FIELDS)
    for cut in range(len(text) + 1):
        reader.feed(text[:cut])
        reader.feed(text[cut:])
        check_message(reader.finish())


def test_a_message_byte_by_byte() -> None:
    reader = JsonReader(FIELDS)
    for byte in json.dumps(MESSAGE, ensure_ascii=False).encode():
        reader.feed(bytes([byte]))
    check_message(reader.finish())


def test_every_proper_beginning_is_refused_and_harms_nothing() -> None:
    text = json.dumps(MESSAGE).encode()
    reader = JsonReader(FIELDS)
    for end in range(len(text)):
        with pytest.raises(MalformedMessageError, match="not valid JSON"):
            reader.read(text[:end])
    check_message(reader.read(text))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"{]",
        b"[1,]",
        b'{"type":}',
        b'{"type":"a"} x',
        b'{"type":"a"}{"type":"b"}',
        b"nul",
        b"{'type':'a'}",
        b'{"type":"\x01"}',
        b'{"type":"a\nb"}',
        b'{"type":"\\x"}',
        b'{"type":"\\u12g4"}',
        b"\xff\xfe",
        b'{"type":"\xff"}',
        b'{"type":"\xc3"}',
        b'{"type":01}',
        b'{"type":+1}',
        b'{"type":.5}',
        b'{"score":NaN}',
        b'{"type" "a"}',
        b'{type:"a"}',
        b'\xef\xbb\xbf{"type":"a"}',
        b"\0",
        b'{"type":"a"}\0',
        b'{"type":"a"}"',
        b'{"type":"a"}"b',
        b'{"type":"a"} "\\',
        b'0"',
    ],
)
def test_malformed_then_good(text: bytes) -> None:
    reader = JsonReader(FIELDS)
    with pytest.raises(MalformedMessageError, match=r"."):
        reader.read(text)
    check_message(reader.read(json.dumps(MESSAGE).encode()))


@pytest.mark.parametrize("number", [10**18 - 1, 10**17, -(10**17), -(10**18 - 1), 0, -1])
def test_large_integers(number: int) -> None:
    record = JsonReader(FIELDS).read(json.dumps({"matrix": [[number]]}).encode())
    assert record.values == {"matrix[][]": number}


@pytest.mark.parametrize("number", [10**18, -(10**18), 10**40])
def test_integers_that_are_too_large_are_none(number: int) -> None:
    assert JsonReader(FIELDS).read(json.dumps({"matrix": [[number]]}).encode()).values == {}


def test_feeding_on_after_an_error_stays_an_error_until_the_end_of_the_message() -> None:
    reader = JsonReader(FIELDS)
    for piece in (b"}", b"{", b'{"type":"a"}'):
        with pytest.raises(MalformedMessageError):
            reader.feed(piece)
    with pytest.raises(MalformedMessageError):
        reader.finish()
    assert reader.read(b'{"type":"a"}').values == {"type": "a"}


def test_fields_of_one_message_do_not_stay_for_the_next() -> None:
    reader = JsonReader(FIELDS)
    check_message(reader.read(json.dumps(MESSAGE).encode()))
    assert reader.read(b"{}").values == {}


def test_values_of_another_type_leave_a_field_absent() -> None:
    values: list[object] = ["text", 1, 1.5, True, None, {"a": 1}, [1], {}, []]
    fits: dict[str, list[object]] = {
        "type": ["text"],
        "audio.data": ["text"],
        "audio.id": [1],
        "score": [1, 1.5],
        "flag": [True],
    }
    for path, accepted in fits.items():
        for value in values:
            *parents, key = path.split(".")
            message: Any = {key: value}
            for parent in parents:
                message = {parent: message}
            accepts = any(value is other or (value == other and type(value) is type(other)) for other in accepted)
            assert (path in record_of(message)) == accepts, (path, value)


def test_a_wrong_type_does_not_undo_a_right_one() -> None:
    assert JsonReader(FIELDS).read(b'{"type":"a","type":7}').values == {"type": "a"}


def test_of_duplicate_keys_the_last_counts_and_audio_is_joined() -> None:
    text = b'{"type":"a","type":"b","audio":{"id":1,"data":"AAAA"},"audio":{"id":2,"data":"/w=="},'
    text += b'"flag":true,"flag":false}'
    assert JsonReader(FIELDS).read(text).values == {
        "type": "b",
        "audio.id": 2,
        "audio.data": b"\x00\x00\x00\xff",
        "flag": False,
    }


def test_a_top_level_that_is_no_object() -> None:
    messages: list[object] = ["text", 5, None, True, [], [{"type": "a"}], [[1]]]
    for message in messages:
        assert record_of(message) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("-7", -7),
        ("3.0", 3),
        ("3e2", 300),
        ("1E+3", 1000),
        ("999999999999999999", 10**18 - 1),
        ("-99999999999999999", -(10**17) + 1),
        ("9007199254740992.0", 2**53),
        ("3.5", None),
        ("1e300", None),
        ("1e999", None),
        ("-1e999", None),
        ("1e-3", None),
        ("1" + "0" * 80, None),
        ("9" * 30, None),
        ("0." + "0" * 70 + "1", None),
    ],
)
def test_integers(text: str, value: int | None) -> None:
    expected = {} if value is None else {"audio.id": value}
    assert JsonReader(FIELDS).read(f'{{"audio":{{"id":{text}}}}}'.encode()).values == expected


@pytest.mark.parametrize("text", ["0", "0.93", "-1.5e-7", "1e300", "12345678901234567890"])
def test_numbers(text: str) -> None:
    assert JsonReader(FIELDS).read(f'{{"score":{text}}}'.encode()).values == {"score": float(text)}


@pytest.mark.parametrize("data", ["a", "a=bc", "žžžž", "AA AA", "AAAA=", "%%%%"])
def test_what_is_not_base64_is_said_so(data: str) -> None:
    record = JsonReader(FIELDS).read(json.dumps({"audio": {"data": data, "id": 4}}).encode())
    assert record == JsonRecord({"audio.id": 4}, frozenset({"audio.data"}))


@pytest.mark.parametrize("data", ["", "AA", "AAA", "AA==", "AAA=", "AAAA"])
def test_short_base64(data: str) -> None:
    expected = base64.b64decode(data + "=" * (-len(data) % 4))
    assert record_of({"audio": {"data": data}}) == {"audio.data": expected}


def test_huge_strings_in_small_pieces() -> None:
    audio = bytes(range(256)) * 16_000
    text = json.dumps({"type": "x" * 3_000_000, "audio": {"data": base64.b64encode(audio).decode(), "id": 1}}).encode()
    reader = JsonReader(FIELDS)
    for at in range(0, len(text), 60_000):
        reader.feed(text[at : at + 60_000])
    assert reader.finish().values == {"type": "x" * 3_000_000, "audio.data": audio, "audio.id": 1}


def nested(depth: int, *, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + ("1" if opening != "[" else "") + closing * depth).encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"type":', "}")])
def test_deep_nesting_is_refused(opening: str, closing: str) -> None:
    reader = JsonReader(FIELDS)
    reader.read(nested(64, opening=opening, closing=closing))
    for depth in (65, 66, 1000, 100_000):
        with pytest.raises(MalformedMessageError, match="nested too deeply"):
            reader.read(nested(depth, opening=opening, closing=closing))
    check_message(reader.read(json.dumps(MESSAGE).encode()))


def test_deep_nesting_inside_a_raw_field_is_refused() -> None:
    reader = JsonReader(FIELDS)
    assert reader.read(b'{"call":{"parameters":' + nested(63) + b"}}").values == {
        "call.parameters": nested(63).decode()
    }
    for depth in (64, 65, 130, 100_000):
        with pytest.raises(MalformedMessageError, match="nested too deeply"):
            reader.read(b'{"call":{"parameters":' + nested(depth) + b"}}")


@pytest.mark.parametrize("value", ['text "\\ ž', 5, -1.5, True, False, None, [], {}, [[1], {"a": {}}], {"type": "x"}])
def test_raw_takes_a_value_of_any_type(value: Any) -> None:
    record = record_of({"call": {"parameters": value}, "type": "after"})
    assert json.loads(record["call.parameters"]) == value
    assert record["type"] == "after"


def test_keys_inside_a_raw_field_are_not_looked_up() -> None:
    assert "type" not in record_of({"call": {"parameters": {"type": "inner"}}})


@pytest.mark.parametrize("key", ["x" * 255, "x" * 256, "x" * 100_000])
def test_paths_too_long_to_match_harm_nothing(key: str) -> None:
    message = {key: {"type": "no", "audio": {"id": 9}}, "type": "yes", "list": [{key: 1, "name": "n"}]}
    assert record_of(message) == {"type": "yes", "list[].name": "n"}


def test_an_empty_key_is_a_level_of_its_own() -> None:
    assert record_of({"": {"type": "inner", "audio": {"id": 1}}, "flag": True}) == {"flag": True}


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\u0041", "A"),
        (r"\u017e", "ž"),
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
        (r"\u0000", " "),
        (r"a\u0000b\u0000", "a b "),
        (r"\/", "/"),
        (r"\uffff", "\uffff"),
        (r"\u2028", "\u2028"),
    ],
)
def test_escapes(escaped: str, text: str) -> None:
    assert JsonReader(FIELDS).read(f'{{"type":"{escaped}"}}'.encode()).values == {"type": text}


# A plain model of the reader, and generated messages

KEYS = st.sampled_from(["type", "audio", "data", "id", "score", "flag", "call", "parameters", "list", "name", "matrix"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.binary(max_size=9).map(
    lambda data: base64.b64encode(data).decode()
)
NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=5),
    max_leaves=25,
)


def model_accepts(kind: JsonKind, value: Any) -> bool:
    match kind:
        case JsonKind.STRING | JsonKind.BASE64:
            return isinstance(value, str)
        case JsonKind.BOOLEAN:
            return isinstance(value, bool)
        case JsonKind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case JsonKind.INTEGER:
            if isinstance(value, float):
                return value == math.floor(value) and abs(value) <= 2**53
            return isinstance(value, int) and not isinstance(value, bool)
    return True


def model(value: Any, path: str | None, found: dict[str, Any]) -> None:
    kind = FIELDS.get(path or "")
    if kind is JsonKind.RAW:
        found[path or ""] = value
        return
    if kind is not None and model_accepts(kind, value):
        found[path or ""] = value
    if isinstance(value, dict):
        for key, inner in value.items():
            # A key with a dot or a bracket in it reads like a path; no service has such keys.
            model(inner, key if path is None else f"{path}.{key}", found)
    elif isinstance(value, list):
        for inner in value:
            model(inner, (path or "") + "[]", found)


@given(st.dictionaries(KEYS, VALUES, max_size=8), st.booleans(), st.data())
def test_generated_messages(message: dict[str, Any], ascii_only: bool, data: st.DataObject) -> None:
    text = json.dumps(message, ensure_ascii=ascii_only).encode()
    cut = data.draw(st.integers(0, len(text)))
    reader = JsonReader(FIELDS)
    reader.feed(text[:cut])
    reader.feed(text[cut:])
    record = reader.finish()
    expected: dict[str, Any] = {}
    model(message, None, expected)
    assert set(record.values) | record.malformed == set(expected)
    for path, value in record.values.items():
        kind = FIELDS[path]
        if kind is JsonKind.RAW:
            assert json.loads(str(value)) == expected[path]
        elif kind is JsonKind.BASE64:
            text = expected[path]
            assert value == base64.b64decode(text + "=" * (-len(text) % 4))
        else:
            wanted = expected[path]
            assert value == (wanted.replace("\0", " ") if isinstance(wanted, str) else wanted)


# What yajl takes for a character and UTF-8 has not: forms longer than need be, and what is beyond U+10FFFF.
OF_YAJL_ALONE = re.compile(
    rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
    rb"|\xf4[\x90-\xbf][\x80-\xbf]{2}|[\xf5-\xf7][\x80-\xbf]{3}"
)


@given(st.binary(max_size=200), st.integers(0, 200))
@example(b"\v0", 0)
@example(b'"\xc0\x80\xf7\xbf\xbf\xbf"', 3)
def test_generated_garbage(text: bytes, cut: int) -> None:
    """Whatever Python takes is taken, whatever is no JSON is refused, and the reader lives on."""
    reader = JsonReader(FIELDS)
    try:
        reader.feed(text[:cut])
        reader.feed(text[cut:])
    except MalformedMessageError:
        pass
    try:
        reader.finish()
    except MalformedMessageError:
        accepted = False
    else:
        accepted = True
    if accepted:
        # yajl takes two control characters for blanks that JSON has not; surrogates have characters of their own.
        text = OF_YAJL_ALONE.sub(b"?", text.translate(bytes.maketrans(b"\v\f", b"  ")))
        json.loads(text.decode("utf-8", "surrogatepass"))
    check_message(reader.read(json.dumps(MESSAGE).encode()))


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.integers(0, 10**6), st.integers(0, 255))
def test_generated_damage(message: dict[str, Any], place: int, byte: int) -> None:
    text = bytearray(json.dumps(message).encode())
    text[place % len(text)] = byte
    reader = JsonReader(FIELDS)
    with suppress(MalformedMessageError):
        reader.read(bytes(text))
    check_message(reader.read(json.dumps(MESSAGE).encode()))


# The writer

C_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
WRITTEN: st.SearchStrategy[Any] = st.recursive(
    C_TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.dictionaries(C_TEXTS, inner, max_size=5),
    max_leaves=12,
)
ANY_BYTES = st.binary(max_size=60).map(lambda data: data.replace(b"\0", b""))


def write(writer: JsonWriter, key: str | None, value: Any) -> None:
    if isinstance(value, dict):
        writer.open_object(key)
        for inner_key, inner in value.items():
            write(writer, inner_key, inner)
        writer.close_object()
    else:
        writer.put(key, value)


@given(st.dictionaries(C_TEXTS, WRITTEN, max_size=8))
def test_what_is_written_parses(message: dict[str, Any]) -> None:
    writer = JsonWriter()
    write(writer, None, message)
    assert json.loads(writer.message()) == message


@given(ANY_BYTES, ANY_BYTES)
def test_bytes_that_are_no_utf8_are_repaired(key: bytes, value: bytes) -> None:
    writer = JsonWriter()
    writer.open_object()
    writer.put(key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
    writer.close_object()
    (written,) = json.loads(writer.message()).items()
    assert written == (repair_utf8(key).decode(), repair_utf8(value).decode())


@given(ANY_BYTES)
def test_repair_keeps_what_is_good_and_marks_what_is_not(data: bytes) -> None:
    repaired = repair_utf8(data).decode()
    expected = "".join(
        "\N{REPLACEMENT CHARACTER}" if "\udc80" <= character <= "\udcff" else character
        for character in data.decode("utf-8", "surrogateescape")
    )
    assert repaired == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\x80",
        b"\xe2\x82",
        b"a\xf0\x9f\x98",
    ],
)
def test_overlong_forms_surrogates_and_the_like(data: bytes) -> None:
    assert set(repair_utf8(data).decode().lstrip("a")) == {"\N{REPLACEMENT CHARACTER}"}


def test_a_writer_writes_one_message_after_the_other() -> None:
    writer = JsonWriter()
    messages: list[dict[str, Any]] = [{"a": 1}, {"text": "x" * 100_000}, {"b": {"c": True}}, {}, {"d": "ž"}]
    for message in messages * 2:
        writer.reset()
        write(writer, None, message)
        assert json.loads(writer.message()) == message


def test_a_writer_forgets_what_went_wrong_and_what_was_not_finished() -> None:
    writer = JsonWriter()
    writer.open_object()
    writer.put(None, 5)
    with pytest.raises(MemoryError):
        writer.message()
    writer.reset()
    writer.open_object()
    writer.open_object("half")
    writer.reset()
    write(writer, None, {"whole": 1})
    assert writer.message() == b'{"whole":1}'


def test_the_writer_nests() -> None:
    writer = JsonWriter()
    write(writer, None, {"a": {"b": {"c": 1}}, "d": True, "e": -(2**63), "f": 'quote " back \\ line \n'})
    assert writer.message() == (
        b'{"a":{"b":{"c":1}},"d":true,"e":-9223372036854775808,"f":"quote \\" back \\\\ line \\n"}'
    )


def test_bad_nesting_is_found() -> None:
    writer = JsonWriter()
    writer.open_object()
    writer.put(None, 5)
    writer.close_object()
    with pytest.raises(MemoryError, match="nested"):
        writer.message()


def test_a_line_has_no_control_characters_and_cuts_no_character() -> None:
    assert one_line(b"a\r\nEvent: Fake\x1b[2J\tb") == b"a  Event: Fake [2J b"
    assert one_line("příliš".encode() + b"\xff!") == "příliš?!".encode()
    assert one_line("ž".encode() * 10, size=6) == "žž".encode()


@given(text=st.binary(max_size=60).filter(lambda text: b"\0" not in text), size=st.integers(1, 70))
def test_a_line_is_text_of_its_size_at_the_most(text: bytes, size: int) -> None:
    line = one_line(text, size)
    assert len(line) < size
    assert all(ord(character) >= 32 and ord(character) != 127 for character in line.decode())
