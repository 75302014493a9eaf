"""Requests against GitHub's published OpenAPI description, as far as comments need it.

``fixtures/github/openapi.json`` holds the operations used, with their parameters and bodies, from
the npm package @octokit/openapi (the file says which version): paths, names and types, no prose.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "fixtures/github/openapi.json"
_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


@functools.cache
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    paths = json.loads(FILE.read_text(encoding="utf-8"))["paths"]
    return [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


def objections(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> list[str]:
    """What the description does not allow in a request."""
    for verb, pattern, operation in _operations():
        if verb == method and pattern.fullmatch(path):
            return [*_query(operation["parameters"], query), *_body(operation["body"], body)]
    return [f"{method} {path} is no operation"]


def _query(known: dict[str, Any], query: dict[str, str]) -> list[str]:
    problems = [f"unknown parameter {name}" for name in query.keys() - known.keys()]
    for name in query.keys() & known.keys():
        schema, value = known[name], query[name]
        if schema.get("type") == "integer" and not value.isdecimal():
            problems.append(f"{name}={value} is no integer")
        if "enum" in schema and value not in schema["enum"]:
            problems.append(f"{name}={value} is none of {schema['enum']}")
    return problems


def _body(schema: dict[str, Any] | None, body: dict[str, Any]) -> list[str]:
    if schema is None:
        return ["a body where none is taken"] if body else []
    known = schema["properties"]
    return [
        *(f"{name} is missing" for name in schema.get("required", ()) if name not in body),
        *(f"unknown field {name}" for name in body.keys() - known.keys()),
        *(
            f"{name} is no {known[name]['type']}"
            for name in body.keys() & known.keys()
            if not isinstance(body[name], _TYPES[known[name]["type"]])
        ),
    ]
