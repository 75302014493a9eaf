"""ENV002: plans are made with other planner settings than production's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext

FACTS = RuleFacts(
    code="ENV002",
    name="planner-settings-differ",
    severity=Severity.WARNING,
    condition="A planner setting in force in the fixture database is not production's, as the "
    "statistics file has it.",
    effect="Costs are others, and where two plans are close another one is chosen.",
    remedy="Take the setting out of settings in [tool.pytest-planguard.database]: production's "
    "are used then. Pull the statistics again if production's have changed.",
    source="PostgreSQL documentation, 19.7 Query Planning and 19.4 Resource Consumption.",
)

_IGNORED = frozenset({"effective_io_concurrency", "temp_buffers", "plan_cache_mode"})
"""No plan of ours depends on them: the first two are for execution, the last is set by us."""

# PostgreSQL 18, chapters 19.4 and 19.7; where older majors differ, ``_OLDER`` says so.
_DEFAULTS = {
    "seq_page_cost": "1", "random_page_cost": "4", "cpu_tuple_cost": "0.01",
    "cpu_index_tuple_cost": "0.005", "cpu_operator_cost": "0.0025",
    "parallel_setup_cost": "1000", "parallel_tuple_cost": "0.1",
    "min_parallel_table_scan_size": "8MB", "min_parallel_index_scan_size": "512kB",
    "effective_cache_size": "4GB", "work_mem": "4MB", "hash_mem_multiplier": "2",
    "max_parallel_workers_per_gather": "2", "max_parallel_workers": "8",
    "parallel_leader_participation": "on", "default_statistics_target": "100",
    "cursor_tuple_fraction": "0.1", "constraint_exclusion": "partition",
    "from_collapse_limit": "8", "join_collapse_limit": "8", "geqo": "on", "geqo_threshold": "12",
    "jit": "on", "jit_above_cost": "100000", "jit_inline_above_cost": "500000",
    "jit_optimize_above_cost": "500000", "enable_partitionwise_join": "off",
    "enable_partitionwise_aggregate": "off", "recursive_worktable_factor": "10",
}  # fmt: skip
_OLDER = {"hash_mem_multiplier": (15, "1")}
"""Defaults before a major."""

_UNITS = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_MEASURED = re.compile(r"([\d.]+)\s*(B|kB|MB|GB|TB)?")


def check_run(context: RunContext) -> Iterator[Candidate]:
    """At most one candidate, with every setting that differs."""
    if context.source is None or not context.source.server_version:
        return  # no settings were read
    there, here = context.source.settings, context.catalog.server.settings
    majors = context.source.server_version // 10000, context.catalog.server.major
    differing = []
    for name in sorted((there.keys() | here.keys()) - _IGNORED):
        theirs = there.get(name, _default(name, majors[0]))
        ours = here.get(name, _default(name, majors[1]))
        if _meaning(theirs) != _meaning(ours):
            differing.append(f"{name} ({theirs} there, {ours} here)")
    if not differing:
        return
    yield Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=None,
        severity=Severity.WARNING,
        message=f"{_counted(len(differing))} from production's: {', '.join(differing)}",
        remedy=FACTS.remedy,
        evidence={"settings": float(len(differing))},
    )


def _counted(number: int) -> str:
    return "1 planner setting differs" if number == 1 else f"{number} planner settings differ"


def _default(name: str, major: int) -> str:
    """PostgreSQL's own value; what is not known is called so."""
    if name in _OLDER and 0 < major < _OLDER[name][0]:
        return _OLDER[name][1]
    return _DEFAULTS.get(name, "on" if name.startswith("enable_") else "the default")


def _meaning(value: str) -> object:
    """``4096kB`` is ``4MB``, ``4.0`` is ``4``."""
    found = _MEASURED.fullmatch(value.strip())
    if found is None:
        return value.strip().lower()
    try:
        return float(found[1]) * _UNITS.get(found[2] or "B", 1)
    except ValueError:  # 1.2.3 is no number
        return value
