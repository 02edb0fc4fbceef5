"""What Asterisk itself prints of the module (`core show application`, `manager show event`, ...), and its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from reference_pages.markdown import mark, table

ROOT = Path(__file__).parents[2]
DOCUMENTATION = Path("app_aiconvai/asterisk/documentation/app_aiconvai-en_US.xml")
CONSOLE = Path("app_aiconvai/asterisk/cli.c")
_USAGE = re.compile(r'->usage = ((?:\s*"(?:[^"\\]|\\.)*")+);')
_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"')


def dialplan_page() -> str:
    root = _documentation()
    parts = [mark(str(DOCUMENTATION)), "# Dialplan\n\n"]
    parts.append("As `core show application AIConvAI` and `core show function AICONVAI` print them.\n\n")
    for one in root.findall("application"):
        parts += [f"## {one.get('name')}()\n\n", *_application(one)]
    for one in root.findall("function"):
        parts += [f"## ${{{one.get('name')}()}}\n\n", *_application(one)]
    return "".join(parts)


def ami_page() -> str:
    parts = [mark(f"{DOCUMENTATION} and {CONSOLE}"), "# Asterisk's console and manager\n\n"]
    parts.append("## At the console\n\nThe first word may be `elevenlabs` as well.\n\n")
    source = (ROOT / CONSOLE).read_text(encoding="utf-8")
    rows = [_usage("".join(_PIECE.findall(found))) for found in _USAGE.findall(source)]
    parts.append(table(("command", "what it does"), rows))
    parts.append("## Actions of the manager\n\nEvents: [events](events.md). A user needs `write = call` for them, and "
                 "`read = call` for the events.\n\n")  # fmt: skip
    for one in _documentation().findall("manager"):
        parts += [f"### {one.get('name')}\n\n", *_application(one)]
    return "".join(parts)


def events_page() -> str:
    events = _documentation().findall("managerEvent")
    instances = [_the(one, "managerEventInstance") for one in events]
    named = [{_name(parameter): _text(parameter) for parameter in _parameters(one)} for one in instances]
    everywhere = [name for name in named[0] if all(one.get(name) == named[0][name] for one in named)]
    parts = [mark(str(DOCUMENTATION)), "# Events\n\n"]
    parts.append("Told to managers that have `read = call`, in the order in which things happened. The "
                 "[journal](../journal.md) has the same, and so has `GET /api/calls/ID` ([HTTP API](http-api.md)).\n\n"
                 )  # fmt: skip
    of_channel = ", ".join(f"`{one}`" for one in everywhere if not named[0][one])
    parts.append(f"## In all of them\n\nWhat Asterisk tells of a channel: {of_channel}.\n\n")
    parts.append(table(("header", ""), ((f"`{one}`", named[0][one]) for one in everywhere if named[0][one])))
    for event, instance, headers in zip(events, instances, named, strict=True):
        parts.append(f"## {event.get('name')}\n\n{_text(_the(instance, 'synopsis'))}\n\n")
        parts.append(table(("header", ""), ((f"`{a}`", b) for a, b in headers.items() if a not in everywhere)))
    return "".join(parts)


def _documentation() -> Element:
    return ElementTree.parse(ROOT / DOCUMENTATION).getroot()


def _application(one: Element) -> Iterator[str]:
    yield f"{_text(_the(one, 'synopsis'))}\n\n"
    parameters = _parameters(one)
    names = "header" if one.tag == "manager" else "argument"
    yield table((names, "must be given", ""), (
        (f"`{_name(each)}`", "yes" if each.get("required") == "true" else "", _own_text(each)) for each in parameters
    ))  # fmt: skip
    for each in parameters:
        options = each.findall("optionlist/option")
        yield table(("option", ""), ((f"`{_option(option)}`", _text(option)) for option in options))
        yield table(("field", ""), ((f"`{_name(field)}`", _text(field)) for field in each.findall("enumlist/enum")))
    description = one.find("description")
    for part in description if description is not None else ():
        if part.tag == "para":
            yield f"{_text(part)}\n\n"
        elif part.tag == "variablelist":
            yield table(("variable", "value", ""), _variables(part))
        elif part.tag == "example":
            yield f'{part.get("title")}:\n\n```ini title="extensions.conf"\n{_code(part.text or "")}\n```\n\n'


def _variables(listed: Element) -> Iterator[tuple[str, str, str]]:
    for variable in listed.findall("variable"):
        yield f"`{_name(variable)}`", "", _own_text(variable)
        for value in variable.findall("value"):
            yield "", f"`{_name(value)}`", _text(value)


def _option(option: Element) -> str:
    arguments = option.findall("argument")
    separator = option.get("argsep", ",")
    inside = separator.join(_name(one) + (f"[{separator}...]" if one.get("multiple") else "") for one in arguments)
    return f"{_name(option)}({inside})" if arguments else _name(option)


def _parameters(one: Element) -> list[Element]:
    return one.findall("syntax/parameter")


def _the(one: Element, name: str) -> Element:
    found = one.find(name)
    assert found is not None, f"{one.get('name')} has no <{name}>"
    return found


def _name(one: Element) -> str:
    return one.get("name") or ""


def _own_text(one: Element) -> str:
    return " ".join(_text(para) for para in one.findall("para"))


def _text(one: Element) -> str:
    """What is in it, names as code."""
    text = (one.text or "").replace("<", "&lt;")
    for inner in one:
        written = f"`{inner.text}`" if inner.tag in ("literal", "filename") else _text(inner)
        text += written + (inner.tail or "").replace("<", "&lt;")
    return " ".join(text.split())


def _code(text: str) -> str:
    lines = [line for line in text.expandtabs(4).splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join(line[margin:].rstrip() for line in lines)


def _usage(written: str) -> tuple[str, str]:
    command, _, about = written.replace("\\n", "\n").replace('\\"', '"').removeprefix("Usage: ").partition("\n")
    return f"`{command}`", about
