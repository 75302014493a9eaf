"""QRY003: a pattern begins with a wildcard, so that no sorted index can be entered."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context, Read
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.obstacles import Obstacle, ObstacleKind, first_obstacle
from pytest_planguard.sql.patterns import Search, search_of
from pytest_planguard.sql.printed import without_alias

FACTS = RuleFacts(
    code="QRY003",
    name="leading-wildcard",
    severity=Severity.ERROR,
    condition=(
        "The filter of a slow scan looks for a pattern that does not begin with fixed text: "
        "LIKE '%x', ILIKE, or a regular expression that is not anchored."
    ),
    effect="A btree is sorted by how values begin: every row is read and compared.",
    remedy=(
        "A trigram index where a word may stand anywhere (extension pg_trgm, from three letters "
        "on); an index on reverse(…) for endings, on lower(…) for beginnings in any case; full "
        "text search for words of a language."
    ),
    source=(
        "PostgreSQL manual, 11.2.1 B-Tree (patterns anchored at the beginning), F.35 pg_trgm "
        "(Index Support)."
    ),
    explains=True,
)

_TRIGRAMS = "gin_trgm_ops"


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the first such condition."""
    seen: set[str] = set()
    for read in context.worst_reads:
        found = first_obstacle(ObstacleKind.WILDCARD, read, context.catalog)
        if found is not None and read.relation not in seen:
            seen.add(read.relation)
            yield _candidate(read, found, context)


def _candidate(read: Read, obstacle: Obstacle, context: Context) -> Candidate:
    operand = obstacle.condition.subject
    is_column = operand is not None and operand.column is not None
    expression = quoted(obstacle.columns[0]) if is_column else obstacle.expression
    subject = without_alias(expression, read.alias)
    return context.candidate(
        FACTS,
        read,
        Severity.WARNING,
        message=(
            f"the pattern {subject} of {read.relation} is compared with does not begin with "
            "fixed text, so every row is read"
        ),
        remedy=_remedy(search_of(obstacle.condition), subject, read.relation, context),
    )


def _remedy(search: Search, subject: str, relation: str, context: Context) -> str:
    """What fits the kind of pattern, with the user's own expression."""
    advice = context.advice.get(relation)
    if advice is not None and any(_TRIGRAMS in one for one in advice.ddl):
        return "\n".join(advice.ddl)
    if search is Search.ENDING:
        return (
            f"for endings an index on (reverse({subject}) text_pattern_ops), asked with "
            f"reverse({subject}) LIKE reverse(<ending>) || '%'"
        )
    if search is Search.BEGINNING_ANY_CASE:
        return (
            f"for beginnings in any case an index on (lower({subject}) text_pattern_ops), asked "
            f"with lower({subject}) LIKE lower(<beginning>) || '%'"
        )
    return (
        f"a trigram index serves it from three letters on, and changes no answer: USING gin "
        f"({subject} {_TRIGRAMS}), extension pg_trgm; it is proven here once the schema has the "
        "extension. For words of a language, full text search (to_tsvector, @@)"
    )
