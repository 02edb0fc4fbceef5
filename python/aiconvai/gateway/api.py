"""What the dialplan tells the gateway by HTTP (`CURL()`): which call a UUID is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiconvai.gateway.gateway_source import GatewaySource
from aiconvai.gateway.registrations import MOST_VALUE, MOST_VARIABLES, Caller, RegistrationError, a_number
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.web.visitor import need

_Text = Annotated[str, Field(max_length=200)]


class CallIn(BaseModel):
    """A call that is about to come by AudioSocket."""

    model_config = ConfigDict(extra="forbid")

    uuid: Annotated[str, Field(min_length=32, max_length=45)]
    agent: _Text = ""
    asterisk: _Text = Field("", description="A name of [asterisk.NAME]; empty: the only one.")
    channel: _Text = ""
    unique_id: _Text = ""
    caller_number: _Text = ""
    caller_name: _Text = ""
    extension: _Text = ""
    context: _Text = ""
    variables: Annotated[
        dict[str, Annotated[str, Field(max_length=MOST_VALUE)]], Field(max_length=MOST_VARIABLES)
    ] = Field(default_factory=dict)


def gateway_api(application: Application, gateway: GatewaySource) -> APIRouter:
    """For /api."""
    router = APIRouter(tags=["gateway"], dependencies=[Depends(need(application, Role.OPERATOR))])
    body = {"application/json": {"schema": CallIn.model_json_schema()}, "application/x-www-form-urlencoded": {}}

    @router.post("/gateway/calls", status_code=201, openapi_extra={"requestBody": {"content": body}})
    async def register(request: Request) -> dict[str, str]:
        """As JSON, or as a form, which CURL() sends: what is no field of it is a variable for the agent."""
        given = await _read(request)
        caller = Caller(
            given.agent,
            given.asterisk or _only(application),
            given.channel,
            given.unique_id,
            "",
            a_number(given.caller_number),
            given.caller_name,
            a_number(given.extension),
            given.context,
            given.variables,
        )
        try:
            gateway.registrations.tell(given.uuid, caller)
        except RegistrationError as error:
            raise HTTPException(422, str(error)) from error
        return {"uuid": given.uuid}

    return router


async def _read(request: Request) -> CallIn:
    try:
        if request.headers.get("Content-Type", "").startswith("application/json"):
            return CallIn.model_validate(await request.json())
        form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        known: dict[str, Any] = {key: value for key, value in form.items() if key in CallIn.model_fields}
        return CallIn.model_validate({**known, "variables": {k: v for k, v in form.items() if k not in known}})
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False, include_input=False)) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, str(error)) from error


def _only(application: Application) -> str:
    names = list(application.settings.asterisk)
    return names[0] if len(names) == 1 else ""
