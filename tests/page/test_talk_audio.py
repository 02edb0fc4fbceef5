"""The audio thread's part of a call by a browser (talk-audio.js), in virtual time: its classes without a context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import aiconvai.serve.web

SOURCE = Path(aiconvai.serve.web.__file__).parent / "static" / "talk-audio.js"
LOAD = """
([source, rate]) => {
    class Processor {
        constructor() {
            this.port = {told: [], postMessage: (message) => this.port.told.push(message)};
        }
    }
    const found = {};
    const register = (name, made) => { found[name] = made; };
    window.clock = {};
    new Function("AudioWorkletProcessor", "registerProcessor", "sampleRate", "clock",
        `with (clock) { (function () { ${source} ; clock.Resampler = Resampler; })(); }`)(
        Processor, register, rate, window.clock);
    window.found = found;
    window.clock.currentTime = 0;
}
"""
# Frames arrive as `arrivals` says, for each 20 ms how many; all but the `quiet` ones are loud. What was played of each
# 20 ms, and what waited after it.
PLAY = """
({arrivals, quiet, rate}) => {
    const playback = new found.playback();
    const played = [], waiting = [];
    let number = 0;
    for (const count of arrivals) {
        for (let i = 0; i < count; i++) {
            number++;
            const level = number > quiet[0] && number <= quiet[1] ? 0 : 1000 + number;
            playback.port.onmessage({data: new Int16Array(320).fill(level).buffer});
        }
        const output = new Float32Array(rate / 50);
        playback.process([], [[output]]);
        clock.currentTime += 0.02;
        played.push(Math.round(output[160] * 32768));
        waiting.push(playback.count / rate * 1000);
    }
    return {played, waiting, lost: playback.lost, ranOut: playback.ranOut};
}
"""


@pytest.fixture
def audio_thread(browser: Browser) -> Page:
    return browser.new_page()


def play(page: Page, arrivals: list[int], quiet: tuple[int, int] = (0, 0), rate: int = 16_000) -> dict[str, Any]:
    page.evaluate(LOAD, [SOURCE.read_text(), rate])
    played: dict[str, Any] = page.evaluate(PLAY, {"arrivals": arrivals, "quiet": list(quiet), "rate": rate})
    return played


def test_what_comes_in_time_is_played_whole_and_soon(audio_thread: Page) -> None:
    how = play(audio_thread, [1] * 100)
    assert [one for one in how["played"] if one] == [1000 + number for number in range(1, 100)]
    assert max(how["waiting"]) <= 40
    assert (how["lost"], how["ranOut"]) == (0, 0)


def test_a_stall_costs_no_word_and_is_caught_up_with_in_silence(audio_thread: Page) -> None:
    how = play(audio_thread, [1] * 10 + [0] * 7 + [8] + [1] * 60, quiet=(40, 60))
    heard = [one for one in how["played"] if one]
    assert heard == [1000 + number for number in range(1, 41)] + [
        1000 + number for number in range(61, 61 + len(heard) - 40)
    ]
    assert how["lost"] == 0
    assert max(how["waiting"]) > 100
    assert how["waiting"][-1] <= 60


def test_it_learns_how_unsteady_the_way_is_and_forgets_it(audio_thread: Page) -> None:
    how = play(audio_thread, [1] * 5 + [0, 0, 3] * 40)
    assert how["ranOut"] <= 2
    assert min(how["played"][-90:]) > 0
    assert max(how["waiting"]) <= 100
    calm = play(audio_thread, [1] * 5 + [0, 0, 3] * 10 + [1] * 2000, quiet=(35, 3000))
    assert max(calm["waiting"][-500:]) <= 40


def test_no_more_than_so_much_waits(audio_thread: Page) -> None:
    how = play(audio_thread, [1] * 10 + [0] * 30 + [31] + [1] * 10)
    assert max(how["waiting"]) <= 200
    assert how["lost"] == 31 - 10
    # What is played is the newest.
    assert how["played"][-1] == 1000 + 51 - 9


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_tone_stays_one_at_every_rate(audio_thread: Page, rate: int) -> None:
    audio_thread.evaluate(LOAD, [SOURCE.read_text(), rate])

    def resampled(hz: float, before: int, after: int) -> np.ndarray[Any, Any]:
        """In pieces, as they come."""
        samples = np.sin(2 * np.pi * hz * np.arange(before) / before)
        script = """([samples, before, after]) => {
            const resampler = new clock.Resampler(before, after), out = [];
            for (let at = 0; at < samples.length; at += 128) {
                out.push(...resampler.run(Float32Array.from(samples.slice(at, at + 128))));
            }
            return out;
        }"""
        return np.array(audio_thread.evaluate(script, [samples.tolist(), before, after]))

    def noise_db(hz: float, before: int, after: int) -> float:
        """What is not that tone, against it."""
        samples = resampled(hz, before, after)[after // 10 : after * 9 // 10]
        angle = 2 * np.pi * hz * np.arange(len(samples)) / after
        basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        fit, *_ = np.linalg.lstsq(basis, samples, rcond=None)
        assert np.hypot(*fit) == pytest.approx(1.0, abs=0.02)
        return float(10 * np.log10(np.var(samples - basis @ fit) / 0.5))

    for hz in (200.0, 1000.0, 6000.0):
        assert noise_db(hz, rate, 16_000) < -50
        assert noise_db(hz, 16_000, rate) < -50
    # What 16 kHz cannot carry is not heard as something else.
    assert np.abs(resampled(10_000.0, rate, 16_000)[1600:]).max() < 0.01
