"""Which media a call by ARI gets, from what that Asterisk says of itself; and what is done where it cannot be made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from aiconvai.asterisk_release import version_of
from aiconvai.gateway import ari_media
from aiconvai.gateway.ari import Ari, AriError
from aiconvai.gateway.ari_media import AriMedia
from aiconvai.gateway.media import Arrived, Media, RtpCodec
from aiconvai.gateway.media_choice import Ability, Kind, ability_of, choose
from aiconvai.serve.settings import AriSettings

ALL = {"chan_websocket.so": True, "chan_audiosocket.so": True, "codec_resample.so": True, "codec_g722.so": True}


def settings(**more: Any) -> AriSettings:
    return AriSettings.model_validate({"user": "u", "secret": "s", "apps": {"app": "agent"}, **more})


def ability(text: str, **modules: bool | None) -> Ability:
    """`chan_websocket=False`: and so on."""
    return Ability(version_of(text), text, {**ALL, **{f"{name}.so": runs for name, runs in modules.items()}})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("22.10.1~dfsg+~cs6.17.60671435-1", (22, 10)),
        ("16.28.0~dfsg-0+deb11u8", (16, 28)),
        ("certified/20.7-cert3", (20, 7)),
        ("certified-18.9-cert12", (18, 9)),
        ("23.0.0-rc1", (23, 0)),
        ("GIT-22-a1b2c3d", None),
        ("", None),
        ("22", None),
        ("22.1234", None),
    ],
)
def test_versions(text: str, version: tuple[int, int] | None) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("text", "modules", "kind", "is_wide"),
    [
        ("22.10.1", {}, "rtp", True),
        ("16.28.0", {}, "rtp", True),
        ("22.10.0", {"codec_g722": False}, "audiosocket", True),
        ("22.10.0", {"codec_g722": None}, "audiosocket", True),
        ("22.9.0", {"codec_g722": False}, "websocket", True),
        ("22.8.0", {"codec_g722": False}, "rtp", False),
        ("22.10.0", {"codec_g722": False, "chan_audiosocket": False}, "websocket", True),
        ("22.10.0", {"codec_g722": False, "chan_audiosocket": None, "chan_websocket": None}, "rtp", False),
        ("22.10.0", {"codec_g722": False, "codec_resample": False}, "rtp", False),
        ("20.20.0", {"codec_g722": False}, "audiosocket", True),
        ("20.19.0", {"codec_g722": False}, "websocket", True),
        ("20.18.0", {"codec_g722": False}, "rtp", False),
        ("21.12.0", {"codec_g722": False}, "rtp", False),
        ("23.3.0", {"codec_g722": False}, "websocket", True),
        ("24.0.0", {"codec_g722": False}, "audiosocket", True),
        ("18.20.0", {"codec_g722": False}, "rtp", False),
        ("16.28.0", {"codec_g722": None}, "rtp", False),
        ("GIT-master", {}, "rtp", True),
    ],
)
def test_the_best_that_an_asterisk_can_do(text: str, modules: dict[str, bool], kind: str, is_wide: bool) -> None:
    choice = choose(settings(), ability(text, **modules), has_g722=True)
    assert (choice.kind, choice.is_wide) == (kind, is_wide), choice


@pytest.mark.parametrize(("text", "kind"), [("22.10.1", "websocket"), ("22.9.0", "websocket"), ("22.8.2", "rtp")])
def test_media_is_encrypted_where_the_url_is_and_that_can_be_had(text: str, kind: str) -> None:
    assert choose(settings(url="https://pbx:8089"), ability(text), has_g722=True).kind == kind
    without = ability(text, chan_websocket=False)
    assert choose(settings(url="https://pbx:8089"), without, has_g722=True).kind == Kind.RTP


def test_an_asterisk_that_says_nothing_gets_what_all_have() -> None:
    choice = choose(settings(), Ability(), has_g722=True)
    assert (choice.kind, choice.is_wide) == (Kind.RTP, False)
    assert "not known" in choice.why


@pytest.mark.parametrize(
    ("media", "text", "is_wide"),
    [
        ("audiosocket", "22.7.0", True),
        ("audiosocket", "22.6.0", False),
        ("audiosocket", "21.12.0", True),
        ("audiosocket", "19.8.0", False),
        ("websocket", "22.6.0", True),
        ("rtp", "22.10.0", True),
    ],
)
def test_what_is_asked_for_is_done(media: str, text: str, is_wide: bool) -> None:
    choice = choose(settings(media=media), ability(text, chan_websocket=False), has_g722=True)
    assert (choice.kind, choice.is_wide) == (media, is_wide)


def test_narrow_band_where_that_is_wanted_or_there_is_no_codec() -> None:
    assert not choose(settings(wide=False), ability("22.10.0"), has_g722=True).is_wide
    without = choose(settings(media="rtp"), ability("22.10.0"), has_g722=False)
    assert not without.is_wide
    assert "spandsp" in without.why


Answer = Callable[[str, str, dict[str, str]], Any]


class FakeAri:
    """Answers as it is told; keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.posted = asyncio.Event()

    async def ask(self, method: str, path: str, **parameters: str) -> Any:
        self.asked.append((method, path, parameters))
        if method == "POST":
            self.posted.set()
        await asyncio.sleep(0)
        return self.answer(method, path, parameters)

    async def drop(self, path: str) -> None:
        self.asked.append(("DELETE", path, {}))

    def dropped(self) -> list[str]:
        return [path for method, path, _ in self.asked if method == "DELETE"]

    def made(self) -> list[dict[str, str]]:
        return [parameters for method, _, parameters in self.asked if method == "POST"]


class FakeMedia:
    """Counts calls."""

    def __init__(self) -> None:
        self.calls: dict[int, Any] = {}
        self.opened = asyncio.Event()
        """Any was."""
        self.hung_up: list[int] = []
        self.expected: dict[int, int] = {}

    def _new(self, what: Any) -> int:
        number = len(self.calls) + 1
        self.calls[number] = what
        self.opened.set()
        return number

    def has_g722(self) -> bool:
        return True

    def open_rtp(self, _address: str, ports: tuple[int, int], codec: RtpCodec, _peers: Any) -> tuple[int, int]:
        return self._new(codec), ports[0]

    def open_websocket(self, url: str, address: str, rate: int) -> int:
        return self._new((url, address, rate))

    def listen(self, _address: str, port: int, _peers: Any) -> int:
        return port or 9099

    def rtp_peer(self, call: int, address: str, port: int) -> bool:
        return True

    def expect(self, call: int, rate: int) -> bool:
        self.expected[call] = rate
        return True

    def hang_up(self, call: int) -> bool:
        self.hung_up.append(call)
        return True


def info(text: str) -> Any:
    return {"system": {"version": text}}


class Desk:
    """An `AriMedia` with all its outside made up; `refuse`: kinds of transport that this Asterisk refuses."""

    def __init__(self, media: str = "auto", *, text: str = "22.10.1", codec: str = "g722", refuse: str = "") -> None:
        self.codec, self.text, self.refuse = codec, text, refuse
        self.silent = False
        """Nothing that is made comes into the application."""
        self.ari = FakeAri(self._answer)
        self.media = FakeMedia()
        self.tested = AriMedia("pbx", settings(media=media), cast(Media, self.media))

    async def connect(self) -> None:
        await self.tested.find_out(cast(Ari, self.ari))

    async def open(self, name: str = "call") -> Any:
        return await self.tested.open(cast(Ari, self.ari), "app", name, "caller")

    def _answer(self, method: str, path: str, parameters: dict[str, str]) -> Any:
        if path == "/asterisk/info":
            return info(self.text)
        if path.startswith("/asterisk/modules/"):
            return {"status": "Running"}
        if path.endswith("/variable"):
            return {"value": f"({self.codec})"}
        transport = parameters.get("transport", "udp")
        if self.refuse and transport in self.refuse:
            raise AriError(f"POST {path}: 501 Not Implemented", 501)
        if not self.silent:
            self._come(transport, parameters)
        return {"channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": "c1", "UNICASTRTP_LOCAL_PORT": "7000"}}

    def _come(self, transport: str, parameters: dict[str, str]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(self.tested.entered, parameters["channelId"])
        if transport == "tcp":
            number = self.media._new("audiosocket")
            loop.call_soon(self.tested.arrived, number, Arrived(parameters["data"], "127.0.0.1:5", 9099))


def test_each_kind_is_made_as_asterisk_wants_it() -> None:
    async def run() -> None:
        websocket, audiosocket, rtp = (Desk(one) for one in ("websocket", "audiosocket", "rtp"))
        for desk in (websocket, audiosocket, rtp):
            await desk.connect()
            opened = await desk.open()
            assert opened.number in desk.media.calls
            assert desk.tested.number_of(opened.channel) == opened.number
            assert opened.channel == desk.ari.made()[0]["channelId"] == "call-media"
            assert desk.ari.dropped() == []
            assert desk.media.hung_up == []
        assert websocket.media.calls[1] == ("ws://127.0.0.1:8088/media/c1", "127.0.0.1", 16000)
        assert websocket.ari.made()[0]["format"] == "slin16"
        assert audiosocket.ari.made()[0]["external_host"] == "127.0.0.1:9099"
        assert audiosocket.media.expected == {1: 16000}
        assert rtp.media.calls[1] is RtpCodec.G722
        assert rtp.ari.made()[0]["format"] == "g722"

    asyncio.run(run())


@pytest.mark.parametrize("codec", ["ulaw", "gsm|alaw"])
def test_a_caller_of_narrow_band_gets_no_more(codec: str) -> None:
    async def run() -> None:
        for kind in ("websocket", "audiosocket"):
            desk = Desk(kind, codec=codec)
            await desk.connect()
            await desk.open()
            assert desk.ari.made()[0]["format"] == "slin"
        desk = Desk("rtp", codec=codec)
        await desk.connect()
        await desk.open()
        assert desk.media.calls[1] is RtpCodec.ULAW

    asyncio.run(run())


@pytest.mark.parametrize(("kind", "refuse"), [("websocket", "websocket"), ("audiosocket", "tcp")])
def test_what_cannot_be_made_is_made_by_rtp_until_the_next_connection(
    kind: str, refuse: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        desk = Desk(kind, refuse=refuse)
        await desk.connect()
        first, second = await desk.open("one"), await desk.open("two")
        assert [desk.media.calls[one.number] for one in (first, second)] == [RtpCodec.G722] * 2
        assert desk.ari.dropped() == ["/channels/one-media"]
        assert (first.channel, second.channel) == ("one-rtp", "two-media")
        assert len([one for one in caplog.records if "no " in one.message and "501" in one.message]) == 1
        desk.refuse = ""
        await desk.connect()
        assert (await desk.open("three")).channel == "three-media"
        assert desk.tested.choice.kind is not Kind.RTP

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["websocket", "audiosocket", "rtp"])
def test_a_channel_that_does_not_come_is_deleted(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ari_media, "MEDIA_SECONDS", 0.02)

    async def run() -> None:
        desk = Desk(kind)
        await desk.connect()
        desk.silent = True
        with pytest.raises(AriError, match="has not come into app"):
            await desk.open()
        # By RTP as well.
        assert desk.ari.dropped() == ["/channels/call-media"] + (["/channels/call-rtp"] if kind != "rtp" else [])
        assert sorted(desk.media.hung_up) == sorted(desk.media.calls)
        # That is no fault of the kind.
        assert desk.tested.choice.kind == kind
        assert not desk.tested.entered("call-media")

    asyncio.run(run())


def test_a_websocket_that_cannot_be_made_is_not_waited_for() -> None:
    async def run() -> None:
        desk = Desk("websocket")
        await desk.connect()
        desk.silent = True
        opening = asyncio.create_task(desk.open())
        await desk.media.opened.wait()
        desk.silent = False
        desk.tested.over(1, "Asterisk answered HTTP 404 to the WebSocket upgrade")
        opened = await opening
        assert desk.media.calls[opened.number] is RtpCodec.G722
        assert "HTTP 404" in desk.tested.choice.why

    asyncio.run(run())


def test_a_connection_of_audiosocket_that_nobody_awaits_is_refused() -> None:
    async def run() -> None:
        desk = Desk("audiosocket")
        await desk.connect()
        assert not desk.tested.arrived(7, Arrived("u", "p", 9099))
        await desk.open()
        assert desk.tested.arrived(8, Arrived("u", "p", 9099))
        assert not desk.tested.arrived(9, Arrived("u", "p", 9100))
        assert desk.media.hung_up == [8]

    asyncio.run(run())


def test_what_is_over_is_nobodys() -> None:
    async def run() -> None:
        desk = Desk("rtp")
        await desk.connect()
        opened = await desk.open()
        desk.tested.over(opened.number, "it was ended here")
        assert desk.tested.number_of(opened.channel) == 0

    asyncio.run(run())


def test_who_is_cancelled_leaves_nothing() -> None:
    async def run() -> None:
        for kind in ("websocket", "audiosocket", "rtp"):
            desk = Desk(kind)
            await desk.connect()
            desk.silent = True
            opening = asyncio.create_task(desk.open())
            await desk.ari.posted.wait()
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert desk.ari.dropped() == ["/channels/call-media"]
            assert sorted(desk.media.hung_up) == sorted(desk.media.calls)

    asyncio.run(run())


@pytest.mark.parametrize(("status", "runs"), [(404, False), (409, False), (403, None), (0, None)])
def test_what_a_user_may_not_see_is_not_known(status: int, runs: bool | None) -> None:
    def answer(method: str, path: str, parameters: dict[str, str]) -> Any:
        if path == "/asterisk/info":
            return info("22.10.1")
        raise AriError("no", status)

    found = asyncio.run(ability_of(cast(Ari, FakeAri(answer))))
    assert found.version == (22, 10)
    assert found.runs("chan_websocket.so") is runs
    assert choose(settings(url="https://pbx:8089"), found, has_g722=True).kind is Kind.RTP


def test_an_info_that_is_refused_or_strange() -> None:
    def refused(*_: Any) -> Any:
        raise AriError("no", 403)

    for answer in (refused, lambda *_: None, lambda *_: {"system": {}}):
        assert asyncio.run(ability_of(cast(Ari, FakeAri(answer)))) == Ability()
