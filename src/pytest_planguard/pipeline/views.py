"""Findings on tables that a query reads through a view name the view too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.query import Query
from pytest_planguard.sql.named import named_relations


def through_views(
    candidates: Sequence[Candidate], query: Query, catalog: Catalog
) -> Iterator[Candidate]:
    """The candidates, those on a table the query does not name itself with the views it does."""
    if not catalog.views or not candidates:
        yield from candidates
        return
    named = named_relations(query.variants[0].plannable) if query.variants else ()
    for candidate in candidates:
        views = _views(candidate.relation or "", named, catalog)
        if not views:
            yield candidate
            continue
        noun = "view" if len(views) == 1 else "views"
        through = f"{candidate.message}; read through {noun} {', '.join(views)}"
        yield msgspec.structs.replace(candidate, message=through)


def _views(relation: str, named: Iterable[tuple[str, str]], catalog: Catalog) -> list[str]:
    """Views the query names that read the relation; none where it names the relation too."""
    names = list(named)
    if not relation or any(_means(one, relation) for one in names):
        return []
    return [
        view
        for view, tables in catalog.views.items()
        if any(_means(one, view) for one in names)
        and relation in {catalog.root_of(table) for table in tables}
    ]


def _means(named: tuple[str, str], relation: str) -> bool:
    """Whether a name in a statement may stand for a relation, whatever the search_path."""
    schema, name = named
    return relation.endswith(f".{name}") and (not schema or relation == f"{schema}.{name}")
