"""Somebody talks with an agent on the page: in Chromium, whose microphone is a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from gateway_program import GatewayProgram
from pictures import picture
from playwright.sync_api import Page, expect
from serve_page import log_in

from aiconvai.audio import Samples, tone, write_wav
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, ThreadedConversation, load_scenario
from aiconvai.speech import speak

# Sound is made and taken in real time.
pytestmark = pytest.mark.alone

RATE = 16_000
FAR = "gateway.example"
SAID = "Good morning. I would like to know where my parcel is, and when it is going to be here."

# What is taken and what is played, sample by sample, and what was opened, for whoever looks; strongest() is the loudest
# frequency of what is played.
TAP = """
window.opened = [];
window.recorded = [[], []];
function record(context, microphone, playback) {
    const both = new ChannelMergerNode(context, {numberOfInputs: 2});
    const recorder = context.createScriptProcessor(1024, 2, 1);
    microphone.connect(both, 0, 0);
    playback.connect(both, 0, 1);
    both.connect(recorder).connect(context.destination);
    recorder.onaudioprocess = ({inputBuffer}) => {
        recorded.forEach((one, side) => one.push(...inputBuffer.getChannelData(side)));
    };
}
let microphone = null;
const source = AudioContext.prototype.createMediaStreamSource;
AudioContext.prototype.createMediaStreamSource = function (stream) {
    return microphone = source.call(this, stream);
};
window.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(context, name, options) {
        super(context, name, options);
        if (name === "playback") {
            record(context, microphone, this);
            const analyser = new AnalyserNode(context, {fftSize: 4096, smoothingTimeConstant: 0});
            this.connect(analyser);
            window.strongest = () => {
                const bins = new Float32Array(analyser.frequencyBinCount);
                analyser.getFloatFrequencyData(bins);
                const most = bins.indexOf(Math.max(...bins));
                return bins[most] > -40 ? most * context.sampleRate / analyser.fftSize : 0;
            };
        }
        window.opened.push(context);
    }
};
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) {
    navigator.mediaDevices.getUserMedia = async (wishes) => {
        const stream = await open(wishes);
        window.opened.push(...stream.getTracks());
        return stream;
    };
}
"""
# As browsers that do not convert between a microphone and a context.
NO_CONVERSION = """
const connect = AudioContext.prototype.createMediaStreamSource;
AudioContext.prototype.createMediaStreamSource = function (stream) {
    if (this.sampleRate === 16000) {
        throw new DOMException("another rate", "NotSupportedError");
    }
    return connect.call(this, stream);
};
"""


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who says something after a second, again and again."""
    path = tmp_path_factory.mktemp("microphone") / "said.wav"
    said = speak(SAID, 48_000)
    write_wav(path, np.concatenate([np.zeros(48_000, np.int16), said]), 48_000)
    return path


@pytest.fixture(scope="module")
def browser_arguments(microphone: Path) -> list[str]:
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        f"--host-resolver-rules=MAP {FAR} 127.0.0.1",
    ]


@pytest.fixture(scope="module")
def mock() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions()) as mock:
        for name, scenario in (("sales", "silent"), ("parrot", "echo")):
            mock.agents[name] = ElevenLabsAgent(
                scenario=load_scenario(scenario), input_format="pcm_16000", output_format="pcm_16000"
            )
        yield mock


@pytest.fixture
def serving(mock: ElevenLabsMockThread, tmp_path: Path) -> Iterator[GatewayProgram]:
    def section(name: str) -> str:
        lines = "\n".join(f"{key} = {value}" for key, value in mock.settings(name).items())
        return f"[{name}]\n{lines}\naudio_frames_buffer_ms = 20\necho_guard = off\n"

    agents = "\n".join(map(section, mock.agents))
    program = GatewayProgram(tmp_path, agents, "browser_calls = 1")
    program.start()
    yield program
    assert program.stop() == 0


@pytest.fixture
def page(serving: GatewayProgram, new_page: Callable[[], Page]) -> Page:
    page = new_page()
    page.add_init_script(TAP)
    log_in(serving, page)
    return page


def talk(page: Page, mock: ElevenLabsMockThread, agent: str = "sales") -> ThreadedConversation:
    page.get_by_role("link", name="Talk").click()
    page.get_by_role("combobox", name="Agent").select_option(agent)
    page.get_by_role("button", name="Talk").click()
    expect(page.get_by_role("heading", name="Talking")).to_be_visible()
    conversation = mock.next_conversation()
    conversation.wait_started()
    return conversation


def wait_until(page: Page, expression: str) -> None:
    """The browser's own waiting evaluates texts later on, which the page's policy forbids."""
    end = time.monotonic() + 30
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def uplink(conversation: ThreadedConversation) -> Samples:
    return np.frombuffer(b"".join(one.data for one in conversation.record.uplink), "<i2")


def envelope(samples: Samples) -> np.ndarray[Any, Any]:
    """How loud each 20 ms are."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320).astype(np.float64)
    return np.log10(np.sqrt((frames**2).mean(axis=1)) + 30)


def likeness(heard: Samples, said: Samples) -> float:
    """Of their loudness, where they are most alike."""
    one, other = envelope(heard), envelope(said)
    rows = np.lib.stride_tricks.sliding_window_view(one, len(other))
    return max(float(np.corrcoef(row, other)[0, 1]) for row in rows if row.std() > 0)


def test_both_hear_each_other_and_what_is_said_is_read(page: Page, mock: ElevenLabsMockThread) -> None:
    conversation = talk(page, mock)
    said = speak(SAID, RATE)
    conversation.wait_received(lambda record: len(record.uplink) * 320 > len(said) + 3 * RATE, timeout=30)
    assert likeness(uplink(conversation), said) > 0.8
    conversation.play(tone(700.0, 2.0, rate=RATE), text="It is in Brno.")
    wait_until(page, "Math.abs(strongest() - 700) < 10")
    conversation.caller_said("Thank you.")
    lines = page.get_by_role("list", name="What was said").get_by_role("listitem")
    expect(lines).to_have_text(["It is in Brno.", "Thank you."])
    expect(page.locator("#latency")).to_contain_text("ms to the gateway and back")
    picture(page, "gateway-talk")
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("heading", name="You hung up")).to_be_visible()
    conversation.wait_closed()
    wait_until(page, "!opened.some((one) => one.readyState === 'live' || one.state === 'running')")
    expect(lines).to_have_text(["It is in Brno.", "Thank you."])


def test_a_browser_that_does_not_convert_is_converted_for(page: Page, mock: ElevenLabsMockThread) -> None:
    page.add_init_script(NO_CONVERSION)
    conversation = talk(page, mock)
    assert page.evaluate("opened.map((one) => one.sampleRate).filter(Boolean).every((rate) => rate > 16000)")
    said = speak(SAID, RATE)
    conversation.wait_received(lambda record: len(record.uplink) * 320 > len(said) + 3 * RATE, timeout=30)
    assert likeness(uplink(conversation), said) > 0.8
    conversation.play(tone(700.0, 2.0, rate=RATE))
    wait_until(page, "Math.abs(strongest() - 700) < 20")


def test_what_is_said_is_soon_heard_again(page: Page, mock: ElevenLabsMockThread) -> None:
    """From the microphone through the gateway to an agent that repeats all, and back to the loudspeaker."""
    talk(page, mock, "parrot")
    wait_until(page, "recorded[0].length > 16000 * 12")
    said, heard = np.array(page.evaluate("recorded"))
    # By half seconds: what waits to be played grows where the machine was late, so that the delay is not one.
    pieces = [(said[at : at + RATE // 2], heard[at : at + RATE]) for at in range(0, len(said) - RATE, RATE // 2)]
    loud = 0.1 * np.mean([np.sum(one**2) for one, _ in pieces])
    spoken = [(one, after) for one, after in pieces if np.sum(one**2) > loud]
    assert len(spoken) > 12
    matches = [np.correlate(after, one, "valid") / np.sum(one**2) for one, after in spoken]
    delays_ms = [np.argmax(match) / RATE * 1000 for match in matches if match.max() > 0.9]
    assert len(delays_ms) > 0.6 * len(spoken)
    assert min(delays_ms) > 20
    assert max(delays_ms) < 300


def test_the_agents_end_is_shown_and_another_call_made(page: Page, mock: ElevenLabsMockThread) -> None:
    talk(page, mock).close(1000)
    expect(page.get_by_role("heading", name="COMPLETED: ")).to_be_visible()
    expect(page.get_by_role("button", name="Talk")).to_be_focused()
    talk(page, mock).close(1000)
    expect(page.get_by_role("heading", name="COMPLETED: ")).to_be_visible()


def test_keys_are_pressed_and_the_microphone_is_muted(page: Page, mock: ElevenLabsMockThread) -> None:
    conversation = talk(page, mock)
    page.get_by_role("group", name="Keys").get_by_role("button", name="5").click()
    page.keyboard.press("7")
    expect(page.locator("#facts")).to_contain_text("keys 57")
    mute = page.get_by_role("button", name="Mute")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    already = len(conversation.record.uplink)
    conversation.wait_received(lambda record: len(record.uplink) > already + 200)
    assert not np.frombuffer(b"".join(one.data for one in conversation.record.uplink[already + 25 :]), "<i2").any()
    mute.click()
    conversation.wait_received(lambda record: np.abs(np.frombuffer(record.uplink[-1].data, "<i2")).max() > 1000)


def test_the_call_is_steered_on_the_live_page(page: Page, mock: ElevenLabsMockThread) -> None:
    talk(page, mock)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Steer this call").click()
    live = opened.value
    expect(live.get_by_role("heading", name="ann and sales")).to_be_visible()
    live.get_by_role("button", name="End the conversation").click()
    expect(page.get_by_role("heading", name="COMPLETED: ")).to_be_visible()


def test_why_there_is_no_call_is_said(page: Page, mock: ElevenLabsMockThread, new_page: Callable[[], Page]) -> None:
    talk(page, mock)
    other = page.context.new_page()
    other.goto("/talk")
    other.get_by_role("button", name="Talk").click()
    expect(other.get_by_role("heading", name="BUSY: browser_calls of [gateway] (1) is reached")).to_be_visible()
    other.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }"
    )
    other.reload()
    other.get_by_role("button", name="Talk").click()
    expect(other.get_by_role("alert")).to_contain_text("The browser may not use the microphone.")


def test_without_https_the_page_says_why_there_is_no_microphone(serving: GatewayProgram, page: Page) -> None:
    page.goto(f"http://{FAR}:{serving.page}/login")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Talk").click()
    expect(page.get_by_role("alert")).to_contain_text("Open it by https")
    expect(page.get_by_role("button", name="Talk")).to_be_disabled()


def test_a_gateway_that_goes_away_is_said(
    page: Page, serving: GatewayProgram, mock: ElevenLabsMockThread, excused: list[str]
) -> None:
    # The page looks for it again, also in the moment in which it dies.
    excused += ["CONNECTION_REFUSED", "CONNECTION_RESET"]
    talk(page, mock)
    assert serving.process is not None
    serving.process.kill()
    expect(page.get_by_role("heading", name="The connection is lost")).to_be_visible()
    page.goto("about:blank")
    serving.process.wait()
    serving.start()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(page: Page, mock: ElevenLabsMockThread, scheme: str) -> None:
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    page.goto("/talk")
    axe = Axe()
    problems = axe.run(page).response["violations"]
    conversation = talk(page, mock)
    conversation.play(tone(300.0, 0.5, rate=RATE), text="Hello.")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("list", name="What was said")).to_have_text("Hello.")
    problems += axe.run(page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in problems] == []
