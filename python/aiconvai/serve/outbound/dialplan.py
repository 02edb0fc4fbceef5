"""The dialplan that answered calls go to where Asterisk finds out whether a machine has answered."""

from __future__ import annotations

from aiconvai.serve.outbound.going import MACHINE_REASON
from aiconvai.serve.outbound.manager_door import AGENT_VARIABLE, MESSAGE_VARIABLE, USER_EVENT
from aiconvai.serve.settings import OutboundSettings

APP_VARIABLE = "AICONVAI_APP"
"""With ARI: the Stasis application that a person goes to."""

_MESSAGE = f"""\
 same => n,GotoIf($["${{{MESSAGE_VARIABLE}}}" = ""]?over)
 same => n,WaitForSilence(1500,1,20)
 same => n,Playback(${{{MESSAGE_VARIABLE}}})
 same => n(over),Hangup()
"""
_MODULE = f"""\
exten => s,1,AIConvAI(${{{AGENT_VARIABLE}}},bc)
 same => n,AMD()
 same => n,GotoIf($["${{AMDSTATUS}}" = "MACHINE"]?machine)
 same => n(human),Wait(1)
 same => n,GotoIf($["${{AICONVAI(phase)}}" != "ended"]?human)
 same => n,Hangup()
 same => n(machine),Set(AICONVAI(end)={MACHINE_REASON})
{_MESSAGE}"""
_STASIS = f"""\
exten => s,1,AMD()
 same => n,GotoIf($["${{AMDSTATUS}}" = "MACHINE"]?machine)
 same => n,Stasis(${{{APP_VARIABLE}}},${{{AGENT_VARIABLE}}})
 same => n,Hangup()
 same => n(machine),UserEvent({USER_EVENT},Result: machine)
{_MESSAGE}"""


def dialplan(settings: OutboundSettings, *, by_ari: bool) -> str:
    """For extensions.conf; empty: none is needed, or it is the administrator's own."""
    if settings.machine != "asterisk":
        return ""
    text = _STASIS if by_ari else _MODULE
    return f"; In extensions.conf; app_amd and app_waitforsilence have to be loaded.\n[{settings.to_context}]\n{text}"
