"""The agents of aiconvai.conf: which there are, and their options, to be changed.

What is changed is judged as the module judges it before anything is written; the difference is shown, the file is
replaced with a copy kept, and Asterisk, or the gateway, loads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.datastructures import FormData

from aiconvai.config.edit import Edit, EditError, apply, fingerprint, own_texts, texts_of, try_edit
from aiconvai.config.sections import Section
from aiconvai.config.verdict import judge_file
from aiconvai.options import OptionDefinition, find_option, fold_case, kind_of, options, options_by_name
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.manager import ManagerError
from aiconvai.serve.users import Visit
from aiconvai.serve.web.show import show, visitor
from aiconvai.serve.web.visitor import check_origin

MODULE = "app_aiconvai.so"
LONGEST_VALUE = 8192
MOST_LINES = 100
"""Of an option that may be repeated."""
_FIELD = "option."
_FORGET = "forget."
"""A secret that is not to be set any more: its field is empty also where it stays."""


@dataclass(frozen=True, slots=True)
class Field:
    """An option as the form has it."""

    option: OptionDefinition
    texts: list[str]
    """What the section itself says; of a secret nothing."""
    is_set: bool
    inherited: str
    """What is so where the section says nothing: of a template's, of [general], or the default."""

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def choices(self) -> tuple[str, ...]:
        """Of a value that is one of few."""
        return ("yes", "no") if self.option.type == "boolean" else self.option.values


class File:
    """An aiconvai.conf, as it is now."""

    def __init__(self, asterisk: str, path: Path) -> None:
        """Raises `HTTPException` where it cannot be read."""
        try:
            self.fingerprint = fingerprint(path)
        except OSError as error:
            raise HTTPException(503, f"{path}: {error.strerror}") from error
        self.asterisk = asterisk
        self.path = path
        self.sections, report = judge_file(path)
        self.problems = [str(one) for one in report.problems]

    def of_kind(self, kind: str) -> list[Section]:
        """Sections about that, in their order."""
        return [one for one in self.sections if kind_of(one.name)[0] == kind]

    def section(self, name: str) -> Section:
        """404 where there is none."""
        found = next((one for one in self.sections if fold_case(one.name) == fold_case(name)), None)
        if found is None:
            raise HTTPException(404, f"{self.path} has no section [{name[:80]}]")
        return found

    def value(self, section: Section, name: str) -> str:
        """What counts of an option; empty: nothing is said."""
        texts = texts_of(section.effective_entries()).get(name)
        return texts[-1] if texts else ""

    def fields(self, section: Section) -> list[Field]:
        """All that may stand in it; what is for other services is left out, unless it is there."""
        own, inherited = own_texts(self.path, section), self._inherited(section)
        provider = self.value(section, "provider") or str(options_by_name()["provider"].default or "")

        def otherwise(option: OptionDefinition) -> str:
            if option.name in inherited:
                return option.shown(inherited[option.name][-1])
            return option.default_for(provider) or ""

        return [
            Field(option, [] if option.secret else own.get(option.name, []), option.name in own, otherwise(option))
            for option in options()
            if option.in_section(section.name)
            and (not option.providers or provider in option.providers or option.name in own)
        ]

    def _inherited(self, section: Section) -> dict[str, list[str]]:
        """What templates say, and before it what [general] says of options that both have."""
        inherited = texts_of(entry for entry in section.effective_entries() if entry.inherited)
        general = next((one for one in self.of_kind("general") if one is not section), None)
        if general is not None:
            both = texts_of(general.effective_entries()).items()
            inherited = {name: texts for name, texts in both if options_by_name()[name].scope == "both"} | inherited
        return inherited


def agent_pages(application: Application) -> APIRouter:
    """Those for who may see them: options are for operators, changes for admins."""
    router = APIRouter(prefix="/agents")

    @router.get("")
    async def agents(request: Request) -> Response:
        visit = await visitor(application, request, Role.OPERATOR)
        files = await asyncio.to_thread(_files, application)
        return show(request, "agents", visit, here="agents", files=files)

    @router.get("/{asterisk}/{name}")
    async def section(request: Request, asterisk: str, name: str, done: str = "") -> Response:
        visit = await visitor(application, request, Role.OPERATOR)
        file = await asyncio.to_thread(_file, application, asterisk)
        found = file.section(name)
        is_agent = kind_of(found.name)[0] == "agent"
        return _form(request, visit, file, found, file.fields(found), done=done[:300], is_agent=is_agent)

    @router.post("/{asterisk}/{name}/trial")
    async def trial(request: Request, asterisk: str, name: str) -> Response:
        visit = await visitor(application, request, Role.OPERATOR)
        async with request.form(max_fields=10, max_files=0) as given:
            check_origin(request, visit, str(given.get("csrf", "")))
        file = await asyncio.to_thread(_file, application, asterisk)
        agent = file.section(name).name
        if kind_of(agent)[0] != "agent":
            raise HTTPException(404, f"[{agent}] is no agent")
        shown: dict[str, Any] = {"here": "agents", "asterisk": asterisk, "agent": agent}
        try:
            tried = await application.try_agent(asterisk, agent)
        except ManagerError as error:
            return show(request, "agent_trial", visit, 502, **shown, problem=str(error))
        return show(request, "agent_trial", visit, **shown, problem="", trial=tried)

    @router.post("/{asterisk}/{name}")
    async def change(request: Request, asterisk: str, name: str) -> Response:
        visit = await visitor(application, request, Role.ADMIN)
        async with request.form(max_fields=2 * len(options()) + 10, max_files=0) as given:
            check_origin(request, visit, str(given.get("csrf", "")))
            file = await asyncio.to_thread(_file, application, asterisk)
            found = file.section(name)
            fields = file.fields(found)
            changes = _changes(fields, given)
            seen, is_confirmed = str(given.get("seen", "")), "confirm" in given
        try:
            if seen != file.fingerprint:
                raise EditError(f"{file.path}: somebody else has changed it meanwhile; look at it again")
            edit = await asyncio.to_thread(try_edit, file.path, found.name, changes)
            if not is_confirmed:
                return show(
                    request, "agent_change", visit, here="agents", file=file, section=found, changes=changes,
                    difference=_shown(edit.difference), seen=seen, field=_FIELD, forget=_FORGET,
                )  # fmt: skip
            backup = await asyncio.to_thread(apply, edit, seen)
        except EditError as error:
            # What was typed is not lost, unless it was typed over what is not there any more.
            tried = _as_given(fields, changes) if seen == file.fingerprint else fields
            return _form(request, visit, file, found, tried, status=422, problem=str(error))
        return await _load(application, request, visit, file, edit, backup)

    return router


async def _load(
    application: Application, request: Request, visit: Visit, file: File, edit: Edit, backup: Path
) -> Response:
    saved = f"{edit.path} is written; what it was is in {backup.name}."
    try:
        await application.act(file.asterisk, "Reload", Module=MODULE)
    except ManagerError as error:
        told = f"It is not loaded: {error} (AMI's user needs write = config). asterisk -rx 'aiconvai reload'"
        return show(request, "agent_saved", visit, 502, here="agents", saved=saved, problem=told, file=file)
    return show(request, "agent_saved", visit, here="agents", saved=saved, problem="", file=file)


def _paths(application: Application) -> dict[str, Path]:
    """Of those whose file this program can reach."""
    return {one.name: one.aiconvai_conf for one in application.sources if one.aiconvai_conf is not None}


def _files(application: Application) -> list[File]:
    return [File(name, path) for name, path in _paths(application).items()]


def _file(application: Application, asterisk: str) -> File:
    path = _paths(application).get(asterisk)
    if path is None:
        raise HTTPException(404, f"serve.toml does not say where the aiconvai.conf of {asterisk[:40]} is")
    return File(asterisk, path)


def _form(
    request: Request,
    visit: Visit,
    file: File,
    section: Section,
    fields: list[Field],
    status: int = 200,
    **values: Any,
) -> Response:
    return show(
        request, "agent", visit, status, here="agents", file=file, section=section, fields=fields, field=_FIELD,
        forget=_FORGET, **values,
    )  # fmt: skip


def _changes(fields: Iterable[Field], given: FormData) -> dict[str, list[str]]:
    """What is to be different."""
    changes: dict[str, list[str]] = {}
    for one in fields:
        name = one.option.name
        value = given.get(f"{_FIELD}{name}")
        if not isinstance(value, str):
            continue
        lines = [line.strip() for line in value.splitlines()] if one.option.multiple else [value.strip()]
        texts = [line for line in lines if line]
        if any(len(text) > LONGEST_VALUE for text in texts) or len(texts) > MOST_LINES:
            raise HTTPException(422, f"{name}: expected {LONGEST_VALUE} characters and {MOST_LINES} lines at the most")
        if one.option.secret:
            if texts or (one.is_set and f"{_FORGET}{name}" in given):
                changes[name] = texts
        elif texts != one.texts:
            changes[name] = texts
    return changes


def _as_given(fields: Iterable[Field], changes: Mapping[str, list[str]]) -> list[Field]:
    """What somebody has typed is not lost."""
    return [
        Field(one.option, changes[one.option.name], one.is_set, one.inherited)
        if one.option.name in changes and not one.option.secret
        else one
        for one in fields
    ]


def _shown(difference: str) -> list[str]:
    """Its lines, without secrets."""
    return [_without_secret(line) for line in difference.splitlines()[2:]]


def _without_secret(line: str) -> str:
    """A line of the difference; what stands behind the name of a secret is masked, in remarks as well."""
    key, equals, value = line[1:].partition("=")
    names = {name for name, option in options_by_name().items() if option.secret}
    option = find_option(key.strip(" +>\t;"))
    if equals and option is not None and option.secret:
        return f"{line[0]}{key}= {option.shown(value.strip())}"
    return f"{line[0]} ..." if any(name in fold_case(key) for name in names) and equals else line
