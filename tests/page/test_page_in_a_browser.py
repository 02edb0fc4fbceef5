"""The page as people use it: in Chromium, with calls that go on."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from serve_events import a_start, an_end, said, told
from serve_page import PASSWORD, Serving, log_in, see_calls

from aiconvai.serve.access import Role

HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><b>bold</b>"


def test_the_first_user_is_made_in_the_browser(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.goto(f"/setup?token={serving.setup.token}")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("ann, admin")).to_be_visible()
    expect(page.get_by_text("No call goes on.")).to_be_visible()


def test_a_call_is_seen_word_by_word(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    serving.publish(a_start(CallerIDName="Bob"), told("Ready", ReadyMs="12"))
    page.get_by_role("button", name="+420123 Bob").click()
    expect(page.get_by_role("heading", name="+420123 Bob and sales")).to_be_visible()
    lines = page.get_by_role("list", name="What was said").get_by_role("listitem")
    serving.publish(said("Where", final=False))
    expect(lines).to_have_text(["Where"])
    serving.publish(said("Where is my", final=False))
    expect(lines).to_have_text(["Where is my"])
    serving.publish(said("Where is my parcel?"), told("Answer", LatencyMs="640"))
    expect(lines).to_have_text(["Where is my parcel?"])
    expect(page.get_by_text("answers after 640 ms")).to_be_visible()
    serving.publish(
        told("ToolCall", ToolCallID="1", ToolName="look", Parameters='{"number": 7}'),
        told("ToolDone", ToolCallID="1", ToolName="look", Result="in Brno", Error="no"),
        said("It is in Brno.", role="agent", turn=2),
    )
    expect(lines).to_have_text(["Where is my parcel?", 'look {"number": 7}done in Brno', "It is in Brno."])
    serving.publish(an_end())
    expect(page.get_by_role("row", name="+420123 Bob")).to_contain_text("COMPLETED")
    expect(page.get_by_role("button", name="End the conversation")).to_be_disabled()


def test_what_callers_say_is_no_markup(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    serving.publish(a_start(CallerIDName=HOSTILE), said(HOSTILE), told("State", State=HOSTILE))
    page.get_by_role("button", name=HOSTILE).click()
    lines = page.get_by_role("list", name="What was said").get_by_role("listitem")
    expect(lines).to_have_text([HOSTILE])
    assert page.locator("#call img, #calls img, #call b").count() == 0
    assert page.title() == "Live · aiconvai"


def test_two_users_see_the_same_call(serving: Serving, new_page: Callable[[], Page]) -> None:
    ann, bob = new_page(), new_page()
    log_in(serving, ann, "ann", Role.OPERATOR)
    log_in(serving, bob, "bob", Role.VIEWER)
    serving.publish(a_start(), said("Hello"))
    for page in (ann, bob):
        page.get_by_role("button", name="+420123").click()
        expect(page.get_by_role("list", name="What was said")).to_have_text("Hello")
    expect(ann.get_by_role("button", name="End the conversation")).to_be_visible()
    expect(bob.get_by_role("button", name="End the conversation")).to_have_count(0)


def test_five_hundred_calls_leave_the_page_quick(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    serving.publish(*(a_start(f"1.{number}", CallerIDNum=f"+{number}") for number in range(500)))
    expect(page.locator("#count")).to_have_text("500")
    for round_ in range(20):
        serving.publish(*(said(f"{round_} of {number}", f"1.{number}") for number in range(500)))
    expect(page.get_by_role("row", name="+499 ")).to_contain_text("19 of 499")
    page.get_by_role("button", name="+250", exact=True).click()
    expect(page.get_by_role("heading", name="+250 and sales")).to_be_visible()
    # Between two frames the browser does nothing else for so long.
    longest = page.evaluate(
        """() => new Promise((resolve) => {
            let last = performance.now(), longest = 0, frames = 0;
            function frame(now) {
                longest = Math.max(longest, now - last); last = now;
                frames++ < 60 ? requestAnimationFrame(frame) : resolve(longest);
            }
            requestAnimationFrame(frame);
        })"""
    )
    assert longest < 1000


def test_it_is_used_with_the_keyboard_alone(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    serving.publish(a_start())
    button = page.get_by_role("button", name="+420123")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close this call")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#call")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_call_that_is_over_is_found_again(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    serving.publish(a_start(), said("Where is my parcel?"), an_end())
    serving.publish(a_start("1.2"), said("Good evening", "1.2"), an_end("1.2"))
    page.get_by_role("link", name="Calls").click()
    expect(page.get_by_label("Words")).to_be_visible()
    rows = see_calls(page, 2)
    page.get_by_label("Words").fill("parcel")
    page.get_by_role("button", name="Find").click()
    expect(rows).to_have_count(1)
    page.locator(".history a").click()
    expect(page.get_by_text("Where is my parcel?")).to_be_visible()
