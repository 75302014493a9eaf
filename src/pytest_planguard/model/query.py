"""Queries: statements that mean the same, under one key that is stable between machines."""

from __future__ import annotations

import msgspec

from pytest_planguard.model.silence import Silence
from pytest_planguard.model.statement import Layer, Place, Sample, Session


class Variant(msgspec.Struct, frozen=True):
    """One way a query was really sent; it is planned exactly so."""

    text: str
    parameter_types: tuple[str | None, ...]
    """The OID's digits where the type is built in, else its qualified name; None: untyped."""
    session: Session
    samples: tuple[Sample, ...] = ()
    plannable: str = ""
    """The text to plan: ``text``, or the query inside a DECLARE or COPY, at the fixture's clock."""
    literal: tuple[int, ...] = ()
    """Numbers of the parameters that LIMIT or OFFSET use: always planned with a value."""
    spans: tuple[tuple[int, int, int], ...] = ()
    """(start, end, number) of every parameter in ``plannable``."""
    redacted: tuple[int, ...] = ()
    """Numbers of the parameters whose values are stand-ins of the capture's."""
    as_sent: str = ""
    """Where values the client wrote into the text became parameters: ``plannable`` with them
    still in it, planned where the server refuses the other."""


class Query(msgspec.Struct, frozen=True):
    """Statements with one key."""

    key: str
    """Twelve hexadecimal digits, from the normalised SQL and the families of its types."""
    database: str
    """The name it has in the report: ``default`` unless several are configured."""
    sql: str
    """Normalised: one line, no comments, constants as ``$n``."""
    parameter_types: tuple[str, ...]
    """Families of the parameters' types: ``integer``, ``text``, ``numeric`` …"""
    variants: tuple[Variant, ...]
    places: tuple[Place, ...]
    stream: bool = False
    """Every execution was read as a stream."""
    why_not_explainable: str = ""
    """The reason it is not sent to the planner; empty where it is."""
    longest_list: int = 0
    """Items of the longest list any of its texts wrote out."""
    silences: tuple[Silence, ...] = ()
    """What a comment of every text of it says about rules; one that is malformed in any."""

    @property
    def executions(self) -> int:
        """How often it was sent."""
        return sum(place.executions for place in self.places)

    @property
    def layer(self) -> Layer:
        """The first of ``Layer`` that one of its places has."""
        layers = {place.origin.layer for place in self.places}
        return next((layer for layer in Layer if layer in layers), Layer.TEST)
