"""Carries out a scenario in a conversation."""

from __future__ import annotations

import asyncio
import time

from aiconvai.audio import tone
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.errors import ConversationClosedError
from aiconvai.mock.record import ConversationRecord
from aiconvai.mock.scenario import (
    Error,
    Ping,
    Say,
    Scenario,
    Step,
    ToolCall,
    Vad,
    WaitForMessage,
    WaitForSilence,
    WaitForSpeech,
)
from aiconvai.speech import speak

_CLOSING = frozenset({"close", "drop", "error"})


class _WaitedInVainError(Exception):
    """A wait of the scenario ran into its timeout."""


class Player:
    """Runs one scenario once."""

    def __init__(self, conversation: Conversation, scenario: Scenario) -> None:
        self._conversation = conversation
        self._scenario = scenario
        self._messages_seen = 0

    async def run(self) -> None:
        """The handshake after the initiation, then every step. A wait in vain ends the conversation."""
        conversation = self._conversation
        handshake = self._scenario.handshake
        await asyncio.sleep(handshake.metadata_delay)
        if handshake.drop_before_metadata:
            conversation.drop()
            return
        if handshake.close_before_metadata is not None:
            await conversation.close(handshake.close_before_metadata.code, handshake.close_before_metadata.reason)
            return
        conversation.start()
        async with asyncio.TaskGroup() as background:
            pings: list[asyncio.Task[None]] = []
            try:
                await self._steps(self._scenario.steps, background, pings)
                conversation.scenario_done = time.monotonic()
            except _WaitedInVainError as error:
                conversation.scenario_failure = str(error)
                await conversation.fail("transport_receive_timeout", str(error))
            except ConversationClosedError:
                for task in pings:
                    task.cancel()

    async def _steps(
        self, steps: tuple[Step, ...], background: asyncio.TaskGroup, pings: list[asyncio.Task[None]]
    ) -> None:
        for number, step in enumerate(steps, 1):
            if step.ping is not None and step.ping.every is not None:
                pings.append(background.create_task(self._keep_pinging(step.ping, step.ping.every)))
            elif step.repeat is not None:
                done = 0
                while step.repeat.times is None or done < step.repeat.times:
                    await self._steps(step.repeat.steps, background, pings)
                    done += 1
            else:
                if step.action in _CLOSING:
                    # The connection takes this task with it, so there is no later moment.
                    self._conversation.scenario_done = time.monotonic()
                try:
                    await self._step(step)
                except TimeoutError as error:
                    raise _WaitedInVainError(f"step {number} ({step.action}): {error}") from None

    async def _step(self, step: Step) -> None:
        conversation = self._conversation
        if step.say is not None:
            await self._say(step.say)
        elif step.tone is not None:
            action = step.tone
            samples = tone(action.hz, action.seconds, conversation.downlink_rate, action.level_dbfs)
            await conversation.play(
                samples, action.event_id, pace=action.pace, chunk_ms=action.chunk_ms, jitter=action.jitter
            )
        elif step.overtake is not None:
            answer = step.overtake
            conversation.overtake(tone(answer.hz, answer.seconds, conversation.downlink_rate, answer.level_dbfs))
        elif step.wait is not None:
            await asyncio.sleep(step.wait)
        elif step.wait_for_speech is not None:
            await self._wait_for_speech(step.wait_for_speech)
        elif step.wait_for_silence is not None:
            await self._wait_for_silence(step.wait_for_silence)
        elif step.wait_for_playout is not None:
            await conversation.wait_for_playout()
        elif step.wait_for_message is not None:
            await self._wait_for_message(step.wait_for_message)
        elif step.echo is not None:
            conversation.echo(True, step.echo.event_id)
            await (asyncio.sleep(step.echo.seconds) if step.echo.seconds else asyncio.Event().wait())
            conversation.echo(False)
        elif step.barge_in is not None:
            conversation.barge_in(
                step.barge_in.enabled, min_ms=step.barge_in.min_ms, level_dbfs=step.barge_in.level_dbfs
            )
        elif step.interrupt is not None:
            await conversation.interrupt(step.interrupt.event_id)
        elif step.tool_call is not None:
            await self._call_tool(step.tool_call)
        elif step.ping is not None:
            await conversation.ping(step.ping.timeout)
        elif step.wire is not None:
            conversation.shape(step.wire)
        elif step.send_raw is not None:
            await conversation.send_raw(step.send_raw)
        elif step.send is not None:
            await conversation.send(step.send)
        else:
            await self._tell_or_end(step)

    async def _tell_or_end(self, step: Step) -> None:
        conversation = self._conversation
        if step.vad is not None:
            await self._vad(step.vad)
        elif step.user_transcript is not None:
            transcript = step.user_transcript
            conversation.caller_said(transcript.text, transcript.event_id, tentative=transcript.tentative)
        elif step.agent_response is not None:
            conversation.agent_said(step.agent_response.text, step.agent_response.event_id)
        elif step.end_call is not None:
            await conversation.end_call(step.end_call.tool_call_id)
        elif step.error is not None:
            await self._fail(step.error)
        elif step.close is not None:
            await conversation.close(step.close.code, step.close.reason)
        elif step.drop is not None:
            conversation.drop()
        elif step.fall_silent is not None:
            conversation.fall_silent()

    async def _say(self, action: Say) -> None:
        conversation = self._conversation
        # A text spoken for the first time is synthesised, which must not hold up other conversations.
        samples = await asyncio.to_thread(
            speak, action.text, conversation.downlink_rate, action.voice, action.words_per_minute
        )
        await conversation.play(
            samples,
            action.event_id,
            text=action.text if action.response else None,
            pace=action.pace,
            chunk_ms=action.chunk_ms,
            jitter=action.jitter,
        )

    async def _vad(self, action: Vad) -> None:
        for number, score in enumerate(action.scores):
            if number:
                await asyncio.sleep(action.interval)
            self._conversation.voice_activity(score)

    async def _call_tool(self, action: ToolCall) -> None:
        conversation = self._conversation
        if not action.wait:
            conversation.start_tool(action.name, action.parameters, expects_response=False)
            return
        try:
            await conversation.call_tool(action.name, action.parameters, action.timeout)
        except TimeoutError:
            raise TimeoutError(f"no result of {action.name} within {action.timeout:g} s") from None

    async def _fail(self, action: Error) -> None:
        await self._conversation.fail(
            action.error_type,
            action.text,
            code=action.code,
            announce=action.announce,
            close=action.close,
        )

    async def _wait_for_speech(self, action: WaitForSpeech) -> None:
        with self._conversation.listen(action.level_dbfs) as detector:
            try:
                async with asyncio.timeout(action.timeout):
                    await detector.wait(lambda heard: heard.speech_ms >= action.min_ms)
            except TimeoutError:
                raise TimeoutError(
                    f"no {action.min_ms} ms of caller audio above {action.level_dbfs:g} dBFS "
                    f"within {action.timeout:g} s"
                ) from None
        self._conversation.caller_began_speaking()

    async def _wait_for_silence(self, action: WaitForSilence) -> None:
        with self._conversation.listen(action.level_dbfs, history_ms=action.ms) as detector:
            try:
                async with asyncio.timeout(action.timeout):
                    await detector.wait(lambda heard: heard.quiet_ms >= action.ms)
            except TimeoutError:
                raise TimeoutError(
                    f"no {action.ms} ms of caller audio below {action.level_dbfs:g} dBFS within {action.timeout:g} s"
                ) from None
        self._conversation.caller_stopped_speaking()

    async def _wait_for_message(self, action: WaitForMessage) -> None:
        conversation = self._conversation

        def find(record: ConversationRecord) -> int | None:
            for index, entry in enumerate(record.received[self._messages_seen :], self._messages_seen):
                if entry.type == action.type:
                    return index
            return None

        try:
            await conversation.wait_received(lambda record: find(record) is not None, action.timeout)
        except TimeoutError:
            raise TimeoutError(f"no {action.type} within {action.timeout:g} s") from None
        index = find(conversation)
        assert index is not None
        self._messages_seen = index + 1

    async def _keep_pinging(self, action: Ping, every: float) -> None:
        """Until the conversation ends; what goes unanswered is on its record."""
        deadline = time.monotonic()
        while True:
            deadline += every
            try:
                await self._conversation.ping(action.timeout)
            except TimeoutError:
                continue
            except ConversationClosedError:
                return
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))
