"""Turns what the module tells the manager, and the packets of the call, into moments."""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import ManagerClient, Message
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.rtp import NANOSECONDS, KernelClock
from aiconvai.rig.demo.interruption import heard_interruption
from aiconvai.rig.demo.moments import Kind, Moments
from aiconvai.rig.demo.script import TOOL, TOOL_RESULT
from aiconvai.rig.demo.voice_activity import Stretch, VoiceActivity

# A packet that was on its way when the interruption came has arrived by then.
_INTERRUPTION_SETTLED_SECONDS = 0.2


class Observer:
    """Follows the conversations of one Asterisk; also plays the tool that the agent calls, over AMI.

    Without a call it tells what the manager says, of whatever calls there are.
    """

    def __init__(self, ami: ManagerClient, clock: KernelClock, moments: Moments, *, answers_tools: bool = True) -> None:
        self.agent_voice = VoiceActivity()
        self.caller_voice = VoiceActivity()
        self.events: list[Message] = []
        """The module's manager events so far."""
        self._ami = ami
        self._answers_tools = answers_tools
        self._clock = clock
        self._moments = moments
        self._position = ami.position()
        self._heard = self._sent = 0
        self._agent_stretches = self._caller_stretches = 0
        self._answered = self._ended = self._silence_told = False

    def look(self, call: Call | None = None, conversations: Sequence[ThreadedConversation] = ()) -> None:
        """Note everything new."""
        events = self._ami.events(since=self._position)
        self._position += len(events)
        for event in events:
            if (event.event or "").startswith("AIConvAI"):
                self.events.append(event)
                self._on_event(event)
        if call is not None:
            self._look_at_packets(call)
            self._look_at_signalling(call)
            if not self._silence_told:
                self._look_for_silence(call, conversations)

    def _time(self, event: Message) -> float:
        """When Asterisk raised it: its own time stamp, which is not delayed by our reading."""
        return self._clock.monotonic(int(float(event["Timestamp"]) * NANOSECONDS)) / NANOSECONDS

    def _on_event(self, event: Message) -> None:
        add, when = self._moments.add, self._time(event)
        match event.event:
            case "AIConvAIReady":
                formats = f"to the service {event['UplinkFormat']}, from it {event['DownlinkFormat']}"
                add(when, Kind.READY, f"{event['ConversationID']} after {event['ReadyMs']} ms; {formats}")
            case "AIConvAITranscript" if event.get("Final") != "no":
                kind = Kind.AGENT_SAYS if event["Role"] == "agent" else Kind.CALLER_SAYS
                add(when, kind, event["Text"])
            case "AIConvAIInterruption":
                heard = f"after {int(event['HeardMs']) / 1000:.1f} s of it"
                removed = f"{event['ChunksRemoved']} queued chunks thrown away"
                add(when, Kind.INTERRUPTION, f"the caller interrupts the agent {heard}; {removed}")
            case "AIConvAIToolCall":
                add(when, Kind.TOOL_CALL, f"{event['ToolName']}({event['Parameters']})")
                if self._answers_tools:
                    self._answer_tool(event)
            case "AIConvAIError":
                add(when, Kind.ERROR, event["Message"])
            case "AIConvAIEnd":
                add(when, Kind.END, f"{event['Status']}: {event['Reason']} (close code {event['CloseCode']})")

    def _answer_tool(self, event: Message) -> None:
        # OpenAI Live has one tool, for whatever is to be done.
        is_known = event["ToolName"] in (TOOL, "delegation")
        result = TOOL_RESULT if is_known else f"there is no tool {event['ToolName']}"
        self._ami.action(
            "AIConvAIToolResult",
            Channel=event["Channel"],
            ToolCallID=event["ToolCallID"],
            Result=result,
            IsError="no" if is_known else "yes",
        )
        self._moments.add(time.monotonic(), Kind.TOOL_RESULT, result)

    def _look_at_packets(self, call: Call) -> None:
        heard, sent = call.stream.decoded_heard(self._heard), call.stream.decoded_sent()[self._sent :]
        self._heard += len(heard)
        self._sent += len(sent)
        self.agent_voice.feed(heard)
        self.caller_voice.feed(sent)
        now = time.monotonic()
        self.agent_voice.pass_time(now)
        self.caller_voice.pass_time(now)
        for stretch in self.caller_voice.stretches[self._caller_stretches :]:
            self._moments.add(stretch.end, Kind.VOICE, f"the caller spoke for {stretch.seconds:.1f} s")
        for stretch in self.agent_voice.stretches[self._agent_stretches :]:
            text = f"the agent spoke for {stretch.seconds:.1f} s{self._reply_time(stretch)}"
            self._moments.add(stretch.end, Kind.VOICE, text)
        self._caller_stretches = len(self.caller_voice.stretches)
        self._agent_stretches = len(self.agent_voice.stretches)

    def _reply_time(self, stretch: Stretch) -> str:
        before = [one.end for one in self.caller_voice.stretches if one.end < stretch.start]
        return f", {stretch.start - before[-1]:.2f} s after the caller's last word" if before else ""

    def _look_at_signalling(self, call: Call) -> None:
        if call.answered is not None and not self._answered:
            self._answered = True
            waited = (call.answered - call.started) * 1000
            self._moments.add(call.answered, Kind.ANSWERED, f"200 OK after {waited:.0f} ms, {call.codec.name}")
        if call.ended is not None and call.end_reason is not None and not self._ended:
            self._ended = True
            who = "the agent's side hung up" if call.end_reason.by == "remote" else f"{call.end_reason}"
            self._moments.add(call.ended, Kind.HANGUP, who)

    def _look_for_silence(self, call: Call, conversations: Sequence[ThreadedConversation]) -> None:
        for conversation in conversations:
            found = heard_interruption(conversation.record, call.heard)
            if found is not None and time.monotonic() - found.sent > _INTERRUPTION_SETTLED_SECONDS:
                self._silence_told = True
                last = (found.last_old_packet - found.sent) * 1000
                when = f"{last:.1f} ms after" if last > 0 else f"{-last:.1f} ms before"
                text = f"the last packet of what the agent said came {when} the interruption was sent"
                self._moments.add(found.last_old_packet, Kind.SILENCE, text)
