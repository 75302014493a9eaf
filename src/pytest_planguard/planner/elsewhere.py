"""Plans made here, made once more on another server, for what it says of the same statements.

Nothing is executed there: each statement is prepared and explained in a read-only transaction that
is rolled back, one at a time, and whatever takes long is given up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import ServerError
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Plan, PlanNode
from pytest_planguard.model.query import Query
from pytest_planguard.planner import requests
from pytest_planguard.planner.catalog import named_queries
from pytest_planguard.planner.explain import CUSTOM, GENERIC, decoded
from pytest_planguard.planner.wire import Refused, Wire, literal
from pytest_planguard.sql.reads import access_paths, shape

KEPT = 500
"""Prepared statements left on the server before they are dropped: about 30 kB each."""

LOCK_TIMEOUT_MS = 1_000
"""Planning takes a reader's lock; it must not queue behind somebody's ALTER TABLE, since all that
comes later would queue behind us."""

GUARDS = {
    "default_transaction_read_only": "on",
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": "60000",
    "client_encoding": "UTF8",
}
"""What our sessions on a real server start with."""


class Size(msgspec.Struct, frozen=True):
    """A relation as the planner there sees it."""

    rows: float
    """``reltuples`` scaled to the real size, as the planner does; -1: never analysed."""
    pages: int
    """Of 8 KiB, of the file."""
    row_security: bool = False
    """Policies apply to the role that plans."""
    analyzed: str = ""
    """When it was last analysed, ISO 8601; empty: never, or on the primary only."""
    visible: float = 0.0
    """Share of its pages that index-only scans need not look at."""


class Elsewhere:
    """Plans on a server that is not ours.

    Args:
        wire: A connection to it, used by nobody else.
        catalog: Of the database there, its indexes by the names they have here.
        names: Indexes that are called otherwise there: schema-qualified name → name here.
    """

    def __init__(self, wire: Wire, catalog: Catalog, names: Mapping[str, str]) -> None:
        self._wire = wire
        self._catalog = catalog
        self._renamed = names
        self._oids: dict[str, int] = {}
        self._prepared = 0

    def plan(
        self, query: Query, plan: Plan, settings: Mapping[str, str] | None = None
    ) -> Plan | Refused:
        """The plan there of the statement, types and values a plan was made with here.

        Args:
            query: As it is sent there: with the server's own clock.
            plan: The one made here.
            settings: Planner settings to try it with; the session's own go before them.

        Raises:
            ServerError: The server was lost.
        """
        request = requests.again(0, query, plan)
        mode = GENERIC if plan.values is None else CUSTOM
        request = msgspec.structs.replace(
            request, settings={**(settings or {}), **request.settings, "plan_cache_mode": mode}
        )
        self._learn_types(request.types)
        self._prepared += 1
        sent = requests.steps(request, f"planguard_{self._prepared}", self._oids)
        ((*answers,),) = self._wire.send([sent.unit]).land()
        if self._prepared % KEPT == 0:
            self._wire.idle()
            self._wire.execute("DEALLOCATE ALL")
        refusal = next((one for one in answers if isinstance(one, Refused)), None)
        found = decoded(answers[sent.plans[0]])
        if refusal is not None or found is None:
            return refusal or Refused("no plan was given", "")
        root = self._as_called_here(found.plan)
        return msgspec.structs.replace(
            plan,
            root=root,
            access=access_paths(root, self._catalog),
            shape=shape(root, self._catalog),
            settings=found.settings,
            probes=(),
        )

    def size(self, relation: str) -> Size | None:
        """A table's or an index's size there; None where it can't be had."""
        schema, _, name = relation.partition(".")
        text = named_queries("elsewhere.sql")["size"]
        text = text.replace("{schema}", literal(schema)).replace("{name}", literal(name))
        self._wire.idle()
        try:
            rows = self._wire.execute(text)
        except ServerError:  # locked for longer than we wait
            return None
        if not rows or rows[0][2] is None:
            return None
        tuples, pages, real = (float(value or 0) for value in rows[0][:3])
        scaled = tuples * real / pages if tuples > 0 and pages > 0 and real > 0 else tuples
        seen = min(1.0, float(rows[0][5] or 0) / real) if real else 0.0
        return Size(scaled, int(real), rows[0][3] == "true", rows[0][4] or "", seen)

    def called_there(self, index: str) -> str:
        """The schema-qualified name an index of here has there."""
        schema, _, name = index.partition(".")
        return next(
            (
                old
                for old, new in self._renamed.items()
                if (schema, new) == (old.partition(".")[0], name)
            ),
            index,
        )

    def _learn_types(self, names: tuple[str | None, ...]) -> None:
        """OIDs of types that are not built in; one that is not there stays untyped."""
        unknown = {name for name in names if name is not None and not name.isdigit()}
        for name in sorted(unknown - self._oids.keys()):
            self._wire.idle()
            rows = self._wire.execute(f"SELECT to_regtype({literal(name)})::oid::text")
            self._oids[name] = int(rows[0][0] or 0)

    def _as_called_here(self, node: PlanNode) -> PlanNode:
        """The plan with the names indexes have here."""
        name = self._renamed.get(f"{node.schema}.{node.index}", node.index)
        if node.index is not None and node.schema is None:  # a bitmap's index has no schema
            name = self._bare_names().get(node.index, node.index)
        children = tuple(self._as_called_here(child) for child in node.children)
        return msgspec.structs.replace(node, index=name, children=children)

    def _bare_names(self) -> dict[str, str]:
        return {old.partition(".")[2]: new for old, new in self._renamed.items()}


def wire_to(conninfo: str, timeout: float, settings: Mapping[str, str]) -> Wire:
    """A guarded connection to a real server.

    Args:
        conninfo: A libpq connection string; it is in no message.
        timeout: Seconds any one statement may take.
        settings: Session settings, such as the time zone values are read in.

    Raises:
        ServerError: It can't be reached.
    """
    limits = {"statement_timeout": str(max(1, round(timeout * 1000)))}
    try:
        return Wire(conninfo, {**GUARDS, **settings, **limits})
    except ServerError as error:
        said = re.sub(r"^the fixture database can't be reached: ", "", error.message)
        raise ServerError(
            f"the database to verify on can't be reached: {without_password(said, conninfo)}",
            hint="check --url, PLANGUARD_VERIFY_URL or the libpq service it names",
        ) from None


def settings_of(wire: Wire, of: str = "settings") -> dict[str, str]:
    """A session's settings by name: ``settings`` of the planner, or ``reading`` of literals."""
    wire.idle()
    rows = wire.execute(named_queries("elsewhere.sql")[of])
    return {str(name): value or "" for name, value in rows}
