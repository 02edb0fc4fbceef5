"""What names something, as people say it in English: telephone numbers, order codes, e-mail addresses and URLs."""

from __future__ import annotations

import re

from aiconvai.local.voices.spelling_rule import Rule
from aiconvai.local.voices.spoken_numbers import cardinal, digits, grouped_digits, reference

FEWEST_PHONE_DIGITS = 7
MOST_PHONE_DIGITS = 24
"""Account and card numbers are told as telephone numbers are."""
LETTERS_SPELLED = 3
"""Capitals in a code that are spelled letter by letter; more are a word ("COVID-19")."""
_SIGNS = {
    ".": "dot",
    "@": "at",
    "-": "dash",
    "_": "underscore",
    "+": "plus",
    "/": "slash",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
}
_WORD_DOMAINS = {"com", "net", "org", "info", "app", "shop", "online", "biz", "name", "dev", "gov", "edu", "cloud"}
"""Ends of a host's name that are said as words; others letter by letter."""
_DOMAINS = "|".join(sorted(_WORD_DOMAINS | {"ai", "au", "ca", "ch", "co", "cz", "de", "eu", "fr", "io", "nl", "uk"}))
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}"
_EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.+-])(?P<name>[\w.+%-]{1,64})@(?P<host>(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24})(?!\w)"
)
_URL = re.compile(
    r"\b(?:(?:https?|ftp|wss?|sips?)://|(?=www\.))(?P<host>[\w.-]{1,253})(?P<port>:\d{1,5})?(?P<path>[/?#][^\s<>\"')\]]{0,500})?",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?<![\w@.-])(?P<host>{_HOST}(?:{_DOMAINS}))(?P<port>:\d{{1,5}})?(?P<path>/[^\s<>\"')\]]{{0,500}})?(?![\w-])"
)
_IP_ADDRESS = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\w|\.\d)")
_EXTENSION = re.compile(r"\b(?P<what>ext(?:ension)?)\b\.?:? ?(?P<digits>\d{1,8})(?![\w-])", re.IGNORECASE)
_SHORT_EXTENSION = re.compile(r"(?<=\d) ?x(?P<digits>\d{2,6})(?!\w)")
_REFERENCE = re.compile(
    r"(?P<before>(?:\b(?:account|reference|ref|ticket|booking|invoice|(?<!in )case|code|pin|confirmation|room|flight|"
    r"gate|zip|postcode|passcode|password)\b\.?|\b(?:number\b|no\.|nr\.)|#)"
    r"(?: ?(?:number|no\.|code|id|is|was|#|:)){0,3} ?)"
    r"(?P<digits>\d{2,24})(?![\w,.:/-]*\w)",
    re.IGNORECASE,
)
_DIALLED = re.compile(
    r"\b(?P<before>[Cc]all|[Dd]ial|[Rr]ing|or(?= (?:112|911|999)\b)) (?P<digits>\d{3,6})"
    r"(?=[.,;!?]|$| (?:for|if|now|or|and|in|at|to|when)\b)"
)
"""112 and 911, and what else is called; "call 150 people" is none of it."""
_KEYS = re.compile(
    r"(?:(?<=press )|(?<=Press )|(?<=dial )|(?<=Dial )|(?<=enter )|(?<=Enter ))(?P<keys>[*#][\d*#]{0,12})(?![\w*])|"
    r"(?<![\w*#])(?P<code>[*#]{1,2}\d{1,8}(?:\*\d{1,8}){0,4}#)|"
    r"(?:(?<=, )|(?<=or )|(?<=then )|(?<=the )|(?<=by )|(?<=and ))(?P<key>[*#])(?![\w*#])"
)
_PHONE = re.compile(
    r"(?<![\w.,/-])(?P<plus>\+ ?)?"
    r"(?P<groups>\(?\d{1,14}\)?(?:(?: ?[-./] ?| ?\(| |\) ?){1,2}\d{1,14}\)?){0,7})(?!\w|[-/.,]\d)"
)
_CODE = re.compile(
    r"(?<![\w-])(?=[A-Z0-9-]{0,40}[A-Z])(?=[A-Z0-9-]{0,40}\d)[A-Z0-9]{1,20}(?:-[A-Z0-9]{1,20}){0,5}(?![\w-])"
)
_MIXED = re.compile(r"(?<=[^\W\d_])-?(?P<after>\d{1,24})|(?P<before>\d{1,24})-?(?=[^\W\d_])")


def letters(text: str) -> str:
    """Each by its name, as all voices here read it: "A.B", for in "A B" the A is an article to some, and "A.B." ends a
    sentence.
    """
    return ".".join(text.upper())


def _address_part(text: str) -> str:
    """Words stay words; digits are told one by one, and signs by their names."""
    said = re.sub(r"\d+", lambda found: f" {digits(found[0])} ", text)
    return " ".join(re.sub(r"[^\w\s]|_", lambda found: f" {_SIGNS.get(found[0], '')} ", said).split())


def _host(host: str) -> str:
    *names, last = host.strip(".").split(".")
    said = [_address_part(name) if len(name) > 2 or not name.isalpha() else letters(name) for name in names]
    ending = last.lower() if last.lower() in _WORD_DOMAINS or len(last) > 3 or not last.isalpha() else letters(last)
    return " dot ".join([*said, _address_part(ending) if not ending.isupper() and " " not in ending else ending])


def _email(found: re.Match[str]) -> str:
    return f"{_address_part(found['name'])} at {_host(found['host'])}"


def _url(found: re.Match[str]) -> str:
    """Without https:// and www, which nobody types, and without a last slash."""
    whole_path = found["path"] or ""
    path = whole_path.rstrip(".,;:!?")
    after = whole_path[len(path) :]
    host = found["host"].rstrip(".-")
    if not whole_path and not found["port"]:
        after = found["host"][len(host) :]
    if host.lower().startswith("www."):
        host = host[4:]
    rest = _address_part((found["port"] or "") + path.rstrip("/"))
    return f"{_host(host)}{f' {rest}' if rest else ''}{after}"


def _extension(found: re.Match[str]) -> str:
    what = "Extension" if found["what"].startswith("E") else "extension"
    return f"{what} {reference(found['digits'])}"


def _short_extension(found: re.Match[str]) -> str:
    return f", extension {reference(found['digits'])}"


def _reference(found: re.Match[str]) -> str:
    before = re.sub(r"#", " number ", found["before"])
    before = re.sub(r"\b(no|nr)\b\.?", "number", before, flags=re.IGNORECASE)
    return f"{' '.join(before.split())} {reference(found['digits'])}"


def _keys(found: re.Match[str]) -> str:
    """Of a telephone. Only where it is said that they are keys, for else these signs are Markdown's."""
    keys = found["keys"] or found["code"] or found["key"]
    return " ".join({"*": "star", "#": "hash"}.get(key) or digits(key) for key in keys)


def _phone(found: re.Match[str]) -> str:
    """Of seven digits and more, in groups or with a plus or a zero at its beginning; else it stays."""
    groups = re.findall(r"\d+", found["groups"])
    count = sum(map(len, groups))
    is_one_group = len(groups) == 1
    begins_so = bool(found["plus"]) or groups[0].startswith("0")
    if not FEWEST_PHONE_DIGITS <= count <= MOST_PHONE_DIGITS or (is_one_group and not begins_so):
        return found[0]
    if not begins_so and _is_spaced_number(found["groups"], groups):
        return found[0]
    said = grouped_digits(found["groups"])
    return f"plus {said}" if found["plus"] else said


def _is_spaced_number(text: str, groups: list[str]) -> bool:
    """1 000 000, and years: 2024 2025, 2024-2026."""
    if len(groups) == 2 and all(re.fullmatch(r"(?:19|20)\d\d", group) for group in groups):
        return True
    return "-" not in text and len(groups[0]) <= 3 and all(group == "000" for group in groups[1:])


def _code(found: re.Match[str]) -> str:
    """ "AB-1234" is "A.B, one two three four"."""
    if (word := re.fullmatch(rf"([A-Z]{{{LETTERS_SPELLED + 1},}})-(\d\d?)", found[0])) is not None:
        return f"{word[1]} {_short(word[2])}"
    return ", ".join(_code_part(part) for part in found[0].split("-"))


def _code_part(part: str) -> str:
    """Pauses are where they help: "B.A, one one seven", but "B forty-two". After a lone A there has to be one, without
    which it is an article.
    """
    said = ""
    before = ""
    for run in re.findall(r"[A-Z]+|\d+", part):
        if said:
            is_long = len(before) > 1 and len(run) > 1 and len(before + run) > 4
            said += ", " if is_long or before == "A" else " "
        if run.isdecimal():
            said += _short(run)
        else:
            said += letters(run) if len(run) <= LETTERS_SPELLED else run
        before = run
    return said


def _mixed(found: re.Match[str]) -> str:
    """Digits beside letters: "iPhone15" is "iPhone fifteen", "abc123" is "abc one two three"."""
    if (after := found["after"]) is not None:
        return f" {_short(after)}"
    return f"{_short(found['before'])} "


def _short(text: str) -> str:
    return cardinal(int(text)) if len(text) <= 2 and not text.startswith("0") else grouped_digits(text)


KEYS: tuple[Rule, ...] = ((_KEYS, _keys),)
"""Before any sign is left out."""
ADDRESSES: tuple[Rule, ...] = (
    (_EMAIL, _email),
    (_URL, _url),
    (_BARE, _url),
    (_IP_ADDRESS, lambda found: " dot ".join(map(digits, found[0].split(".")))),
)
REFERENCES: tuple[Rule, ...] = (
    (_EXTENSION, _extension),
    (_SHORT_EXTENSION, _short_extension),
    (_PHONE, _phone),
    (_DIALLED, lambda found: f"{found['before']} {digits(found['digits'])}"),
    (_REFERENCE, _reference),
    (_CODE, _code),
)
MIXED: tuple[Rule, ...] = ((_MIXED, _mixed),)
"""The last of all: what has an end such as 1st is none of these."""
