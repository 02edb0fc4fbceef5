"""JSON messages: read in pieces into a record of named fields, and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiconvai.engine.library import OutOfMemoryError, load_library

JsonValue = str | bytes | int | float | bool


class JsonKind(Enum):
    """What a field holds; the names are those of `enum aic_json_kind`."""

    STRING = auto()
    BASE64 = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    RAW = auto()


_STRUCTS = {
    JsonKind.STRING: "struct aic_text",
    JsonKind.BASE64: "struct aic_json_bytes",
    JsonKind.INTEGER: "struct aic_json_integer",
    JsonKind.NUMBER: "struct aic_json_number",
    JsonKind.BOOLEAN: "struct aic_json_boolean",
    JsonKind.RAW: "struct aic_text",
}


class MalformedMessageError(ValueError):
    """What came is not one whole JSON value; the text says why."""


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """The fields a message held, by path, and the paths that should have held base64 and did not."""

    values: dict[str, JsonValue]
    malformed: frozenset[str]


class JsonReader:
    """Picks the values of the named paths out of messages. Not thread-safe.

    A path is made of keys joined by dots; "[]" stands for any element of an array.
    """

    def __init__(self, fields: Mapping[str, JsonKind]) -> None:
        self._library = library = load_library()
        ffi = library.ffi
        self._paths = [library.c_text(path) for path in fields]
        self._fields = ffi.new("struct aic_json_field[]", len(fields))
        self._places: dict[str, tuple[JsonKind, int]] = {}
        offset = 0
        for at, (path, kind) in enumerate(fields.items()):
            self._fields[at].path = self._paths[at]
            self._fields[at].kind = library.constant("AIC_JSON", kind)
            self._fields[at].offset = offset
            self._places[path] = (kind, offset)
            # The record is an array of 8-byte words, which suits every field.
            offset += (ffi.sizeof(_STRUCTS[kind]) + 7) // 8 * 8
        self._record = ffi.new("uint64_t[]", offset // 8 + 1)
        self.c_reader = library.owned(
            library.lib.aic_json_reader_new(
                self._fields, len(fields), self._record, ffi.sizeof("uint64_t") * len(self._record)
            ),
            library.lib.aic_json_reader_free,
        )

    def feed(self, piece: bytes) -> None:
        """The next piece of a message. Raises MalformedMessageError; finish() must follow all the same."""
        if self._library.lib.aic_json_reader_feed(self.c_reader, piece, len(piece)):
            raise MalformedMessageError(self.error)

    def finish(self) -> JsonRecord:
        """The message is complete: what it held. Raises MalformedMessageError. Then a new one begins."""
        if self._library.lib.aic_json_reader_finish(self.c_reader):
            raise MalformedMessageError(self.error)
        values: dict[str, JsonValue] = {}
        malformed: set[str] = set()
        for path, (kind, offset) in self._places.items():
            field = self._field(kind, offset)
            if kind in (JsonKind.STRING, JsonKind.RAW):
                if field.bytes != self._library.ffi.NULL:
                    text = bytes(self._library.ffi.buffer(field.bytes, field.length))
                    values[path] = text.decode("utf-8", "surrogatepass")
            elif not field.present:
                continue
            elif kind is JsonKind.BASE64:
                if field.malformed:
                    malformed.add(path)
                else:
                    values[path] = bytes(self._library.ffi.buffer(field.bytes, field.length))
            else:
                values[path] = field.value
        return JsonRecord(values, frozenset(malformed))

    def read(self, message: bytes) -> JsonRecord:
        """A whole message."""
        try:
            self.feed(message)
        except MalformedMessageError:
            self._library.lib.aic_json_reader_finish(self.c_reader)
            raise
        return self.finish()

    def trim(self) -> None:
        """Give back memory that a rare large message took. Between messages."""
        self._library.lib.aic_json_reader_trim(self.c_reader)

    @property
    def work(self) -> int:
        """Bytes that the parser was given so far, those that it was given again included."""
        given: int = self._library.lib.aic_json_reader_work(self.c_reader)
        return given

    @property
    def error(self) -> str:
        """Why the last feed() or finish() failed."""
        return self._library.text(self._library.lib.aic_json_reader_error(self.c_reader))

    def _field(self, kind: JsonKind, offset: int) -> Any:
        ffi = self._library.ffi
        return ffi.cast(f"{_STRUCTS[kind]} *", ffi.cast("char *", self._record) + offset)


class JsonWriter:
    """Writes messages, one after the other.

    Texts may hold any bytes (as lone surrogates): what is not UTF-8 becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._library = library = load_library()
        self._writer = library.owned(library.lib.aic_json_writer_new(), library.lib.aic_json_writer_free)

    def _key(self, key: str | None) -> Any:
        return self._library.ffi.NULL if key is None else self._library.c_text(key)

    def reset(self) -> None:
        """Forget the message so far and begin another one."""
        self._library.lib.aic_json_writer_reset(self._writer)

    def open_object(self, key: str | None = None) -> None:
        self._library.lib.aic_json_open_object(self._writer, self._key(key))

    def close_object(self) -> None:
        self._library.lib.aic_json_close_object(self._writer)

    def put(self, key: str | None, value: str | int) -> None:
        """Write a text, an integer of 64 bits or a boolean."""
        lib, writer, c_key = self._library.lib, self._writer, self._key(key)
        if isinstance(value, bool):
            lib.aic_json_put_boolean(writer, c_key, value)
        elif isinstance(value, int):
            lib.aic_json_put_integer(writer, c_key, value)
        else:
            lib.aic_json_put_text(writer, c_key, self._library.c_text(value))

    def message(self) -> bytes:
        """The message so far."""
        length = self._library.ffi.new("size_t *")
        text = self._library.lib.aic_json_writer_text(self._writer, length)
        if text == self._library.ffi.NULL:
            raise OutOfMemoryError("the message was not nested well, or the engine is out of memory")
        return bytes(self._library.ffi.buffer(text, length[0]))


def repair_utf8(text: bytes) -> bytes:
    """The text with every byte that is no part of well-formed UTF-8 replaced by U+FFFD."""
    library = load_library()
    if b"\0" in text:
        raise ValueError("a NUL ends a text in C")
    repaired = library.owned(library.lib.aic_utf8_repair(text), library.lib.free)
    return bytes(library.ffi.string(repaired))


def one_line(text: bytes, size: int = 256) -> bytes:
    """What a service said as one line of at most `size` - 1 bytes: control characters are blanks, bytes that are no
    part of well-formed UTF-8 question marks, and no character is cut.
    """
    library = load_library()
    if b"\0" in text:
        raise ValueError("a NUL ends a text in C")
    line = library.ffi.new("char[]", size)
    library.lib.aic_utf8_line(line, size, text)
    return bytes(library.ffi.string(line))


def dialplan_text(line: str) -> str:
    """A line as it may stand between double quotes in an argument of a dialplan application: one argument, whatever is
    in it. Quotes, backslashes, dollars and brackets that do not match become others, or blanks.
    """
    library = load_library()
    text = library.ffi.new("char[]", line.encode())
    library.lib.aic_dialplan_text(text)
    return bytes(library.ffi.string(text)).decode()
