"""Hostile services: honest up to a place in a conversation, and then everything that a service must not do.

attack        an attack, its kind, and the text by which a forgery is known
wire          bytes on the wire: frames of all sorts, pauses, resets
vocabulary    the messages of each service, with the places where something hostile can stand
places        the places in a conversation, and the honest way to each
deep, long, many, wrong_type, wrong_order, wrong_time, foreign_id, tools    what comes there, a file for each kind
http_replies  the same for the answers to HTTP requests
cases         place x kind x service, by name; and the choice of a few
service       a mock that plays them
process       the mocks of all services in a process of their own
"""

from aiconvai.mock.hostile.attack import FORGED, Kind
from aiconvai.mock.hostile.cases import Case, UnknownCaseError, all_cases, case_named, cases_matching, chosen
from aiconvai.mock.hostile.places import Place
from aiconvai.mock.hostile.process import HostileProcess
from aiconvai.mock.hostile.service import HostileServer, Outcome, hostile_mock

__all__ = [
    "FORGED",
    "Case",
    "HostileProcess",
    "HostileServer",
    "Kind",
    "Outcome",
    "Place",
    "UnknownCaseError",
    "all_cases",
    "case_named",
    "cases_matching",
    "chosen",
    "hostile_mock",
]
