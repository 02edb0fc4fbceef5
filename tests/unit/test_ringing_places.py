"""Places of a transfer at which somebody is rung, as the gateway reads them."""

from __future__ import annotations

import pytest

from aiconvai.gateway.ringing import Place, PlaceError, read_place, rings


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("dial:PJSIP/200", Place(("PJSIP/200",), 25, "", False)),
        ("dial:PJSIP/200&Local/3@desk,20", Place(("PJSIP/200", "Local/3@desk"), 20, "", False)),
        ("dial: PJSIP/200 & PJSIP/201 , 120 ", Place(("PJSIP/200", "PJSIP/201"), 120, "", False)),
        ("attended:PJSIP/300,25,custom/caller", Place(("PJSIP/300",), 25, "custom/caller", False)),
        ("keep:dial:PJSIP/300/sip:a@b,1", Place(("PJSIP/300/sip:a@b",), 1, "", True)),
        ("keep:attended:PJSIP/300,5,a&b", Place(("PJSIP/300",), 5, "a&b", True)),
    ],
)
def test_who_is_rung_and_how(text: str, place: Place) -> None:
    assert rings(text)
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "dial:",
        "dial:200",
        "dial:/200",
        "dial:PJSIP/",
        "dial:PJSIP/200&",
        "dial:PJSIP/200,0",
        "dial:PJSIP/200,121",
        "dial:PJSIP/200,-1",
        "dial:PJSIP/200,1.5",
        "dial:PJSIP/200,٣",
        "dial:PJSIP/200,20,a sound",
        "dial:PJSIP/200,20,,more",
        "attended:PJSIP/200",
        "attended:PJSIP/200,20",
        "attended:PJSIP/200,20, ",
        "attended:PJSIP/200,20,sound,more",
        "dial:" + "&".join(["PJSIP/1"] * 17),
    ],
)
def test_places_that_cannot_be(text: str) -> None:
    assert rings(text)
    with pytest.raises(PlaceError, match="expected dial:TECHNOLOGY/RESOURCE"):
        read_place(text)


@pytest.mark.parametrize("text", ["default,700,1", "dialling,1,1", "keep,1,1", "keep:default,1,1"])
def test_places_in_the_dialplan(text: str) -> None:
    assert not rings(text)
