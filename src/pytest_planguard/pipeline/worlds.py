"""How far a baseline's world can be compared with today's, in words."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_planguard.model.baseline import Baseline, World
from pytest_planguard.model.statistics import ScaleSource

_SIZES = {
    ScaleSource.PRODUCTION: "production's statistics",
    ScaleSource.AS_IS: "a database's own contents",
    ScaleSource.DECLARED: "declared sizes",
    ScaleSource.GENERATED: "generated rows",
    ScaleSource.ASSUMED: "assumed sizes",
}


def comparable(baseline: Baseline, database: str, now: World) -> tuple[Baseline, tuple[str, ...]]:
    """The baseline with a header that can be believed or with none, and what is to be said of it.

    Args:
        baseline: As read.
        database: The one that is judged.
        now: Its world today.
    """
    before = baseline.worlds.get(database)
    why = baseline.damaged.get(database, "")
    if before is not None and (lost := _lost_tables(baseline, database, before, now)):
        named = f"{', '.join(lost[:3])}{' and others' * (len(lost) > 3)}"
        why = f"it lacks {named}, which its entries read"
    if why:
        worlds = {name: one for name, one in baseline.worlds.items() if name != database}
        note = (
            f"the baseline's header is not used, so that most causes are unknown: {why}; restore "
            "it from git, or write it anew with a whole run and --planguard-update"
        )
        return msgspec.structs.replace(baseline, worlds=worlds), (note,)
    return baseline, tuple(_unlike(before, now)) if before is not None else ()


def _lost_tables(baseline: Baseline, database: str, before: World, now: World) -> list[str]:
    """Tables that are there, that entries read, and that the header has no file of."""
    read = {
        relation
        for (name, _), entry in baseline.entries.items()
        if name == database
        for plan in entry.plans
        for relation in plan.relations.values()
    }
    return sorted((read & now.tables.keys()) - before.tables.keys())


def _unlike(before: World, now: World) -> Iterator[str]:
    if before.server_major != now.server_major:
        yield (
            f"the baseline was made on PostgreSQL {before.server_major}, this is "
            f"{now.server_major}: ways of reading, joins and sorts are compared, costs are not"
        )
    if before.collation != now.collation:
        yield (
            f"the baseline was made under the collation {before.collation}, this is "
            f"{now.collation}: indexes on text may serve other conditions"
        )
    was, is_now = _sizes(before), _sizes(now)
    if was != is_now:
        yield (
            f"the baseline was made with {was}, this run has {is_now}: "
            "what is worse by that alone never fails"
        )


def _sizes(world: World) -> str:
    known = {source.value: words for source, words in _SIZES.items()}
    return known.get(world.scale_source, world.scale_source)
