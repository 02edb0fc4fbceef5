"""A small model of a call, with which the engine and the module are compared.

call.py      states, events and what comes of them
explore.py   every state and event, and what the model must hold itself
tour.py      the shortest walks that take every transition
"""

from call_model.call import EVENTS, TIME, Agent, Call, Leaving, Model, Options, Service, Stage, Step, Tool
from call_model.explore import Graph, explore, problems
from call_model.tour import tour

__all__ = [
    "EVENTS",
    "TIME",
    "Agent",
    "Call",
    "Graph",
    "Leaving",
    "Model",
    "Options",
    "Service",
    "Stage",
    "Step",
    "Tool",
    "explore",
    "problems",
    "tour",
]
