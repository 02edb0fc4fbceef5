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
    JSON = "json"


class OptionScope(Enum):
    """The names are those of `enum aic_option_scope`."""

    GENERAL = "general"
    AGENT = "agent"
    BOTH = "both"
    TOOL = "tool"
    PROMPT = "prompt"


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
    prefix: str | None
    forms: tuple[str, ...]
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
        library.text(option.prefix) or None,
        _words(library, option.forms),
        option.secret,
        None if option.default_value == library.ffi.NULL else library.text(option.default_value),
    )


def _lines(lines: Lines) -> list[Line]:
    if isinstance(lines, Mapping):
        return [Line(name, value, number=at) for at, (name, value) in enumerate(lines.items(), 2)]
    return list(lines)


def _read(library: Library, lines: Lines, read: Any) -> tuple[str, ...]:
    """Has `read(c_lines, count, on_problem)` read the lines; what was wrong with them."""
    ffi = library.ffi
    given = _lines(lines)
    texts = [tuple(map(library.c_text, (line.file, line.name, line.value))) for line in given]
    c_lines = ffi.new("struct aic_option_line[]", len(given))
    for at, (line, (file, name, value)) in enumerate(zip(given, texts, strict=True)):
        c_lines[at].file, c_lines[at].name, c_lines[at].value = file, name, value
        c_lines[at].line = line.number
    problems: list[str] = []
    on_problem = ffi.callback(
        "void(void *, const char *)", lambda _user, problem: problems.append(library.text(problem))
    )
    count = read(c_lines, len(given), on_problem)
    if count != len(problems):
        raise AssertionError(f"the engine counted {count} problems and reported {len(problems)}")
    return tuple(problems)


def _value(library: Library, settings: Any, option: Option) -> SettingValue:
    """What a field of one of the engine's structs holds."""
    value = getattr(settings, option.name)
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
        return [_decode(library, value.items[at]) for at in range(value.count)]
    return None if value == library.ffi.NULL else _decode(library, value)


def _decode(library: Library, text: Any) -> str:
    decoded: str = library.ffi.string(text).decode("utf-8", "surrogateescape")
    return decoded


class _Declaration:
    """What a section says that agents refer to, with the problems found while it was read."""

    _struct: str
    _scope: OptionScope

    def __init__(self, section: str, lines: Lines) -> None:
        self._library = library = load_library()
        functions = {name: getattr(library.lib, f"{self._struct}_{name}") for name in ("init", "free", "read")}
        settings = library.ffi.new(f"struct {self._struct} *")
        if functions["init"](settings):
            raise OutOfMemoryError("the engine is out of memory")
        self.c_settings = library.ffi.gc(settings, functions["free"])
        c_section = library.c_text(section)

        def read(c_lines: Any, count: int, on_problem: Any) -> int:
            problems: int = functions["read"](self.c_settings, c_section, c_lines, count, on_problem, library.ffi.NULL)
            return problems

        self.problems = _read(library, lines, read)

    def __getitem__(self, name: str) -> SettingValue:
        option = find_option(name)
        if option is None or option.scope is not self._scope:
            raise KeyError(name)
        return _value(self._library, self.c_settings, option)

    def values(self) -> dict[str, SettingValue]:
        """Every option's value."""
        own = (option for option in option_table() if option.scope is self._scope)
        return {option.name: _value(self._library, self.c_settings, option) for option in own}


class ToolSettings(_Declaration):
    """What a section [tool-NAME] says."""

    _struct = "aic_tool_settings"
    _scope = OptionScope.TOOL


class PromptSettings(_Declaration):
    """What a section [prompt-NAME] says."""

    _struct = "aic_prompt_settings"
    _scope = OptionScope.PROMPT


class Settings:
    """The settings of [general] or of one agent, with the problems found while they were read.

    `settings["name"]` is the value of an option; what was wrong keeps its default. `c_tools` are the agent's tools,
    `prompts` its prompts.
    """

    def __init__(self) -> None:
        """The defaults."""
        self._library = library = load_library()
        settings = library.ffi.new("struct aic_settings *")
        if library.lib.aic_settings_init(settings):
            raise OutOfMemoryError("the engine is out of memory")
        self.c_settings = library.ffi.gc(settings, library.lib.aic_settings_free)
        self.c_tools = library.ffi.gc(library.ffi.new("struct aic_tools *"), library.lib.aic_tools_clear)
        self.prompts: PromptSettings | None = None
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
    def read_agent(
        cls,
        name: str,
        lines: Lines,
        general: Settings | None = None,
        *,
        tools: Mapping[str, ToolSettings] | None = None,
        prompts: PromptSettings | None = None,
    ) -> Settings:
        """The settings of the agent's section with these lines, on top of what `general` says; `tools` are the tools'
        sections by the names of the tools, `prompts` what the agent's own prompts are.
        """
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
        settings.prompts = prompts
        settings._read_tools(c_name, tools or {})
        return settings

    def _read_tools(self, c_name: Any, tools: Mapping[str, ToolSettings]) -> None:
        ffi = self._library.ffi
        names = [self._library.c_text(name) for name in tools]
        declared = ffi.new("struct aic_tool_declaration[]", len(tools))
        for at, (name, tool) in enumerate(zip(names, tools.values(), strict=True)):
            declared[at].name, declared[at].settings = name, tool.c_settings
        problems: list[str] = []
        on_problem = ffi.callback(
            "void(void *, const char *)", lambda _user, problem: problems.append(self._library.text(problem))
        )
        self._library.lib.aic_tools_read(
            self.c_tools, c_name, self.c_settings, self.c_prompts, declared, len(tools), on_problem, ffi.NULL
        )
        self.problems += tuple(problems)

    @property
    def c_choice(self) -> dict[str, Any]:
        """The members of `struct aic_agent_choice`: an agent, as the engine sees it."""
        return {
            "provider": self._library.lib.aic_provider_of(self.c_settings.provider),
            "settings": self.c_settings,
            "tools": self.c_tools,
            "prompts": self.c_prompts,
        }

    @property
    def c_prompts(self) -> Any:
        return self.prompts.c_settings if self.prompts else self._library.ffi.NULL

    def _read(self, lines: Lines, read: Any) -> None:
        self.problems = _read(self._library, lines, read)

    def __getitem__(self, name: str) -> SettingValue:
        option = find_option(name)
        if option is None:
            raise KeyError(name)
        return _value(self._library, self.c_settings, option)

    def values(self) -> dict[str, SettingValue]:
        """Every option's value, without those of the sections that agents refer to."""
        declared = (OptionScope.TOOL, OptionScope.PROMPT)
        return {option.name: self[option.name] for option in option_table() if option.scope not in declared}
