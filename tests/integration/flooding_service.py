"""A service of ElevenLabs' protocol that announces each conversation and then sends small messages without end.

python flooding_service.py scores|transcripts [CERTIFICATE.PEM]
    prints its port, and serves until its standard input ends
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

METADATA = {
    "type": "conversation_initiation_metadata",
    "conversation_initiation_metadata_event": {
        "conversation_id": "conv_flood",
        "agent_output_audio_format": "ulaw_8000",
        "user_input_audio_format": "ulaw_8000",
    },
}
SMALL = {
    "scores": {"type": "vad_score", "vad_score_event": {"vad_score": 0.5}},
    "transcripts": {
        "type": "user_transcript",
        "user_transcription_event": {"user_transcript": "And another thing", "event_id": 1},
    },
}


def _frame(message: object) -> bytes:
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=False)


FLOOD = _frame(SMALL[sys.argv[1]]) * 4096


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    protocol = ServerProtocol()
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    writer.write(b"".join(protocol.data_to_send()) + _frame(METADATA))
    reading = asyncio.create_task(_read(reader))
    try:
        while not reading.done():
            writer.write(FLOOD)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        reading.cancel()
        writer.transport.abort()


async def main() -> None:
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
    async with await asyncio.start_server(_serve, "127.0.0.1", 0, ssl=context) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
