"""How a database is reached, so that its schema can be read while it lives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pytest_planguard.model.capture import label_of

APPLICATION_NAME = "pytest-planguard"
"""Connections with this name (or one that starts with it) are ours and never captured."""

_HERE = frozenset(("", "localhost", "127.0.0.1", "::1"))
_PORT = "5432"


@dataclasses.dataclass(frozen=True)
class ConnectionParameters:
    """libpq parameters of a connection the application made; kept in memory only."""

    values: Mapping[str, str] = dataclasses.field(repr=False)
    driver: str = ""
    """Through which it was made, and can be made again."""
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    """What that driver alone can be told: an SSL context."""

    @property
    def name(self) -> str:
        """The database's name, as its server has it."""
        return self.values.get("dbname", "")

    @property
    def database(self) -> str:
        """What the database is called in a capture: two servers may have one of the same name."""
        return label_of(self.name, self.server)

    @property
    def server(self) -> str:
        """Host or folder of the socket, and port; empty: the one libpq takes by itself."""
        host, port = (self.values.get(name, "") for name in ("host", "port"))
        if not host and not port:
            return ""
        return f"{'localhost' if host in _HERE else host}:{port or _PORT}"

    def of(self, name: str) -> str:
        """What another database of the same server is called."""
        return label_of(name, self.server)

    @property
    def url(self) -> str:
        """A libpq URL without the password."""
        return libpq_url(self.values)


def libpq_url(values: Mapping[str, str]) -> str:
    """A libpq URL of connection parameters, without password and options.

    >>> libpq_url({"user": "postgres", "host": "/run/a b", "port": "5432", "dbname": "shop"})
    'postgresql://postgres@/shop?host=%2Frun%2Fa%20b&port=5432'
    >>> libpq_url({"host": "::1", "dbname": "shop", "password": "secret"})
    'postgresql://[::1]/shop'
    """
    user = quote(values.get("user", ""), safe="")
    host, port = values.get("host", ""), values.get("port", "")
    name = quote(values.get("dbname", ""), safe="")
    authority = f"{user}@" if user else ""
    if host.startswith(("/", "@")):
        query = f"host={quote(host, safe='')}" + (f"&port={port}" if port else "")
        return f"postgresql://{authority}/{name}?{query}"
    authority += f"[{host}]" if ":" in host else host
    return f"postgresql://{authority}{f':{port}' if port else ''}/{name}"
