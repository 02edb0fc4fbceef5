"""The mock really cuts its bytes as told, seen by a client that looks at every read and every frame."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from start_mock import StartMock
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from aiconvai.mock import Conversation, ElevenLabsMock, Wire


@dataclass
class RawClient:
    """Speaks WebSocket over a plain stream and remembers how many bytes each read gave."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: ClientProtocol
    reads: list[int] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    async def flush(self) -> None:
        self.writer.write(b"".join(self.protocol.data_to_send()))
        await self.writer.drain()

    async def read_until_frames(self, opcode: Opcode, count: int) -> None:
        """Until so many final frames of a message, or control frames, have come."""
        async with asyncio.timeout(10):
            while sum(frame.opcode is opcode for frame in self.frames) < count:
                data = await self.reader.read(65536)
                assert data, "the connection was lost"
                self.reads.append(len(data))
                self.protocol.receive_data(data)
                self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
                await self.flush()

    def forget(self) -> None:
        self.reads.clear()
        self.frames.clear()


@asynccontextmanager
async def _raw_client(mock: ElevenLabsMock) -> AsyncIterator[tuple[RawClient, Conversation]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", mock.port)
    client = RawClient(reader, writer, ClientProtocol(parse_uri(mock.conversation_url("agent"))))
    try:
        client.protocol.send_request(client.protocol.connect())
        await client.flush()
        client.protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        client.protocol.events_received()
        client.protocol.send_text(b'{"type":"conversation_initiation_client_data"}')
        await client.flush()
        await client.read_until_frames(Opcode.TEXT, 1)
        client.forget()
        yield client, await mock.next_conversation()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_segments(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.shape(Wire(segment_sizes=(1, 4), segment_gap=0.002))
        await conversation.send_audio(b"\x7f" * 160, 1)
        await client.read_until_frames(Opcode.TEXT, 1)
        assert max(client.reads) < 100
        assert len(client.reads) > 20
        assert json.loads(bytes(client.frames[0].data))["audio_event"]["event_id"] == 1


async def test_continuation_frames_with_pings_between(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.shape(Wire(frame_sizes=(1, 2, 50), ping_between_frames=True))
        text = '{"type":"x","text":"žluťoučký kůň"}'
        await conversation.send_raw(text)
        await conversation.send_raw("{}")
        await client.read_until_frames(Opcode.TEXT, 2)
        frames = client.frames
        assert [frame.opcode for frame in frames[:5]] == [
            Opcode.TEXT,
            Opcode.PING,
            Opcode.CONT,
            Opcode.PING,
            Opcode.CONT,
        ]
        assert [len(frame.data) for frame in frames[:5]] == [1, 14, 2, 14, len(text.encode()) - 3]
        assert [frame.fin for frame in frames[:5]] == [False, True, False, True, True]
        data = b"".join(frame.data for frame in frames[:5] if frame.opcode is not Opcode.PING)
        assert data.decode() == text


async def test_coalesced_messages(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.shape(Wire(coalesce=10, hold=5.0))
        for event_id in range(20):
            await conversation.send_audio(b"\x7f" * 160, event_id)
        await client.read_until_frames(Opcode.TEXT, 20)
        assert len(client.reads) <= 2
        ids = [json.loads(bytes(frame.data))["audio_event"]["event_id"] for frame in client.frames]
        assert ids == list(range(20))


async def test_what_is_held_back_goes_out_in_time(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.shape(Wire(coalesce=100, hold=0.05))
        await conversation.send_raw("{}")
        await client.read_until_frames(Opcode.TEXT, 1)
        conversation.shape(Wire(coalesce=100, hold=60))
        await conversation.send_raw("{}")
        conversation.shape(Wire())
        await client.read_until_frames(Opcode.TEXT, 2)


async def test_close_follows_what_was_held_back(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.shape(Wire(coalesce=3, hold=60, segment_sizes=(2, 30)))
        await conversation.send_audio(b"\x7f" * 160, 1)
        await conversation.send_audio(b"\x7f" * 160, 2)
        closing = asyncio.create_task(conversation.close(1000, "bye"))
        await client.read_until_frames(Opcode.CLOSE, 1)
        assert await client.reader.read() == b""
        client.writer.close()
        await closing
        assert [frame.opcode for frame in client.frames] == [Opcode.TEXT, Opcode.TEXT, Opcode.CLOSE]
        await conversation.wait_closed()
        assert conversation.close_acknowledged


async def _pong_after(client: RawClient, seconds: float) -> float | None:
    """How long the client waits for the answer to a ping; None: it has none after so long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    client.protocol.send_ping(b"?")
    await client.flush()
    try:
        async with asyncio.timeout(seconds):
            await client.read_until_frames(Opcode.PONG, 1)
    except TimeoutError:
        return None
    return loop.time() - began


async def test_pings_are_answered_late_or_not_at_all(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        prompt = await _pong_after(client, 5)
        assert prompt is not None
        assert prompt < 1.2
        client.forget()
        conversation.shape(Wire(pong_delay=1.5))
        late = await _pong_after(client, 5)
        assert late is not None
        assert 1.45 < late < 3
        client.forget()
        conversation.shape(Wire(answers_pings=False))
        assert await _pong_after(client, 0.5) is None
        conversation.voice_activity(0.5)
        await client.read_until_frames(Opcode.TEXT, 1)


async def test_silent_service_neither_reads_nor_sends_and_sees_its_client_go(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with _raw_client(mock) as (client, conversation):
        conversation.fall_silent()
        conversation.voice_activity(0.5)
        assert await _pong_after(client, 0.5) is None
        assert client.reads == []
        # Its kernel takes what fits, and no more.
        client.writer.write(bytes(64 * 1024 * 1024))
        await asyncio.sleep(0.3)
        assert client.writer.transport.get_write_buffer_size() > 1024 * 1024
        # What waits there would keep the end of the connection from it.
        tcp_socket = client.writer.get_extra_info("socket")
        tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
        await conversation.wait_closed(5)
    assert conversation.closed_by == "lost"
