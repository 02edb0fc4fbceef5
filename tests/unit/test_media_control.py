"""Control messages of Asterisk's WebSocket channels, and what is none."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import GATEWAY, Library, library_path

START = {
    "connection_id": "f2a7",
    "channel": "WebSocket/INCOMING/0x7f3c54003ff0",
    "channel_id": "aiconvai-1-media",
    "format": "slin16",
    "optimal_frame_size": 640,
    "ptime": 20,
}
STATUS = {
    "channel_id": "aiconvai-1-media",
    "queue_length": 43,
    "xon_level": 800,
    "xoff_level": 900,
    "queue_full": False,
    "bulk_media": False,
    "media_paused": False,
}


@cache
def library() -> Library:
    return Library(library_path(GATEWAY))


def read(text: bytes | str) -> dict[str, Any]:
    lib, ffi = library().lib, library().ffi
    event = ffi.new("struct aic_media_event *")
    kept = ffi.new("char[]", text.encode() if isinstance(text, str) else text)
    lib.aic_media_event_read(kept, event)
    kind = ffi.typeof("enum aic_media_event_type").elements[event.type].removeprefix("AIC_MEDIA_")
    return {
        "type": kind, "is_json": bool(event.is_json), "frame_bytes": event.frame_bytes,
        "format": library().text(event.format), "queued": event.queued,
    }  # fmt: skip


def plain(name: str, fields: dict[str, Any]) -> str:
    return " ".join(
        [name, *(f"{key}:{str(value).lower() if value is False else value}" for key, value in fields.items())]
    )


def as_json(name: str, fields: dict[str, Any]) -> str:
    return json.dumps({"event": name, **fields})


BOTH = pytest.mark.parametrize("write", [plain, as_json])


@BOTH
def test_the_start_says_what_audio_is_like(write: Any) -> None:
    event = read(write("MEDIA_START", START))
    assert (event["type"], event["frame_bytes"], event["format"]) == ("START", 640, "slin16")
    assert event["is_json"] == (write is as_json)


@BOTH
def test_a_status_says_how_much_waits(write: Any) -> None:
    assert read(write("STATUS", STATUS))["queued"] == 43


@BOTH
@pytest.mark.parametrize(("name", "kind"), [("MEDIA_XOFF", "XOFF"), ("MEDIA_XON", "XON")])
def test_words_alone(write: Any, name: str, kind: str) -> None:
    assert read(write(name, {}))["type"] == kind


@BOTH
@pytest.mark.parametrize("name", ["DTMF_END", "QUEUE_DRAINED", "MEDIA_BUFFERING_COMPLETED", "ERROR", "MEDIA_STARTED"])
def test_others_do_not_matter(write: Any, name: str) -> None:
    assert read(write(name, {"digit": "5"}))["type"] == "UNKNOWN"


def test_variables_of_the_channel_are_none_of_its_fields() -> None:
    text = as_json("MEDIA_START", {**START, "channel_variables": {"format": "ulaw", "optimal_frame_size": "1"}})
    assert (read(text)["format"], read(text)["frame_bytes"]) == ("slin16", 640)


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{}", "[]", '{"event": 5}', '{"event": "STATUS"', "MEDIA_START:", "media_start"]
)
def test_what_is_none(text: str) -> None:
    assert read(text)["type"] == "UNKNOWN"


@pytest.mark.parametrize("value", ["", "-1", "+1", "1x", "0x10", "4294967296", "9" * 60, "1.5"])
@BOTH
def test_what_is_no_number_is_left_out(write: Any, value: str) -> None:
    assert read(write("STATUS", {"queue_length": value}))["queued"] == 0


def test_a_format_with_a_long_name_is_none_of_ours() -> None:
    assert read(plain("MEDIA_START", {**START, "format": "s" * 40}))["format"] == ""


TEXTS = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=400).map(str.encode),
    st.tuples(st.sampled_from(["MEDIA_START", "STATUS", "{", "MEDIA_XON"]), st.text('ab: \t{}"\n9', max_size=300)).map(
        lambda one: " ".join(one).encode()
    ),
)


@given(TEXTS)
def test_anything_at_all_may_come(text: bytes) -> None:
    event = read(text.replace(b"\0", b" "))
    assert len(event["format"]) < 16


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_both_forms_say_the_same(queued: int, size: int) -> None:
    for name, fields in (("STATUS", {"queue_length": queued}), ("MEDIA_START", {**START, "optimal_frame_size": size})):
        said = [read(plain(name, fields)), read(as_json(name, fields))]
        assert [one.pop("is_json") for one in said] == [False, True]
        assert said[0] == said[1]


def test_a_message_as_long_as_any() -> None:
    most: int = library().lib.AIC_MEDIA_CONTROL_MAX
    assert read("MEDIA_START " + "x" * (most - 12))["type"] == "START"
    assert read("x" * most)["type"] == "UNKNOWN"
    assert read(as_json("STATUS", {"queue_length": 3, "more": "x" * (most - 60)}))["is_json"]


def test_commands_are_in_the_form_that_was_heard() -> None:
    lib = library().lib
    for number, name in ((lib.AIC_MEDIA_FLUSH, "FLUSH_MEDIA"), (lib.AIC_MEDIA_GET_STATUS, "GET_STATUS")):
        assert library().text(lib.aic_media_command_text(number, False)) == name
        text = library().text(lib.aic_media_command_text(number, True))
        assert json.loads(text) == {"command": name}
        assert len(text) < lib.AIC_MEDIA_COMMAND_MAX
