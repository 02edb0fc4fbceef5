"""The context of an agent in a dialplan that FreePBX has made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aiconvai.freepbx.destination import CONTEXT_PREFIX

STASIS_APP = "aiconvai"
"""Of the gateway, where calls come by ARI."""
GATEWAY = "127.0.0.1:8090"
"""Where `aiconvai gateway` takes AudioSocket, unless it is told otherwise."""
_DID = "${FILTER(0-9+,${FROM_DID})}"
"""Of a route that takes any number it comes from the wire."""


class Door(StrEnum):
    """By which a call reaches an agent."""

    MODULE = "module"
    AUDIOSOCKET = "audiosocket"
    ARI = "ari"


@dataclass(frozen=True, slots=True)
class AgentContext:
    """What happens to a caller who is sent to an agent. `person`: a destination, for when the agent cannot be reached
    or is lost.
    """

    agent: str
    person: str
    door: Door = Door.MODULE
    records: bool = False
    calls_by_gosub: bool = True
    """FreePBX 17 and later; before, its dialplan is macros."""
    has_uuid: bool = False
    """Asterisk has the function UUID()."""
    gateway: str = GATEWAY
    """Where `aiconvai gateway` takes AudioSocket."""

    def text(self) -> str:
        """The context, for extensions_custom.conf."""
        lines = [
            "NoOp(aiconvai: the agent {agent} for ${FILTER(0-9+,${CALLERID(num)})})",
            # Who comes from a queue or an IVR would not reach voicemail; a menu of FreePBX undoes it, too.
            "Set(__NODEST=)",
            self._if_there("macro-blkvm-clr", "blkvm-clr"),
        ]
        if self.records:
            lines.append("Gosub(sub-record-check,s,1(generic,{agent},force))")
        lines += self._conversation()
        lines += [
            "Log(WARNING,aiconvai: the agent {agent} gave up: ${AICONVAI_STATUS} ${AICONVAI_REASON})",
            f"Goto({self.person})",
        ]
        steps = [f" same => n,{line.replace('{agent}', self.agent)}" for line in lines]
        steps[0] = steps[0].replace(" same => n,", "exten => s,1,", 1)
        after = [" same => n(over),Hangup()"] if self.door is not Door.MODULE else []
        hung_up = f"exten => h,1,{self._if_there('macro-hangupcall', 'hangupcall')}"
        return "\n".join([f"[{CONTEXT_PREFIX}{self.agent}]", *steps, *after, hung_up]) + "\n"

    def _conversation(self) -> list[str]:
        """Behind it is who the agent could not serve."""
        if self.door is Door.MODULE:
            # It answers, and hangs up where the conversation is over.
            return ["AIConvAI({agent})"]
        uuid = "${UUID()}" if self.has_uuid else r"${SHELL(uuidgen | tr -d '\n')}"
        way = {
            Door.AUDIOSOCKET: [
                f"Set(AICONVAI_UUID={uuid})",
                "UserEvent(AIConvAICall,UUID: ${AICONVAI_UUID},Agent: {agent},VAR-FROM_DID: " + _DID + ")",
                f"Dial(AudioSocket/{self.gateway}/${{AICONVAI_UUID}}/c(slin),,g)",
            ],
            Door.ARI: [f"Stasis({STASIS_APP},{{agent}},FROM_DID={_DID})"],
        }
        return [
            "Answer()",
            *way[self.door],
            'GotoIf($["${AICONVAI_STATUS}" = "COMPLETED"]?over)',
        ]

    def _if_there(self, context: str, macro: str) -> str:
        call = f"Gosub({context},s,1)" if self.calls_by_gosub else f"Macro({macro})"
        return f"ExecIf($[${{DIALPLAN_EXISTS({context},s,1)}}]?{call})"
