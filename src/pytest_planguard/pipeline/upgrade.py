"""The same queries, statistics and settings on two server majors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

import msgspec

from pytest_planguard.baseline.entries import entry_from, world_from
from pytest_planguard.config import Config
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.report import ChangeKind, QueryReport, Report, Status
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.pipeline.run import judged

_MAJOR = re.compile(r"\d{1,3}$")
_URL = re.compile(r"postgres(ql)?://|.*=")
_IMAGE = re.compile(r"[^/]*(/[^/]+)*[^/]+[:@][^/]+$")
_TAG = re.compile(r"(?P<name>(?:.*/)?postgres):\d[\w.-]*$")
"""The stock image with a version; of others nobody knows how their tags go on."""


class Upgrade(msgspec.Struct, frozen=True):
    """What an upgrade does to the plans."""

    report: Report
    """Of the new server, judged against the old one's plans. Costs are told by their order of
    magnitude: between majors no more is to be made of them."""
    before: dict[str, str]
    """By database: the old server's version."""


def upgrade(
    config: Config,
    capture: Capture,
    to: str,
    start: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Upgrade:
    """Plans the captured queries on two servers and compares them.

    Args:
        config: The configuration; both servers get its statistics, sizes and settings.
        capture: What the tests sent.
        to: The new server: a major, an image or a URL.
        start: The old one, likewise; empty: as configured.
        progress: Told in a few words what is being done.

    Raises:
        ConfigurationError: One is no such thing, a database is used with its own contents, or
            both are of one major.
        PlanguardError: A server can't be had.
    """
    old, new = _on(config, start) if start else config, _on(config, to)
    before = judged(old, capture, None, _with_prefix(progress, "before: "))
    _refuse_same(before, to)
    after = judged(new, capture, _as_baseline(before), _with_prefix(progress, "after: "))
    same = sorted(
        name
        for name, one in after.databases.items()
        if name in before.databases and one.server.major == before.databases[name].server.major
    )
    if same:
        major = after.databases[same[0]].server.major
        raise ConfigurationError(
            f"both servers are PostgreSQL {major}", hint="say with --from which one it is now"
        )
    versions = {name: one.server.version_text for name, one in before.databases.items()}
    return Upgrade(_of_queries(_in_magnitudes(after, before)), versions)


def _with_prefix(progress: Callable[[str], None], word: str) -> Callable[[str], None]:
    return lambda text: progress(word + text)


def _on(config: Config, target: str) -> Config:
    """The configuration with another server."""
    databases = {name: moved_to(spec, target) for name, spec in config.databases.items()}
    return msgspec.structs.replace(config, databases=databases)


def moved_to(spec: DatabaseSpec, target: str) -> DatabaseSpec:
    """A database's specification on another server; its sizes and settings stay.

    Raises:
        ConfigurationError: The target is nothing known, or the database has its own contents.
    """
    if spec.as_is:
        raise ConfigurationError(
            f"database {spec.name} is used with its own contents, which no other server has",
            hint="configure it with statistics or declared sizes to plan it on two servers",
        )
    bare = msgspec.structs.replace(
        spec, version=None, image="", url="", server_only=False, bindir=None, source_major=None
    )
    if _MAJOR.match(target):
        if spec.provider == "container" and spec.image:
            image = _next_image(spec.image, target)
            return msgspec.structs.replace(bare, provider="container", image=image)
        return msgspec.structs.replace(bare, provider="embedded", version=int(target))
    if _URL.match(target):
        return msgspec.structs.replace(bare, provider="url", url=target, server_only=True)
    if _IMAGE.match(target) and not target.endswith(":latest"):
        return msgspec.structs.replace(bare, provider="container", image=target)
    raise ConfigurationError(
        f'found "{target}", wanted a major, an image or a URL',
        hint="such as 18, postgres:18.4 or postgresql://user@host:5432/postgres",
    )


def _next_image(image: str, major: str) -> str:
    found = _TAG.match(image)
    if found is None:
        raise ConfigurationError(
            f'nobody knows which image is "{image}" of major {major}',
            hint=f"name it: --to {image.rpartition(':')[0] or image}:TAG",
        )
    return f"{found['name']}:{major}"


def _refuse_same(before: Report, to: str) -> None:
    """Before the second half of the work, where that is plain."""
    majors = {one.server.major for one in before.databases.values()}
    if _MAJOR.match(to) and int(to) in majors:
        raise ConfigurationError(
            f"plans are made by PostgreSQL {to} already",
            hint="say with --from which major is to be left",
        )


def _as_baseline(report: Report) -> Baseline:
    """What was found on the old server is accepted: only what the new one adds is new."""
    entries = {
        (one.query.database, one.query.key): entry_from(one.query, one.outcome, report.findings)
        for one in report.queries
        if isinstance(one.outcome, Planned)
    }
    worlds = {name: world_from(one) for name, one in report.databases.items()}
    return Baseline(entries, worlds)


def _in_magnitudes(after: Report, before: Report) -> Report:
    """The report with the costs of what changed, as powers of ten."""
    old = {(one.query.database, one.query.key): one.outcome for one in before.queries}
    queries = (
        _with_costs(one, old.get((one.query.database, one.query.key))) for one in after.queries
    )
    return msgspec.structs.replace(after, queries=tuple(queries))


def _with_costs(one: QueryReport, before: object) -> QueryReport:
    change = one.change
    if change is None or not isinstance(before, Planned) or not isinstance(one.outcome, Planned):
        return one
    change = msgspec.structs.replace(
        change,
        cost_before=_magnitude(_with_shape(before.plans, change.shape_before)),
        cost_after=_magnitude(_with_shape(one.outcome.plans, change.shape_after)),
    )
    return msgspec.structs.replace(one, change=change)


def _with_shape(plans: Iterable[Plan], shape: tuple[str, ...]) -> Plan | None:
    return next((plan for plan in plans if plan.shape == shape), None)


def _magnitude(plan: Plan | None) -> float | None:
    if plan is None:
        return None
    return float(10 ** round(math.log10(plan.cost))) if plan.cost > 0 else 0.0


def _of_queries(report: Report) -> Report:
    """Without what is said of a run as a whole: it is no matter of the server's major."""
    findings = tuple(one for one in report.findings if one.key)
    shown = [one for one in findings if one.is_new and one.suppressed is None]
    status = report.verdict.status
    if status is Status.FAILED and not any(one.fails for one in findings):
        status = Status.INCOMPLETE if report.incomplete_reason else Status.PASSED
    verdict = msgspec.structs.replace(
        report.verdict,
        status=status,
        errors=_count(shown, Severity.ERROR),
        warnings=_count(shown, Severity.WARNING),
    )
    return msgspec.structs.replace(report, findings=findings, verdict=verdict)


def _count(findings: Iterable[Finding], severity: Severity) -> int:
    return sum(one.severity is severity for one in findings)


def alone(report: Report) -> Report:
    """The report with the queries whose plans changed, and no others."""
    kinds = (ChangeKind.WORSE, ChangeKind.CHANGED, ChangeKind.BETTER)
    queries = tuple(
        one for one in report.queries if one.change is not None and one.change.kind in kinds
    )
    return msgspec.structs.replace(report, queries=queries, gone=())
