"""SARIF 2.1.0 as its schema has it, for what we write; what the schema has besides is refused.

Names, types, enumerations and what must be there are those of sarif-schema-2.1.0.json (OASIS,
errata 01); where an object needs one of several properties, the one we write is required.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Level = Literal["none", "note", "warning", "error"]


class Object(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Every object but a property bag refuses what it does not know."""


class Message(Object):
    text: str


class Text(Object):
    """A multiformatMessageString."""

    text: str
    markdown: str = ""


class ArtifactLocation(Object):
    uri: Annotated[str, Meta(pattern=r"^(?!/|[a-zA-Z][a-zA-Z+.-]*:)[\w./~!$&'()*+,;=@%-]*$")] = ""
    """A relative reference (RFC 3986)."""
    uri_base_id: str = ""
    description: Message | None = None

    def __post_init__(self) -> None:
        assert not re.search(r"%(?![0-9A-F]{2})", self.uri)


class Region(Object):
    start_line: Annotated[int, Meta(ge=1)]


class PhysicalLocation(Object):
    artifact_location: ArtifactLocation
    region: Region | None = None


class LogicalLocation(Object):
    name: str = ""
    fully_qualified_name: str = ""
    kind: str = ""


class Location(Object):
    physical_location: PhysicalLocation
    logical_locations: list[LogicalLocation] = []
    message: Message | None = None


class Suppression(Object):
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"] = "accepted"
    justification: str = ""


class Result(Object):
    message: Message
    rule_id: str
    rule_index: Annotated[int, Meta(ge=-1)] = -1
    level: Level = "warning"
    locations: list[Location] = []
    related_locations: list[Location] = []
    partial_fingerprints: dict[str, str] = {}
    suppressions: list[Suppression] = []
    baseline_state: Literal["new", "unchanged", "updated", "absent"] = "new"
    properties: dict[str, Any] = {}

    def __post_init__(self) -> None:
        for found in (self.related_locations, self.suppressions):
            assert all(one not in found[:n] for n, one in enumerate(found))  # uniqueItems


class Configuration(Object):
    level: Level = "warning"


class Bag(msgspec.Struct):
    """Of properties: anything may be in it."""

    tags: list[str] = []


class Rule(Object):
    """A reportingDescriptor."""

    id: str
    short_description: Text
    full_description: Text
    help: Text
    default_configuration: Configuration
    properties: Bag
    name: str = ""


class Driver(Object):
    name: str
    rules: list[Rule] = []


class Tool(Object):
    driver: Driver


class Notification(Object):
    message: Message
    level: Level = "warning"


class Invocation(Object):
    execution_successful: bool
    tool_execution_notifications: list[Notification] = []
    properties: dict[str, Any] = {}


class Run(Object):
    tool: Tool
    column_kind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    original_uri_base_ids: dict[str, ArtifactLocation]
    invocations: list[Invocation]
    results: list[Result]
    properties: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """What the standard says in words: indices and bases that are referred to are there."""
        rules = self.tool.driver.rules
        for one in self.results:
            assert one.rule_index < len(rules)
            assert one.rule_index < 0 or rules[one.rule_index].id == one.rule_id
            for place in (*one.locations, *one.related_locations):
                artifact = place.physical_location.artifact_location
                assert artifact.uri_base_id in self.original_uri_base_ids
        assert len({one.id for one in rules}) == len(rules)


class Log(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal["2.1.0"]
    runs: list[Run]
    schema: str = msgspec.field(name="$schema", default="")
