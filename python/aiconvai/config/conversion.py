"""Turn an elevenlabs.conf into the values of an aiconvai.conf with canonical names."""

from __future__ import annotations

from collections.abc import Iterable

from aiconvai.config.sections import Section
from aiconvai.config.writer import Values
from aiconvai.options import GENERAL, find_option, fold_case


def canonical_values(sections: Iterable[Section]) -> tuple[Values, dict[str, Values]]:
    """The values of [general] and of each other section, under canonical names, what they inherit included.

    The sections must be valid: an unknown name raises KeyError.
    """
    general: Values = {}
    agents: dict[str, Values] = {}
    for section in sections:
        values: dict[str, list[str]] = {}
        for entry in section.effective_entries():
            option = find_option(entry.key)
            if option is None:
                raise KeyError(entry.key)
            values.setdefault(option.name, []).append(option.entry_text(entry.key, entry.value))
        if fold_case(section.name) == GENERAL:
            general = values
        else:
            agents[section.name] = values
    return general, agents
