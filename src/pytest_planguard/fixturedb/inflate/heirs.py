"""Gives the tables that inherit from one the order they have at the source.

The planner reads them by ascending OID (find_inheritance_children of pg_inherits.c), and numbers
their aliases so; a dump makes them in alphabetical order. Their OIDs are exchanged as those of
indexes are (see ``order``), but where a stored query names one of them: that holds it as text.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_planguard.fixturedb.inflate.order import exchange
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

_THIS = "SELECT d.oid FROM pg_database d WHERE d.datname = current_database()"
_A_TABLE = "= 'pg_class'::regclass"
_KNOWN_BY = (
    ("pg_class", "oid", ""),
    ("pg_type", "typrelid", ""),
    ("pg_attribute", "attrelid", ""),
    ("pg_attrdef", "adrelid", ""),
    ("pg_index", "indrelid", ""),
    ("pg_constraint", "conrelid", ""),
    ("pg_constraint", "confrelid", ""),
    ("pg_trigger", "tgrelid", ""),
    ("pg_trigger", "tgconstrrelid", ""),
    ("pg_inherits", "inhrelid", ""),
    ("pg_inherits", "inhparent", ""),
    ("pg_foreign_table", "ftrelid", ""),
    ("pg_policy", "polrelid", ""),
    ("pg_rewrite", "ev_class", ""),
    ("pg_publication_rel", "prrelid", ""),
    ("pg_statistic", "starelid", ""),
    ("pg_statistic_ext", "stxrelid", ""),
    ("pg_depend", "objid", f"t.classid {_A_TABLE}"),
    ("pg_depend", "refobjid", f"t.refclassid {_A_TABLE}"),
    ("pg_description", "objoid", f"t.classoid {_A_TABLE}"),
    ("pg_seclabel", "objoid", f"t.classoid {_A_TABLE}"),
    ("pg_init_privs", "objoid", f"t.classoid {_A_TABLE}"),
    ("pg_shdepend", "objid", f"t.classid {_A_TABLE} AND t.dbid = ({_THIS})"),
)
"""Where the catalogs of PostgreSQL 13 to 18 name a table by its OID (chapter System Catalogs, and
``pg_get_catalog_foreign_keys()``)."""


class _Heir(NamedTuple):
    name: str
    oid: int
    is_named: bool
    """A stored query names it."""


def order_heirs(connection: psycopg.Connection[Any], statistics: Statistics) -> list[str]:
    """Exchanges OIDs where the order is not the source's; a sentence where that can't be done.

    Args:
        connection: As superuser, to a template without rows that nobody else is connected to.
        statistics: With ``order`` where it is known.
    """
    heirs: dict[str, list[_Heir]] = defaultdict(list)
    for parent, *facts in connection.execute(named_queries(__package__, "order.sql")["heirs"]):
        heirs[parent].append(_Heir(*facts))
    moves: dict[int, int] = {}
    lacking: list[str] = []
    for parent, found in heirs.items():
        wanted = _moves(found, statistics)
        if wanted and any(one.is_named for one in found):
            lacking.append(
                f"the tables that inherit from {parent} are read in another order than at the"
                " source: a view, function or policy names one of them"
            )
        else:
            moves |= wanted
    if moves:
        with connection.transaction():
            exchange(connection, moves, _KNOWN_BY)
    return lacking


def _moves(heirs: list[_Heir], statistics: Statistics) -> dict[int, int]:
    """New OIDs by old ones; pure. Tables the source does not have come last."""
    orders = {one.name: statistics.tables[one.name].order
              for one in heirs if one.name in statistics.tables}  # fmt: skip
    if not any(orders.values()):
        return {}
    ordered = sorted(heirs, key=lambda one: (orders.get(one.name) or len(heirs), one.oid))
    oids = sorted(one.oid for one in heirs)
    return {one.oid: new for one, new in zip(ordered, oids, strict=True) if one.oid != new}
