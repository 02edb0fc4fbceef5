"""The base of everything in the results: what stands under a field is its documentation."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """Part of the results. Every field has a docstring: the reference is made of them."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")
