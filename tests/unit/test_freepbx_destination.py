"""Where callers may be sent in a FreePBX."""

from __future__ import annotations

import pytest

from aiconvai.freepbx.destination import MOST_CHARACTERS, destination_of, why_no_name, why_not


@pytest.mark.parametrize(
    "place",
    [
        "from-did-direct,200,1", "ext-local,vmu200,1", "ext-queues,600,1", "ext-group,601,1", "ivr-3,s,1",
        "ext-findmefollow,FM200,1", "app-blackhole,hangup,1", "app-announcement-2,s,1", "timeconditions,1,1",
        "ext-miscdests,4,1", "aiconvai-night,s,1",
    ],
)  # fmt: skip
def test_listed_places_are_taken(place: str) -> None:
    assert why_not(place) == ""


@pytest.mark.parametrize(
    "place", ["from-internal,200,1", "from-internal,00990123456,1", "outrt-1,9,1", "ext-trunk,2,1"]
)
def test_what_reaches_outbound_routes_is_refused(place: str) -> None:
    assert "calls anybody on your account" in why_not(place)


@pytest.mark.parametrize(
    "place",
    ["", "200", "PJSIP/200", "ext-local,200,dest", "ext-queues,600", "ext-queues,600,1\nexten => x", "ivr-3,s,1,x"],
)
def test_what_is_no_place_is_refused_with_the_list(place: str) -> None:
    assert "is none of from-did-direct,EXT,1, " in why_not(place)


def test_a_name_fits_what_a_route_keeps() -> None:
    longest = "a" * (MOST_CHARACTERS - len("aiconvai-,s,1"))
    assert (why_no_name(longest), len(destination_of(longest))) == ("", MOST_CHARACTERS)
    assert "give the agent a name of 37 at the most" in why_no_name(f"{longest}a")


@pytest.mark.parametrize("name", ["two words", "a,b", "a)", "ä", ""])
def test_a_name_has_no_characters_that_mean_something_there(name: str) -> None:
    assert "takes letters, digits, - and _" in why_no_name(name)
