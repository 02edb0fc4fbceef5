"""A bot of pipecat's that answers calls: OpenAI's services, or whatever speaks as they do. Copy it, and make it yours.

    OPENAI_API_KEY=... python -m aiconvai.pipecat.example_bot --port 8500

In aiconvai.conf:

    [bot]
    provider = websocket
    conversation_url = ws://127.0.0.1:8500/
    audio_format = pcm_16000
"""

from __future__ import annotations

import argparse

import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

from aiconvai.pipecat import BotCall, CallRefusedError, answer

PROMPT = "You answer the telephone. Speak in short sentences, without lists or emoji."
GREET = "The caller is on the line: greet him."

app = FastAPI()


@app.websocket("/")
async def take_call(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        call = await answer(websocket)
    except CallRefusedError:
        return
    await talk(call)


async def talk(call: BotCall) -> None:
    """Until either side ends the call."""
    prompt = call.init.config.system_prompt or PROMPT
    context = LLMContext([{"role": "system", "content": prompt}], tools=call.tools())
    listening = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(sample_rate=call.rate))
    heard, said = LLMContextAggregatorPair(context, user_params=listening)
    pipeline = Pipeline(
        [
            call.transport.input(),
            OpenAISTTService(),
            heard,
            OpenAILLMService(),
            OpenAITTSService(),
            call.transport.output(),
            said,
        ]
    )
    worker = PipelineWorker(pipeline, observers=[call.observer])

    async def greet(transport: object, client: object) -> None:
        context.add_message({"role": "developer", "content": call.init.config.first_message or GREET})
        await worker.queue_frames([LLMRunFrame()])

    async def end(transport: object, client: object) -> None:
        await worker.cancel()

    call.transport.add_event_handler("on_client_connected", greet)
    call.transport.add_event_handler("on_client_disconnected", end)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8500)
    chosen = parser.parse_args()
    uvicorn.run(app, host=chosen.host, port=chosen.port)


if __name__ == "__main__":
    main()
