"""The parts that local.toml names, put together. What a part needs is imported when it is wanted."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from aiconvai.local.conversation import Agent
from aiconvai.local.figures import Figures
from aiconvai.local.parts import Detection, Mind, PartError, Recognizer, Voice
from aiconvai.local.settings import LocalSettings, MindSettings, RecognitionSettings, TurnTable, VoiceSettings
from aiconvai.local.voices.cached_voice import CachedVoice


def agent_of(settings: LocalSettings) -> Agent:
    """Its parts are not open yet. Raises `PartError` where one is not installed, and `SettingsError` where a file with
    a secret cannot be read.
    """
    try:
        return Agent(
            detection_of(settings.turns), recognizer_of(settings.recognition), mind_of(settings.mind),
            CachedVoice(voice_of(settings.voice)), settings.turns.turns(), Figures(),
        )  # fmt: skip
    except ModuleNotFoundError as error:
        raise PartError(f"{error.name} is not installed: pip install 'aiconvai[local]'") from error


def detection_of(given: TurnTable) -> Detection:
    if given.detection == "energy":
        from aiconvai.local.detection.energy import EnergyDetection

        return EnergyDetection()
    from aiconvai.local.detection.silero import SileroDetection

    return SileroDetection()


def recognizer_of(given: RecognitionSettings) -> Recognizer:
    if given.engine == "openai":
        from aiconvai.local.recognition.openai_api import OpenAIRecognizer

        return OpenAIRecognizer(given.url, given.model, key=given.secret_text(), language=given.language)
    if given.engine == "wyoming":
        from aiconvai.local.recognition.wyoming_server import WyomingRecognizer

        server = urlsplit(given.url)
        return WyomingRecognizer(
            server.hostname or "", server.port or 0, model=given.model or None, language=given.language
        )
    from aiconvai.local.recognition.whisper import DEFAULT_MODEL, WhisperRecognizer

    if "/" in given.model:
        return WhisperRecognizer(folder=Path(given.model), language=given.language, workers=given.workers)
    return WhisperRecognizer(given.model or DEFAULT_MODEL, language=given.language, workers=given.workers)


def mind_of(given: MindSettings) -> Mind:
    if given.engine == "model":
        from aiconvai.local.minds.model import TELEPHONE_PROMPT, LanguageModel

        prompt = given.prompt or TELEPHONE_PROMPT
        return LanguageModel(given.url, given.model, key=given.secret_text(), prompt=prompt, is_early=given.early)
    from aiconvai.local.minds.receptionist.receptionist import Receptionist

    return Receptionist(given.file)


def voice_of(given: VoiceSettings) -> Voice:
    if given.engine == "openai":
        from aiconvai.local.voices.openai_voice import OpenAIVoice

        return OpenAIVoice(given.url, model=given.model, voice=given.voice, key=given.secret_text())
    if given.engine == "wyoming":
        from aiconvai.local.voices.wyoming_voice import WyomingVoice

        return WyomingVoice(given.url, voice=given.voice or None)
    if given.engine == "piper":
        from aiconvai.local.voices.piper_voice import PiperVoice

        return PiperVoice(given.voice)
    if given.engine == "flite":
        from aiconvai.local.voices.process_voice import FliteVoice

        return FliteVoice(given.voice) if given.voice else FliteVoice()
    if given.engine == "espeak-ng":
        from aiconvai.local.voices.process_voice import EspeakVoice

        return EspeakVoice(given.voice) if given.voice else EspeakVoice()
    from aiconvai.local.voices.hibari_voice import HibariVoice

    return HibariVoice(given.voice) if given.voice else HibariVoice()
