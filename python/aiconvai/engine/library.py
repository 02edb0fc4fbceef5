"""The engine's shared library and its declarations, loaded once.

The build puts both into one folder: libaiconvai_engine.so, and engine_cdef.h which it derives from the C
headers. The environment variable AICONVAI_ENGINE names another library than the one in the build folder. A program
that is the gateway loads libaiconvai_gateway.so in its place, which has all of it and more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import cffi

LIBRARY_VARIABLE = "AICONVAI_ENGINE"
ENGINE, GATEWAY = "libaiconvai_engine.so", "libaiconvai_gateway.so"
"""The engine by itself; and with loops, sockets and lines, as the gateway needs it."""

EnumType = TypeVar("EnumType", bound=Enum)


class EngineNotBuiltError(RuntimeError):
    """The shared library, or the declarations beside it, are not there."""


class OutOfMemoryError(MemoryError):
    """The engine could not allocate memory."""


def library_path(name: str = ENGINE) -> Path:
    """Where the shared library is expected: in an installed package, or where the repository's build leaves it; the
    gateway's is beside the engine's.
    """
    if chosen := os.environ.get(LIBRARY_VARIABLE):
        return Path(chosen) if name == ENGINE else Path(chosen).with_name(name)
    packaged = Path(__file__).with_name(name)
    if packaged.is_file():
        return packaged
    return Path(__file__).parents[3] / "build" / "app_aiconvai" / name


class Library:
    """The loaded library: `lib` holds its functions and constants, `ffi` its types."""

    def __init__(self, path: Path) -> None:
        declarations = path.with_name(path.stem.removeprefix("libaiconvai_") + "_cdef.h")
        for needed in (path, declarations):
            if not needed.is_file():
                raise EngineNotBuiltError(
                    f"{needed} is missing: build the engine (meson setup build && meson compile -C build), "
                    f"or set {LIBRARY_VARIABLE} to a libaiconvai_engine.so built elsewhere"
                )
        self.path = path
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef(declarations.read_text(encoding="utf-8"))
        self.ffi.cdef("void free(void *memory);")
        # Never unloaded: what is freed as Python exits still needs its code.
        self.lib: Any = self.ffi.dlopen(str(path), os.RTLD_NOW | os.RTLD_NODELETE)

    def constant(self, prefix: str, member: Enum) -> int:
        """The C value of a Python enum's member: PREFIX_NAME."""
        value: int = getattr(self.lib, f"{prefix}_{member.name}")
        return value

    def member(self, enum_type: type[EnumType], c_enum: str, prefix: str, value: int) -> EnumType:
        """The Python enum's member for a value of `enum c_enum`, whose constants begin with PREFIX_."""
        name: str = self.ffi.typeof(f"enum {c_enum}").elements[value]
        return enum_type[name.removeprefix(f"{prefix}_")]

    def text(self, pointer: Any) -> str:
        """A terminated C text; bytes that are not UTF-8 are shown as U+FFFD. NULL is the empty text."""
        return "" if pointer == self.ffi.NULL else self.ffi.string(pointer).decode("utf-8", "replace")

    def c_text(self, text: str) -> Any:
        """A terminated C copy of a text, in which lone surrogates stand for the bytes they escape."""
        encoded = text.encode("utf-8", "surrogateescape")
        if b"\0" in encoded:
            raise ValueError(f"{text!r} holds a NUL, which ends a text in C")
        return self.ffi.new("char[]", encoded)

    def variables(self, variables: Mapping[str, str]) -> tuple[Any, list[Any]]:
        """An array of `struct aic_variable`, and the texts that must live as long as it is used."""
        texts = [(self.c_text(name), self.c_text(value)) for name, value in variables.items()]
        c_variables = self.ffi.new("struct aic_variable[]", len(texts))
        for at, (name, value) in enumerate(texts):
            c_variables[at].name, c_variables[at].value = name, value
        return c_variables, texts

    def owned(self, pointer: Any, free: Any) -> Any:
        """A pointer the engine returned, freed with its last reference; raises where it is NULL."""
        if pointer == self.ffi.NULL:
            raise OutOfMemoryError("the engine is out of memory")
        return self.ffi.gc(pointer, free)


_name = ENGINE


def use_gateway() -> None:
    """Has `load_library` load the gateway's library, before it has loaded any."""
    # One library for the whole process, as its C code is.
    global _name
    if load_library.cache_info().currsize and _name != GATEWAY:
        raise RuntimeError("another library is loaded already")
    _name = GATEWAY


@cache
def load_library() -> Library:
    """The library, loaded on the first call. Raises EngineNotBuiltError."""
    return Library(library_path(_name))
