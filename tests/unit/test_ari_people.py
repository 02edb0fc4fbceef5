"""People who are rung by ARI: what is asked of Asterisk, whatever it tells and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from aiconvai.gateway.ari import Ari, AriError
from aiconvai.gateway.ari_people import AriPeople, AriPerson
from aiconvai.gateway.ringing import NotTakenError, read_place

CALLER, NAME, BRIDGE = "pbx-1.1", "aiconvai-0-1", "aiconvai-0-1-bridge"
FIRST, SECOND = f"{NAME}-person1", f"{NAME}-person2"


class FakeAri:
    """Notes what is asked, and knows no technology called None."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._news = asyncio.Event()

    def _note(self, asked: str) -> None:
        self.asked.append(asked)
        self._news.set()

    async def until(self, *wanted: str, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while any(self.asked.count(one) < times for one in wanted):
                self._news.clear()
                await self._news.wait()

    async def ask(self, method: str, path: str, **parameters: str) -> Any:
        self._note(f"{method} {path} {parameters.get('channelId', '')}".strip())
        if parameters.get("endpoint", "").startswith("None/"):
            raise AriError("POST /channels: 500 Allocation failed", 500)

    async def drop(self, path: str) -> None:
        self._note(f"DELETE {path}")


def channel_event(kind: str, channel: str, **more: Any) -> Mapping[str, Any]:
    return {"type": kind, "channel": {"id": channel}, **more}


class Scene:
    def __init__(self) -> None:
        self.ari = FakeAri()
        self.people = AriPeople("pbx")
        self.people.use(cast(Ari, self.ari))

    def ring(self, place: str) -> asyncio.Task[AriPerson]:
        return asyncio.create_task(self.people.ring(read_place(place), "app", NAME, CALLER, "Ada <100>"))

    def take(self, kind: str, channel: str, **more: Any) -> bool:
        return self.people.take(channel_event(kind, channel, **more))

    async def taken(self, place: str = "dial:SIP/1") -> AriPerson:
        ringing = self.ring(place)
        await self.ari.until(f"POST /channels {FIRST}")
        self.take("StasisStart", FIRST)
        return await ringing


async def test_the_first_who_answers_takes_the_call_and_the_other_rings_no_longer() -> None:
    scene = Scene()
    ringing = scene.ring("dial:SIP/1&SIP/2")
    await scene.ari.until(f"POST /channels {FIRST}", f"POST /channels {SECOND}")
    assert scene.take("StasisStart", SECOND)
    assert (await ringing).channel == SECOND
    assert scene.ari.asked[-1] == f"DELETE /channels/{FIRST}"
    assert not scene.take("ChannelDestroyed", FIRST, cause=16)


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ((17,), "The line is busy."),
        ((19,), "Nobody answered."),
        ((18,), "Nobody answered."),
        ((21,), "The call was not taken."),
        ((34,), "Nobody can be reached there at the moment."),
        ((34, 17), "The line is busy."),
        ((17, 34), "The line is busy."),
    ],
)
async def test_why_nobody_took_it(causes: tuple[int, ...], said: str) -> None:
    scene = Scene()
    channels = (FIRST, SECOND)[: len(causes)]
    ringing = scene.ring("dial:" + "&".join("SIP/1" for _ in causes))
    await scene.ari.until(*(f"POST /channels {one}" for one in channels))
    for channel, cause in zip(channels, causes, strict=True):
        scene.take("ChannelDestroyed", channel, cause=cause)
    with pytest.raises(NotTakenError, match=said):
        await ringing
    assert not [one for one in scene.ari.asked if one.startswith("DELETE")]


async def test_one_that_cannot_be_rung_does_not_keep_the_other_from_it() -> None:
    scene = Scene()
    ringing = scene.ring("dial:None/1&SIP/2")
    await scene.ari.until(f"POST /channels {SECOND}")
    scene.take("StasisStart", SECOND)
    assert (await ringing).channel == SECOND


async def test_nobody_rings_on_where_nobody_waits_any_more() -> None:
    scene = Scene()
    ringing = scene.ring("dial:SIP/1&SIP/2")
    await scene.ari.until(f"POST /channels {SECOND}")
    ringing.cancel()
    await scene.ari.until(f"DELETE /channels/{FIRST}", f"DELETE /channels/{SECOND}")
    assert not scene.take("StasisStart", FIRST)


@pytest.mark.parametrize(("key", "is_taken"), [("1", True), ("2", False)])
async def test_who_answers_is_told_and_takes_it_with_a_key(key: str, is_taken: bool) -> None:
    scene = Scene()
    ringing = scene.ring("attended:SIP/1,5,told")
    await scene.ari.until(f"POST /channels {FIRST}")
    scene.take("StasisStart", FIRST)
    await scene.ari.until(f"POST /channels/{FIRST}/play")
    scene.people.take({"type": "PlaybackFinished", "playback": {"id": "x", "target_uri": f"channel:{FIRST}"}})
    scene.take("ChannelDtmfReceived", FIRST, digit=key)
    if is_taken:
        assert (await ringing).channel == FIRST
    else:
        with pytest.raises(NotTakenError, match=r"The call was not taken\."):
            await ringing
        await scene.ari.until(f"DELETE /channels/{FIRST}")


async def test_who_is_told_and_says_nothing_is_told_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiconvai.gateway.ari_people.KEY_SECONDS", 0.01)
    scene = Scene()
    ringing = scene.ring("attended:SIP/1,5,told")
    await scene.ari.until(f"POST /channels {FIRST}")
    scene.take("StasisStart", FIRST)
    played = f"POST /channels/{FIRST}/play"
    for times in (1, 2, 3):
        await scene.ari.until(played, times=times)
        scene.people.take({"type": "PlaybackFinished", "playback": {"target_uri": f"channel:{FIRST}"}})
    with pytest.raises(NotTakenError):
        await ringing
    assert scene.ari.asked.count(played) == 3


@pytest.mark.parametrize(("who", "goes_on"), [("caller", False), ("person", True)])
async def test_who_is_left_is_not_left_in_silence(who: str, goes_on: bool) -> None:
    scene = Scene()
    person = await scene.taken()
    assert scene.people.connect(CALLER, person.channel, BRIDGE)
    assert scene.take("StasisEnd", CALLER if who == "caller" else FIRST)
    await scene.ari.until(f"DELETE /channels/{FIRST}", f"DELETE /bridges/{BRIDGE}")
    assert (f"POST /channels/{CALLER}/continue" in scene.ari.asked) == goes_on
    assert not scene.people.has(CALLER)
    assert not scene.take("ChannelDestroyed", CALLER)


async def test_who_hangs_up_before_they_speak_is_gone() -> None:
    scene = Scene()
    person = await scene.taken()
    scene.take("ChannelDestroyed", FIRST, cause=16)
    await asyncio.wait_for(person.gone(), 5)
    assert not scene.people.connect(CALLER, person.channel, BRIDGE)


async def test_what_happened_while_nobody_listened_is_found_out() -> None:
    scene = Scene()
    ringing = scene.ring("dial:SIP/1&SIP/2")
    await scene.ari.until(f"POST /channels {SECOND}")
    scene.people.catch_up({CALLER: {}, SECOND: {"state": "Up"}})
    person = await ringing
    assert person.channel == SECOND
    scene.people.connect(CALLER, person.channel, BRIDGE)
    scene.people.catch_up({CALLER: {}})
    await scene.ari.until(f"POST /channels/{CALLER}/continue", f"DELETE /bridges/{BRIDGE}")


@pytest.mark.parametrize(
    ("channels", "is_adopted"),
    [
        ([CALLER, "aiconvai-0-9-person1"], True),
        (["aiconvai-0-9-person1", CALLER], True),
        ([CALLER, "aiconvai-0-9-media"], False),
        ([CALLER, "aiconvai-0-9-person1", "aiconvai-0-9-media"], False),
        (["aiconvai-0-9-person1"], False),
        ([CALLER], False),
        ([], False),
    ],
)
async def test_two_whom_another_run_has_connected_are_known(channels: list[str], is_adopted: bool) -> None:
    scene = Scene()
    assert scene.people.adopt("aiconvai-0-9-bridge", channels, "aiconvai-0-") == is_adopted
    assert scene.people.has(CALLER) == is_adopted
