"""The receptionist, with its model, understands callers as well as it is said to, and does what its file says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from aiconvai.local.minds.receptionist.embeddings import SentenceEmbeddings
from aiconvai.local.minds.receptionist.intents import Slot, filled, parse_intents, read_intents
from aiconvai.local.minds.receptionist.matching import Matcher
from aiconvai.local.minds.receptionist.receptionist import Receptionist, ReceptionistTalk
from aiconvai.local.minds.receptionist.slots import read_slot, read_unasked
from aiconvai.local.minds.receptionist.transfers import ToolUse, transfer_to
from aiconvai.local.parts import Act, CallFacts, HangUp, PartError, Say, ToolOutcome

DATA = Path(__file__).parent / "data"
TRANSFER = {
    "name": "transfer_call",
    "parameters": {"type": "object", "properties": {"destination": {"type": "string", "enum": ["desk", "bookings"]}}},
}
SHOP = """
variables: {company: Lamp Shop, caller_name: ""}
greeting: "{company}, hello {caller_name}."
person: desk
intents:
  - name: hours
    label: our opening hours
    examples: ["When are you open?", "When do you close?"]
    answer: We are open from 9 a.m. to 5 p.m. Come in!
    keys: 1
  - name: order
    label: ordering something
    examples: [I want to order a lamp., "Can I buy a lamp?"]
    slots:
      - {name: colour, kind: choice, choices: {red: [crimson], green: []}, question: "Red, or green?"}
      - {name: count, kind: number, question: "How many, in {colour}?"}
      - {name: phone, kind: digits, least: 4, question: "What is your number?"}
    answer: "{count} in {colour}, and I call {phone}."
    then: {tool: order, parameters: {colour: "{colour}", count: "{count}", phone: "{phone}"}, say: "Done: {result}."}
  - name: repairs
    label: repairs
    examples: [My lamp is broken., "Can you repair my lamp?"]
    answer: I put you through to the workshop.
    then: {transfer: workshop}
  - name: note
    label: a note
    examples: [I want to leave a note., Write down something for me.]
    slots: [{name: words, kind: text, question: "What shall I write?"}]
    answer: "I wrote: {words}"
"""


@pytest.fixture(scope="module")
def embeddings() -> SentenceEmbeddings:
    return SentenceEmbeddings()


@pytest.fixture(scope="module")
def hotel(embeddings: SentenceEmbeddings) -> Matcher:
    return Matcher(embeddings, read_intents(DATA / "hotel.yaml").intents)


@contextmanager
def opened(path: Path | None) -> Iterator[Receptionist]:
    """For many tests, each with a loop of its own: it has none."""
    one = Receptionist(path)
    asyncio.run(one.open())
    yield one
    asyncio.run(one.close())


@pytest.fixture(scope="module")
def usual() -> Iterator[Receptionist]:
    """With the file that comes with it."""
    with opened(None) as one:
        yield one


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receptionist]:
    path = tmp_path_factory.mktemp("shop") / "shop.yaml"
    path.write_text(SHOP)
    with opened(path) as one:
        yield one


class Tools:
    """Of a call: what was run, and what comes of it."""

    def __init__(self, outcome: ToolOutcome | None = None) -> None:
        self.run: list[tuple[str, Mapping[str, Any]]] = []
        self._outcome = outcome or ToolOutcome("ok")

    async def __call__(self, name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        self.run.append((name, arguments))
        return self._outcome


def begun(mind: Receptionist, run: Tools | None = None, **facts: Any) -> ReceptionistTalk:
    return mind.begin(CallFacts(run_tool=run or Tools(), **facts))


async def said(acts: AsyncIterator[Act]) -> list[str]:
    return [act.text if isinstance(act, Say) else "<hangs up>" async for act in acts]


def figures(matcher: Matcher, file: str) -> tuple[Counter[str], int]:
    """How often each came of what callers say, and how much of what is for others was not understood."""
    content = yaml.safe_load((DATA / file).read_text())
    came: Counter[str] = Counter()
    for meant, sentence in content["in_domain"]:
        names = [intent.name for intent in matcher.understand(sentence).intents]
        came["nothing" if not names else ("right " if meant in names else "wrong ") + str(len(names))] += 1
    refused = sum(not matcher.understand(sentence).intents for sentence in content["out_of_domain"])
    return came, refused


def test_distant_paraphrases_are_understood(hotel: Matcher) -> None:
    """The goals, on sentences that nothing was tuned with: 21 of 40 were answered right at once, 12 more by asking with
    the right one of two, 1 wrong, 6 asked with neither; 17 of 20 were for somebody else, and were not understood.
    """
    came, refused = figures(hotel, "receptionist_held_out.yaml")
    assert came.total() == 40
    assert came["right 1"] + came["right 2"] >= 0.8 * 40
    assert came["wrong 1"] <= 0.05 * 40
    assert came["right 1"] >= 0.5 * 40
    assert refused >= 0.8 * 20


def test_those_it_was_tuned_with_are_understood(hotel: Matcher) -> None:
    came, refused = figures(hotel, "receptionist_tuning.yaml")
    assert came.total() == 60
    assert came["right 1"] + came["right 2"] >= 0.8 * 60
    assert came["wrong 1"] <= 0.05 * 60
    assert refused >= 0.9 * 20


@pytest.mark.parametrize("path", [None, DATA / "hotel.yaml"])
def test_every_example_is_understood_as_what_it_is(embeddings: SentenceEmbeddings, path: Path | None) -> None:
    intents = read_intents(path).intents
    matcher = Matcher(embeddings, intents)
    wrong = [
        (intent.name, example)
        for intent in intents
        for example in intent.examples
        if [one.name for one in matcher.understand(example).intents] != [intent.name]
    ]
    assert wrong == []
    assert matcher.understand(" ...").intents == []


def test_tokens_are_those_of_bert(embeddings: SentenceEmbeddings) -> None:
    """bert-base-uncased's: hello is 7592, world 2088; unaffable is un ##aff ##able, as its README has it."""
    encoded = embeddings._tokenizer.encode("Héllo WORLD")
    assert encoded.ids == [101, 7592, 2088, 102]
    assert embeddings._tokenizer.encode("unaffable").tokens == ["[CLS]", "una", "##ffa", "##ble", "[SEP]"]
    assert len(embeddings._tokenizer.encode("word " * 1_000).ids) == 128


def test_embeddings(embeddings: SentenceEmbeddings) -> None:
    vectors = embeddings.embed(["Can I bring my dog?", "Are pets allowed?", "How do I cook rice?", ""])
    assert vectors.shape == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-4)
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]
    # Alone and beside longer ones it is the same.
    alone = [embeddings.embed([text])[0] for text in ("Can I bring my dog?", "")]
    assert np.abs(np.stack(alone) - vectors[[0, 3]]).max() < 1e-5
    assert embeddings.embed([]).shape == (0, 384)


def test_weights_that_are_others_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    with pytest.raises(PartError, match=r"model\.onnx cannot be read"):
        SentenceEmbeddings(model)
    model.write_bytes(b"something else")
    with pytest.raises(PartError, match=r"model\.onnx has the SHA-256 .*, expected 8199be6f"):
        SentenceEmbeddings(model)
    with pytest.raises(PartError, match="expected 07eced37"):
        SentenceEmbeddings(vocabulary=model)


CHOICE = {"kind": "choice", "choices": {"single": ["for one"], "double": ["for two", "twin"]}}


@pytest.mark.parametrize(
    ("slot", "answer", "expected"),
    [
        ({"kind": "number"}, "We are four people.", "4"),
        ({"kind": "number"}, "Twenty-five, please.", "25"),
        ({"kind": "number"}, "one hundred and twenty", "120"),
        ({"kind": "number"}, "1,200", "1200"),
        ({"kind": "number"}, "Just me.", "1"),
        ({"kind": "number"}, "a couple of us", "2"),
        ({"kind": "number"}, "I do not know yet.", None),
        ({"kind": "digits"}, "It is 020 7946 0958.", "02079460958"),
        ({"kind": "digits"}, "+44 20 7946 0958", "+442079460958"),
        ({"kind": "digits"}, "oh two oh, seven nine double four six", "020794 46".replace(" ", "")),
        ({"kind": "digits"}, "fifty-five twelve twenty", "551220"),
        ({"kind": "digits", "least": 5}, "one two three", None),
        ({"kind": "digits"}, "I would rather not say.", None),
        ({"kind": "time"}, "At half past nine in the evening.", "9:30 p.m."),
        ({"kind": "time"}, "quarter to ten", "9:45"),
        ({"kind": "time"}, "7 p.m. would be nice", "7:00 p.m."),
        ({"kind": "time"}, "at 9:15 a.m.", "9:15 a.m."),
        ({"kind": "time"}, "seven thirty", "7:30"),
        ({"kind": "time"}, "Ten.", "10:00"),
        ({"kind": "time"}, "ten o'clock in the morning", "10:00 a.m."),
        ({"kind": "time"}, "19:45", "19:45"),
        ({"kind": "time"}, "at noon", "12:00 p.m."),
        ({"kind": "time"}, "whenever you like", None),
        ({"kind": "date"}, "Tomorrow evening, please.", "Tomorrow evening"),
        ({"kind": "date"}, "the day after tomorrow", "the day after tomorrow"),
        ({"kind": "date"}, "Next Monday.", "Next Monday"),
        ({"kind": "date"}, "on the third of May", "the third of May"),
        ({"kind": "date"}, "May 5th, 2027", "May 5th, 2027"),
        ({"kind": "date"}, "in three weeks", "in three weeks"),
        ({"kind": "date"}, "as soon as you can", None),
        (CHOICE, "A room for two.", "double"),
        (CHOICE, "Two singles.", "single"),
        (CHOICE, "no idea", None),
        ({"kind": "name"}, "Hello, my name is Ann Lee.", "Ann Lee"),
        ({"kind": "name"}, "It's Li.", "Li"),
        ({"kind": "name"}, "...", None),
        ({"kind": "text"}, " Tell her I am late. ", "Tell her I am late."),
        ({"kind": "text"}, "?", None),
    ],
)
def test_slots_are_read(slot: dict[str, Any], answer: str, expected: str | None) -> None:
    assert read_slot(Slot.model_validate({"name": "x", "question": "?", **slot}), answer) == expected


def test_what_was_said_is_not_asked() -> None:
    kinds = ("number", "date", "time", "name", "text", "digits")
    slots = [Slot.model_validate({"name": kind, "question": "?", "kind": kind}) for kind in kinds]
    sentence = "A table for four next Friday at half past seven, please."
    assert read_unasked(slots, sentence) == {"date": "next Friday", "time": "7:30", "number": "4"}
    # A number alone is no time here.
    assert read_unasked(slots, "We are 5.") == {"number": "5"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kind: number", "kind: amount"), r"intents\.order\.slots\.count\.kind: 'amount': input should be 'number'"),
        (("    answer: We are", "    anwser: We are"), r"intents\.hours\.anwser is no key that is known there"),
        (("  - name: hours\n", "  -\n"), r"intents\.1\.name is missing"),
        (("name: hours", "name: note"), "its own name; note is there twice"),
        (("{count} in", "{cuont} in"), r"order, answer: \{cuont\} is nothing that is known there: expected one of"),
        (("in {colour}?", "in {phone}?"), r"order, question of count: \{phone\}"),
        (("then: {transfer: workshop}", "then: dance"), r"intents\.repairs\.then: 'dance'"),
        (("then: {transfer: workshop}", "then: {}"), "expected one of hangup, repeat, person, transfer: NAME and tool"),
        (("choices: {red: [crimson], green: []}, ", ""), "expected choices for the kind choice"),
        (('["When are you open?", "When do you close?"]', "[When]"), r"hours\.examples: .*at least 2"),
        (("keys: 1", "keys: 12"), r"intents\.hours\.keys: '12': string should match"),
        (("variables:", "intents: []\nvariables:"), "is no YAML: intents is there twice"),
        (("intents:", "intents: ["), "is no YAML"),
    ],
)
def test_errors_name_what_is_wrong(change: tuple[str, str], message: str) -> None:
    assert change[0] in SHOP
    with pytest.raises(PartError, match=message) as error:
        parse_intents(SHOP.replace(*change, 1), "shop.yaml")
    assert str(error.value).startswith("shop.yaml")
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="cannot be read as a file of intents"):
        read_intents(tmp_path / "missing.yaml")
    (tmp_path / "long.yaml").write_bytes(b"#" * (1 << 20) + b"x")
    with pytest.raises(PartError, match="longer than 1048576 bytes"):
        read_intents(tmp_path / "long.yaml")
    with pytest.raises(PartError, match="expected a mapping with the key intents, got 'hello'"):
        parse_intents("hello", "x.yaml")


def test_placeholders_are_filled() -> None:
    values = {"hours": "till 5 p.m.", "name": "Ann"}
    assert filled("Open {hours}. Bye, {name}. {other}.", values) == "Open till 5 p.m. Bye, Ann. {other}."


def test_small_talk_is_understood_unless_the_file_has_its_own() -> None:
    names = [intent.name for intent in read_intents(DATA / "hotel.yaml").intents]
    assert names[-7:] == ["hello", "thanks", "goodbye", "repeat", "robot", "person", "help"]


async def test_the_greeting(shop: Receptionist) -> None:
    assert await said(begun(shop, variables={"caller_name": "Ann"}).greeting()) == ["Lamp Shop, hello Ann."]
    assert await said(begun(shop, first_message="Hi. What is it?").greeting()) == ["Hi.", "What is it?"]


async def test_questions_are_answered(usual: Receptionist) -> None:
    talk = begun(usual, variables={"hours": "every day"})
    assert await said(talk.answer("Are you there on Sundays?")) == [
        "We are open every day.",
        "On public holidays we are closed.",
    ]
    assert (await said(talk.answer("What's your street?")))[0].startswith("You find us at 1 Main Street")
    assert await said(talk.answer("Could you say that again?")) == await said(talk.answer("Pardon?"))
    assert "automatic receptionist" in (await said(talk.answer("Am I speaking with a computer?")))[0]
    assert await said(talk.answer("Okay, bye bye.")) == ["Thank you for your call.", "Goodbye.", "<hangs up>"]


async def test_the_same_words_get_the_same_answer(usual: Receptionist) -> None:
    sentences = ["Are you there on Sundays?", "I need to talk about my bill.", "How tall is Mount Everest?"]
    talks = [begun(usual) for _ in range(4)]
    for sentence in sentences:
        answers = await asyncio.gather(*(said(talk.answer(sentence)) for talk in talks))
        assert answers == [answers[0]] * 4
        assert answers[0]


async def test_a_form_is_filled(shop: Receptionist) -> None:
    run = Tools(ToolOutcome("number 12"))
    talk = begun(shop, run, tools=[{"name": "order"}])
    assert await said(talk.answer("I want to order a lamp.")) == ["Red, or green?"]
    assert await said(talk.answer("Hmm, blue.")) == ["I am sorry, I did not understand that.", "Red, or green?"]
    # Something is asked in between, and the question comes again.
    assert await said(talk.answer("When are you open?")) == [
        "We are open from 9 a.m. to 5 p.m.",
        "Come in!",
        "Red, or green?",
    ]
    assert await said(talk.answer("Crimson.")) == ["How many, in red?"]
    assert await said(talk.answer("What did you say?")) == ["How many, in red?"]
    assert await said(talk.answer("Two.")) == ["What is your number?"]
    assert await said(talk.answer("five five one two")) == ["2 in red, and I call 5512.", "Done: number 12."]
    assert run.run == [("order", {"colour": "red", "count": "2", "phone": "5512"})]


async def test_a_form_knows_what_was_said(shop: Receptionist) -> None:
    talk = begun(shop, tools=[{"name": "order"}])
    assert await said(talk.answer("I want to order two green lamps.")) == ["What is your number?"]
    assert await said(talk.answer("Never mind.")) == ["All right.", "What else can I do for you?"]
    assert await said(talk.answer("When do you close?")) == ["We are open from 9 a.m. to 5 p.m.", "Come in!"]


async def test_a_text_may_be_about_anything(shop: Receptionist) -> None:
    talk = begun(shop)
    assert await said(talk.answer("I want to leave a note.")) == ["What shall I write?"]
    assert await said(talk.answer("My lamp is broken, I want another.")) == [
        "I wrote: My lamp is broken, I want another."
    ]


async def test_numbers_are_pressed(shop: Receptionist) -> None:
    run = Tools()
    talk = begun(shop, run, tools=[{"name": "order"}])
    assert await said(talk.answer("I want to order a green lamp.")) == ["How many, in green?"]
    assert await said(talk.pressed("12")) == ["What is your number?"]
    assert await said(talk.pressed("5512#")) == ["12 in green, and I call 5512.", "Done: ok."]
    assert run.run[0][1] == {"colour": "green", "count": "12", "phone": "5512"}


async def test_a_key_chooses(shop: Receptionist) -> None:
    talk = begun(shop)
    assert await said(talk.pressed("1")) == ["We are open from 9 a.m. to 5 p.m.", "Come in!"]
    assert await said(talk.pressed("1#")) == ["We are open from 9 a.m. to 5 p.m.", "Come in!"]
    assert await said(talk.pressed("9")) == []


async def test_what_is_prepared_changes_nothing(shop: Receptionist) -> None:
    """A caller who goes on has not said it."""
    run = Tools()
    talk = begun(shop, run, tools=[{"name": "order"}])
    assert await talk.prepare("I want to order a green lamp.") == "How many, in green?"
    talk.discard()
    assert await said(talk.answer("I want to order a lamp.")) == ["Red, or green?"]
    assert await talk.prepare("Green, please.") == "How many, in green?"
    assert await talk.prepare("Red, please.") == "How many, in red?"
    assert await said(talk.answer("Red, please.")) == ["How many, in red?"]
    assert await said(talk.answer("Four.")) == ["What is your number?"]
    assert await talk.prepare("5512") == "4 in red, and I call 5512."
    assert run.run == []
    assert await said(talk.answer("5512")) == ["4 in red, and I call 5512.", "Done: ok."]
    assert len(run.run) == 1


async def test_its_usual_sentences_depend_on_no_caller(shop: Receptionist) -> None:
    usual = shop.usual_sentences()
    assert usual[0] == (await said(begun(shop).greeting()))[0]
    assert "We are open from 9 a.m. to 5 p.m." in usual
    assert not [one for one in usual if "{" in one]


async def test_a_question_that_is_not_answered_is_given_up(shop: Receptionist) -> None:
    run = Tools()
    talk = begun(shop, run, tools=[{"name": "order"}, TRANSFER])
    await said(talk.answer("I want to order a green lamp."))
    again = ["I am sorry, I did not understand that.", "How many, in green?"]
    assert [await said(talk.answer("Hmm.")) for _ in range(2)] == [again, again]
    assert (await said(talk.answer("Hmm.")))[0] == "I will put you through to somebody."
    assert run.run == [("transfer_call", {"destination": "desk"})]


async def test_what_the_call_has_no_tool_for_is_not_begun(shop: Receptionist) -> None:
    talk = begun(shop)
    assert await said(talk.answer("I want to order a lamp.")) == ["I am sorry, I cannot do that at the moment."]
    nobody = ["I am sorry, nobody can take your call at the moment."]
    assert await said(talk.answer("My lamp is broken.")) == nobody
    assert await said(talk.answer("I want to speak to a person.")) == nobody


async def test_tools_that_fail(shop: Receptionist) -> None:
    talk = begun(shop, Tools(ToolOutcome("busy", is_error=True)), tools=[{"name": "transfer_to_workshop"}, TRANSFER])
    assert await said(talk.answer("My lamp is broken.")) == [
        "I put you through to the workshop.",
        "I am sorry, nobody can take your call at the moment.",
    ]
    # The call stays, and goes on.
    assert (await said(talk.answer("When are you open?")))[1] == "Come in!"


async def test_not_understood_twice_the_caller_is_put_through(shop: Receptionist) -> None:
    run = Tools()
    talk = begun(shop, run, tools=[TRANSFER])
    assert await said(talk.answer("How tall is Mount Everest?")) == [
        "I am sorry, I did not understand that.",
        "I can help you with our opening hours, ordering something, repairs and a note.",
    ]
    assert run.run == []
    # Understood in between, it is counted anew.
    await said(talk.answer("When are you open?"))
    assert (await said(talk.answer("Who painted the Mona Lisa?")))[0] == "I am sorry, I did not understand that."
    assert await said(talk.answer("How tall is Mount Everest?")) == [
        "I will put you through to somebody.",
        "One moment, please.",
    ]
    assert run.run == [("transfer_call", {"destination": "desk"})]
    # Where there is nobody, it goes on saying what it can do.
    alone = begun(shop)
    answers = [await said(alone.answer("How tall is Mount Everest?")) for _ in range(3)]
    assert answers == [answers[0]] * 3


BETWEEN = """
greeting: null
intents:
  - name: in
    label: checking in
    examples: ["When can I check in?", "What is your check-in time?"]
    answer: You check in from 3 p.m.
  - name: out
    label: checking out
    examples: ["When must I check out?", "What is your check-out time?"]
    answer: You check out until 11 a.m.
"""


@pytest.fixture(scope="module")
def inn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receptionist]:
    path = tmp_path_factory.mktemp("inn") / "inn.yaml"
    path.write_text(BETWEEN)
    with opened(path) as one:
        yield one


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("The first one.", "You check in from 3 p.m."),
        ("The second.", "You check out until 11 a.m."),
        ("Checking out, please.", "You check out until 11 a.m."),
        ("When I have to leave.", "You check out until 11 a.m."),
        ("Neither.", "All right."),
        ("How do I cook rice?", "I am sorry, I did not understand that."),
        ("Goodbye.", "Thank you for your call."),
    ],
)
async def test_which_of_two(inn: Receptionist, reply: str, answer: str) -> None:
    talk = begun(inn)
    assert await said(talk.greeting()) == []
    question = "Do you mean checking in, or checking out?"
    assert await said(talk.answer("What are the check-in and check-out times?")) == [question]
    assert await said(talk.answer("Uh, yes.")) == [question]
    assert (await said(talk.answer(reply)))[0] == answer


def test_where_callers_are_put_through() -> None:
    queue, hand_over = {"name": "transfer_to_queue"}, {"name": "transfer_to_agent"}
    open_ended = {"name": "transfer_call", "parameters": {"type": "object"}}
    assert transfer_to([TRANSFER], None) == ToolUse("transfer_call", {"destination": "desk"})
    assert transfer_to([TRANSFER], "bookings") == ToolUse("transfer_call", {"destination": "bookings"})
    assert transfer_to([TRANSFER], "queue") is None
    assert transfer_to([TRANSFER, queue], "queue") == ToolUse("transfer_to_queue")
    assert transfer_to([hand_over, queue], None) == ToolUse("transfer_to_queue")
    assert transfer_to([hand_over], None) is None
    assert transfer_to([open_ended], "desk") == ToolUse("transfer_call", {"destination": "desk"})
    assert transfer_to([open_ended], None) is None


async def test_it_is_opened_first() -> None:
    closed = Receptionist()
    with pytest.raises(PartError, match="not open yet"):
        begun(closed)
    with pytest.raises(PartError, match=r"missing\.yaml"):
        await Receptionist(Path("missing.yaml")).open()
    await closed.close()


async def test_what_is_said_while_thinking_is_nothing(shop: Receptionist) -> None:
    run = Tools()
    talk = begun(shop, run, tools=[TRANSFER])
    for filler in ("Um.", "Okay. Yeah.", "Hmm, well..."):
        assert await said(talk.answer(filler)) == ["All right.", "What else can I do for you?"]
    assert run.run == []
    assert await said(talk.answer("No, thank you.")) == ["Thank you for your call.", "Goodbye.", "<hangs up>"]


async def test_acts_are_as_they_stand(shop: Receptionist) -> None:
    talk = begun(shop)
    talk.know("The caller is rich.")
    talk.cut("We are")
    acts = [act async for act in talk.answer("Goodbye.")]
    assert acts == [Say("Thank you for your call."), Say("Goodbye."), HangUp()]
