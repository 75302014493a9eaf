"""Connection strings of libpq, read so that no message ever holds a password, or a part of one.

libpq quotes what it cannot read, and a password with a bare ``@`` or ``/`` in a URL makes it take
a part of it for a host, a port or a database, which its messages then name.
"""

from __future__ import annotations

import re

from pytest_planguard.errors import ConfigurationError

HINT = "write it as postgresql://user@host:5432/database or as host=… dbname=…"
_ENCODE = "percent-encode the password: @ as %40, / as %2F, ? as %3F; or keep it in ~/.pgpass"

_NUMBERS = ("port", "connect_timeout")
_URL = re.compile(r"\s*postgres(?:ql)?://([^/?]*)([^?]*)", re.DOTALL)
_IN_URL = re.compile(r"(://[^/@\s]*?:)[^@\s]*@")
_IN_WORDS = re.compile(r"(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


def parameters(text: str, where: str, hint: str = HINT) -> dict[str, str]:
    """What a connection string says, by libpq's names.

    Args:
        text: A URL or ``key=value`` words; empty: nothing.
        where: What the text is, for messages: they quote nothing of it.
        hint: What would do where it can't be read.

    Raises:
        ConfigurationError: libpq cannot read it, or reads a part of a password as something else.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        read = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except psycopg.Error:  # its message quotes
        raise ConfigurationError(
            f"{where} is no connection string that libpq can read", hint=hint
        ) from None
    if fault := _misread(text, read):
        raise ConfigurationError(f"{where} {fault}", hint=_ENCODE)
    return read


def _misread(text: str, read: dict[str, str]) -> str:
    """What shows that a password was cut; empty: nothing does."""
    if url := _URL.match(text):
        authority, path = url.groups()
        if authority.count("@") > 1:
            return 'holds an "@" that is not percent-encoded'
        if "@" in path:
            return 'holds an "@" after its first "/"'
    if any("@" in host[1:] for host in read.get("host", "").split(",")):  # @name: a socket
        return 'names a host with an "@" in it'
    if "://" in read.get("dbname", ""):
        return "names a URL as its database"
    for name in _NUMBERS:
        if not all(re.fullmatch(r"\s*-?\d*\s*", one) for one in read.get(name, "").split(",")):
            return f"has a {name} that is no number"
    return ""


def has_password(text: str | None) -> bool:
    """Whether an option that can be read holds a password, which other users can then see."""
    return bool(text and parameters(text, "it").get("password"))


def without_password(message: str, text: str = "") -> str:
    """A message without any password it may quote.

    Args:
        message: What libpq or a server said.
        text: The connection string it speaks of, whether or not it can be read.

    >>> without_password("no such host in postgresql://me:se%cret@h/db")
    'no such host in postgresql://me:…@h/db'
    >>> without_password("password = 's e' host=h, and p4ss", "password=p4ss")
    'password = … host=h, and …'
    >>> without_password('missing "=" after "ecret"', "password=s ecret")
    'the connection string cannot be read'
    """
    try:
        password = parameters(text, "it").get("password", "")
    except ConfigurationError:
        return "the connection string cannot be read"
    message = _IN_WORDS.sub(r"\1…", _IN_URL.sub(r"\1…@", message))
    return message.replace(password, "…") if password else message
