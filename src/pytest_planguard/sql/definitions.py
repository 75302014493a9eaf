"""Definitions compared by meaning: an index or a constraint under another name is the same one.

What a server prints differs between two databases in names, in what the search path lets it leave
out, and between majors in spelling. The parser's tree without those is what is compared.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec
from pglast import parser
from pglast.parser import ParseError

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder(order="deterministic")

_SAYS_NOTHING = frozenset(
    {
        "location", "arg_location", "list_start", "list_end", "schemaname", "idxname", "inh",
        "conname", "skip_validation", "initially_valid",
    }
)  # fmt: skip
"""Places in the text, names of the thing itself, schemas, and whether old rows were checked."""

_NAMES = frozenset({"names", "funcname"})
"""Of types and functions: only the last part counts, the schema depends on the search path."""

_PREFIX = re.compile(r'(?:[a-z_][\w$]*|"[^"]+")\.')


@functools.lru_cache(maxsize=20_000)
def index_meaning(definition: str) -> str:
    """What an index is, whatever it is called and whichever table it is on.

    >>> a = index_meaning("CREATE INDEX a ON ONLY public.t USING btree (lower(x) DESC)")
    >>> a == index_meaning("CREATE INDEX b ON t_2026 (lower(x) DESC)")
    True
    >>> a == index_meaning("CREATE UNIQUE INDEX a ON public.t USING btree (lower(x) DESC)")
    False
    """
    tree = _tree(definition)
    if tree is None or "IndexStmt" not in tree:
        return _squeezed(re.sub(r"^.* USING ", "", definition))
    stated = tree["IndexStmt"]
    stated.pop("relation", None)
    stated.setdefault("accessMethod", "btree")
    return _printed(stated)


@functools.lru_cache(maxsize=20_000)
def constraint_meaning(definition: str) -> str:
    """What a constraint demands, whatever it is called.

    >>> a = constraint_meaning("FOREIGN KEY (a) REFERENCES public.o(id) NOT VALID")
    >>> a == constraint_meaning("FOREIGN KEY (a) REFERENCES o(id)")
    True
    """
    tree = _tree(f"ALTER TABLE t ADD {definition}")
    return _squeezed(definition) if tree is None else _printed(tree)


def type_meaning(column: str) -> str:
    """A column's type and whether it may be NULL, without the schema of its type.

    >>> type_meaning("shop.status not null"), type_meaning("character varying(20)")
    ('status not null', 'character varying(20)')
    """
    return _squeezed(_PREFIX.sub("", column))


def _tree(text: str) -> dict[str, Any] | None:
    """The one statement of a text; None where this parser knows too little."""
    try:
        statements: list[Any] = _DECODER.decode(parser.parse_sql_json(text)).get("stmts", [])
    except ParseError:
        return None
    tree: dict[str, Any] = statements[0]["stmt"] if len(statements) == 1 else {}
    return tree or None


def _printed(tree: Any) -> str:
    return _ENCODER.encode(_bare(tree)).decode()


def _bare(node: Any) -> Any:
    """The tree without what says nothing of the meaning."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _bare(value[-1:] if key in _NAMES and isinstance(value, list) else value)
        for key, value in node.items()
        if key not in _SAYS_NOTHING
    }


def _squeezed(text: str) -> str:
    return " ".join(text.split())
