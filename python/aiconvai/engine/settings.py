"""The options of aiconvai.conf as the engine reads and judges them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiconvai.engine.library import Library, OutOfMemoryError, load_library

SettingValue = bool | int | float | str | list[str] | None


class OptionType(Enum):
    """The names are those of `enum aic_option_type`."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    ENUM = "enum"
    STRING = "string"
    URL = "url"
    PATH = "path"
    LIST = "list"


class OptionScope(Enum):
    """The names are those of `enum aic_option_scope`."""

    GENERAL = "general"
    AGENT = "agent"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the engine's table of options."""

    name: str
    aliases: tuple[str, ...]
    scope: OptionScope
    type: OptionType
    minimum: float
    maximum: float
    words: tuple[str, ...]
    multiple: bool
    secret: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section."""

    name: str
    value: str
    file: str = "aiconvai.conf"
    number: int = 1


Lines = Mapping[str, str] | Iterable[Line]


def option_table() -> tuple[Option, ...]:
    """Every option the engine knows, in the order of their definition."""
    library = load_library()
    count = library.ffi.new("size_t *")
    table = library.lib.aic_options(count)
    return tuple(_option(library, table[at]) for at in range(count[0]))


def find_option(name: str) -> Option | None:
    """The option of this name or alias, whatever its case."""
    library = load_library()
    found = library.lib.aic_option_find(library.c_text(name))
    return None if found == library.ffi.NULL else _option(library, found)


def mask_secret(secret: str) -> str:
    """A secret as it may be shown."""
    library = load_library()
    buffer = library.ffi.new("char[]", 32)
    return library.text(library.lib.aic_mask_secret(library.c_text(secret), buffer, len(buffer)))


def _words(library: Library, array: Any) -> tuple[str, ...]:
    words: list[str] = []
    while array != library.ffi.NULL and array[len(words)] != library.ffi.NULL:
        words.append(library.text(array[len(words)]))
    return tuple(words)


def _option(library: Library, option: Any) -> Option:
    return Option(
        library.text(option.name),
        _words(library, option.aliases),
        library.member(OptionScope, "aic_option_scope", "AIC_SCOPE", option.scope),
        library.member(OptionType, "aic_option_type", "AIC_TYPE", option.type),
        option.number_min or option.min,
        option.number_max or option.max,
        _words(library, option.words),
        option.multiple,
        option.secret,
        None if option.default_value == library.ffi.NULL else library.text(option.default_value),
    )


def _lines(lines: Lines) -> list[Line]:
    if isinstance(lines, Mapping):
        return [Line(name, value, number=at) for at, (name, value) in enumerate(lines.items(), 2)]
    return list(lines)


class Settings:
    """The settings of [general] or of one agent, with the problems found while they were read.

    `settings["name"]` is the value of an option; what was wrong keeps its default.
    """

    def __init__(self) -> None:
        """The defaults."""
        self._library = library = load_library()
        settings = library.ffi.new("struct aic_settings *")
        if library.lib.aic_settings_init(settings):
            raise OutOfMemoryError("the engine is out of memory")
        self.c_settings = library.ffi.gc(settings, library.lib.aic_settings_free)
        self.problems: tuple[str, ...] = ()

    @classmethod
    def read_general(cls, lines: Lines = ()) -> Settings:
        """The settings of [general] with these lines."""
        settings = cls()
        lib = settings._library.lib

        def read(c_lines: Any, count: int, on_problem: Any) -> int:
            problems: int = lib.aic_settings_read_general(
                settings.c_settings, c_lines, count, on_problem, settings._library.ffi.NULL
            )
            return problems

        settings._read(lines, read)
        return settings

    @classmethod
    def read_agent(cls, name: str, lines: Lines, general: Settings | None = None) -> Settings:
        """The settings of the agent's section with these lines, on top of what `general` says."""
        settings = cls()
        base = general if general is not None else cls()
        library = settings._library
        c_name = library.c_text(name)

        def read(c_lines: Any, count: int, on_problem: Any) -> int:
            problems: int = library.lib.aic_settings_read_agent(
                settings.c_settings, base.c_settings, c_name, c_lines, count, on_problem, library.ffi.NULL
            )
            return problems

        settings._read(lines, read)
        return settings

    def _read(self, lines: Lines, read: Any) -> None:
        ffi = self._library.ffi
        given = _lines(lines)
        texts = [tuple(map(self._library.c_text, (line.file, line.name, line.value))) for line in given]
        c_lines = ffi.new("struct aic_option_line[]", len(given))
        for at, (line, (file, name, value)) in enumerate(zip(given, texts, strict=True)):
            c_lines[at].file, c_lines[at].name, c_lines[at].value = file, name, value
            c_lines[at].line = line.number
        problems: list[str] = []
        on_problem = ffi.callback(
            "void(void *, const char *)", lambda _user, problem: problems.append(self._library.text(problem))
        )
        count = read(c_lines, len(given), on_problem)
        if count != len(problems):
            raise AssertionError(f"the engine counted {count} problems and reported {len(problems)}")
        self.problems = tuple(problems)

    def __getitem__(self, name: str) -> SettingValue:
        option = find_option(name)
        if option is None:
            raise KeyError(name)
        value = getattr(self.c_settings, option.name)
        match option.type:
            case OptionType.BOOLEAN:
                return bool(value)
            case OptionType.INTEGER:
                return int(value)
            case OptionType.NUMBER:
                return float(value)
            case OptionType.ENUM:
                return option.words[int(value)]
        if option.multiple or option.type is OptionType.LIST:
            return [self._decode(value.items[at]) for at in range(value.count)]
        return None if value == self._library.ffi.NULL else self._decode(value)

    def _decode(self, text: Any) -> str:
        decoded: str = self._library.ffi.string(text).decode("utf-8", "surrogateescape")
        return decoded

    def values(self) -> dict[str, SettingValue]:
        """Every option's value."""
        return {option.name: self[option.name] for option in option_table()}
