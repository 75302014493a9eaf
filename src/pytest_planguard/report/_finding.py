"""What tools that keep findings from run to run need: a place in a file, an identity, few words."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from pytest_planguard.model.finding import Finding
from pytest_planguard.model.report import Change, QueryReport
from pytest_planguard.model.statement import Origin
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

CONFIGURATION = "pyproject.toml"
"""Where a finding is shown that no line of the project and no test led to."""

INCOMPLETE = "0" * 32
"""What stands for a run that broke off, where only findings have a place."""

_LONGEST = 2_000
"""Characters of a line: a rewrite may quote a list of thousands."""

_NUMBER = re.compile(r"\d[\d.,]*")


class Location(msgspec.Struct, frozen=True):
    """A line of a file of the project."""

    file: str
    """Relative to pytest's root or the top of the repository, forward slashes."""
    line: int
    """From 1."""
    function: str = ""


def location(finding: Finding, folder: str = "") -> Location:
    """Where to show a finding: its first line of code, else its test, else the configuration.

    Consumers refuse a finding without a file: what a library asked is shown at the first test that
    made it ask, what is said of the run at the configuration.

    Args:
        finding: Of the report.
        folder: The report's: paths begin at the top of the repository.
    """
    found = locations(finding, folder)
    if found:
        return found[0]
    file = finding.tests[0].partition("::")[0] if finding.tests else ""
    return Location(path(file or CONFIGURATION, folder), 1)


def locations(finding: Finding, folder: str = "") -> list[Location]:
    """The lines of the project's code that asked, in the order of the finding."""
    lines = (_location(one, folder) for one in finding.origins if words.has_line(one))
    return list(dict.fromkeys(lines))


def _location(origin: Origin, folder: str) -> Location:
    return Location(path(origin.file, folder), max(origin.line, 1), origin.function)


def path(file: str, folder: str) -> str:
    """A file as its repository knows it.

    >>> path("app/orders.py", "services/shop"), path("../shared/db.py", "services/shop")
    ('services/shop/app/orders.py', 'services/shared/db.py')
    """
    return posixpath.normpath(posixpath.join(folder, file)) if folder else file


def fingerprints(findings: Iterable[Finding], folder: str = "") -> list[str]:
    """The identity of each: 32 hexadecimal digits of its rule, database, query and relation.

    No line, size or cost is in it, so that it stays while code moves and tables grow. A rule may
    say several things of one run: those differ by their words without numbers, then by their
    order. Services of one repository may send the same query: their folders differ.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    result = []
    for one in findings:
        said = "" if one.key else _NUMBER.sub("", one.message)
        place = (folder,) if folder else ()
        identity = (one.rule, one.database, one.key, one.relation or "", said, *place)
        seen[identity] += 1
        text = "\0".join([*identity, str(seen[identity])])
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        result.append(digest.hexdigest()[:32])
    return result


def title(finding: Finding) -> str:
    """``IDX001 missing-index``."""
    return words.clean(f"{finding.rule} {finding.name}")


def sentence(finding: Finding) -> str:
    """``reads 800,000 rows (177.1 MB) of public.audit_log (200.0M rows) to keep 20, cost 97,200``.

    A table that the message does not name comes first.
    """
    relation, message = finding.relation, finding.message
    rows = f"{numbers.rows(finding.rows)} rows"
    if relation is None:
        return message
    sized = f"{relation} ({rows})" if finding.rows and rows not in message else relation
    named = re.compile(rf"(?<![\w.]){re.escape(relation)}(?![\w.])")
    if named.search(message):
        return named.sub(lambda _: sized, message, count=1)
    return f"{sized}: {message}"


def told(finding: Finding, query: QueryReport | None) -> list[str]:
    """All that is said of it, line by line: the sentence, what changed and why, what to do.

    Args:
        finding: Of the report.
        query: The one it is of; None: it is of the run.
    """
    change = query.change if query is not None and finding.rule == "PLN003" else None
    lines = [sentence(finding), *(_changed(change) if change else []), *_remedy(finding)]
    return [words.inert(words.clean(words.shortened(line, _LONGEST))) for line in lines]


def _changed(change: Change) -> list[str]:
    """``public.orders: index → seq``, then the causes."""
    steps = [f"{one.relation}: {one.before} → {one.after}" for one in change.relations]
    causes = [f"because {cause}" for cause in change.causes] or ["of an unknown cause"]
    return steps + causes


def _remedy(finding: Finding) -> list[str]:
    """Words, then the statements that were proven to help."""
    lines = [line for line in finding.remedy.splitlines() if line.strip()]
    advice = finding.advice
    if advice is None:
        return lines
    before, after = numbers.cost(advice.cost_before), numbers.cost(advice.cost_after)
    ddl = [one for one in advice.ddl if one not in finding.remedy]
    told = f"{before} to {after}" in finding.message
    gain = [] if told else [f"cost {before} → {after}"]
    return [*lines, *ddl, *gain, *words.advice_facts(finding)]
