"""Lines of ours in a file of somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.freepbx.block import BEGIN, END, BrokenBlock, block_of, with_block, with_block_in_section, without_block

OWNERS = "[from-internal-custom]\nexten => 1234,1,Playback(demo-congrats)\n"


def test_it_stands_behind_what_the_owner_has_and_goes_without_a_trace() -> None:
    made = with_block(OWNERS, "[ours]\nexten => s,1,NoOp()\n")
    assert made == f"{OWNERS}\n{BEGIN}\n[ours]\nexten => s,1,NoOp()\n{END}\n"
    assert block_of(made) == "[ours]\nexten => s,1,NoOp()\n"
    assert without_block(made) == OWNERS


def test_the_next_one_takes_its_place() -> None:
    made = with_block(OWNERS, "[ours]") + "; the owner's, written behind it\n"
    again = with_block(made, "[theirs]")
    assert again == made.replace("[ours]", "[theirs]")
    assert with_block(again, "[theirs]") == again


def test_in_a_section_that_is_there_it_stands_behind_the_header() -> None:
    chown = "[blacklist]\nitem = /etc/asterisk/keys\n\n[custom]\nfile = /etc/x,0600,root,root\n"
    made = with_block_in_section(chown, "custom", "file = /etc/y,0640,asterisk,asterisk")
    assert made == chown.replace("[custom]\n", f"[custom]\n{BEGIN}\nfile = /etc/y,0640,asterisk,asterisk\n{END}\n")
    assert with_block_in_section(made, "custom", "file = /etc/y,0640,asterisk,asterisk") == made
    assert without_block(made) == chown


def test_in_a_section_that_is_not_there_it_has_the_header_itself() -> None:
    made = with_block_in_section("", "custom", "file = /etc/y,0640,a,a")
    assert made == f"{BEGIN}\n[custom]\nfile = /etc/y,0640,a,a\n{END}\n"
    assert with_block_in_section(made, "custom", "file = /etc/y,0640,a,a") == made
    assert without_block(made) == ""


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\n[a]\n",
        f"[a]\n{END}\n",
        f"{END}\n{BEGIN}\n",
        2 * f"{BEGIN}\n[a]\n{END}\n",
        f"{BEGIN}\n{BEGIN}\n{END}\n",
    ],
)
def test_half_a_block_is_not_guessed_at(text: str) -> None:
    for does in (block_of, without_block, lambda one: with_block(one, "[b]")):
        with pytest.raises(BrokenBlock, match="mend that by hand"):
            does(text)


@given(st.text(st.sampled_from("[]a=>,1\n; ")), st.text(st.sampled_from("[]b=,\n ")).filter(str.strip))
def test_what_is_put_in_comes_out_and_the_rest_stays(owners: str, lines: str) -> None:
    made = with_block(owners, lines)
    assert block_of(made) == f"{lines.rstrip()}\n"
    assert without_block(made).rstrip() == owners.rstrip()
    assert with_block(made, lines) == made
