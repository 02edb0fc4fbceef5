"""What a section needs besides one option, so that the option can stand in it."""

from __future__ import annotations

from aiconvai.options import options_by_name, rules

API_KEY = "sk-0123456789abcdef-very-secret"
_GOOD = {
    "agent_id": "agent_1",
    "api_key": API_KEY,
    "signed_url_endpoint": "https://h/u",
    "conversation_url": "wss://h/c",
}


def provider_of(name: str) -> str:
    """A provider that the option is for."""
    return (*options_by_name()[name].providers, "elevenlabs")[0]


def lines_beside(name: str) -> list[tuple[str, str]]:
    """The lines that the option's provider and its rules ask for."""
    provider, name = provider_of(name), options_by_name()[name].name
    lines = [("provider", provider)] if name != "provider" else []
    for rule in rules():
        asked = rule.provider == provider and rule.beside in (None, name) and rule.unless != name
        if asked and rule.needs != name:
            lines.append((rule.needs, _GOOD[rule.needs]))
    return lines
