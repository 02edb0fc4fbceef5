"""A bot of pipecat's that answers calls: OpenAI's services, or whatever speaks as they do. Copy it, and make it yours.

    OPENAI_API_KEY=... python -m aiconvai.pipecat.example_bot --port 8500

In aiconvai.conf:

    [bot]
    provider = websocket
    conversation_url = ws://127.0.0.1:8500/
    audio_format = pcm_16000
    initial_message = Good morning.
"""

from __future__ import annotations

import argparse

import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

from aiconvai.pipecat import BotCall, CallRefusedError, answer

PROMPT = "You answer the telephone. Speak in short sentences, without lists or emoji."

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
    """Until either side ends the call. The bot speaks first where the agent has an initial_message, which the model is
    told as if the caller had said it.
    """
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
    # The voice has a rate of its own, which the transport changes to the call's.
    heard_at = PipelineParams(audio_in_sample_rate=call.rate)
    worker = PipelineWorker(pipeline, params=heard_at, observers=[call.observer])

    async def end(transport: object, client: object) -> None:
        await worker.cancel()

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
