"""Runs postgres-mcp's advisor with the interpreter that has it: a workload in, statements out.

A program by itself, which knows nothing of planguard. What the advisor can't analyse stops all of
its analysis, so that queries are first tried one by one and those it refuses are left out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


async def main() -> None:
    """Reads the workload from standard input and writes the advice to standard output."""
    from postgres_mcp.index.dta_calc import DatabaseTuningAdvisor
    from postgres_mcp.sql import SqlDriver

    given = json.load(sys.stdin)
    driver: Any = SqlDriver(engine_url=given["url"])
    kept, failed = [], []
    for name, text in given["queries"].items():
        trial = DatabaseTuningAdvisor(driver, max_runtime_seconds=1)
        session = await trial.analyze_workload(query_list=[text])
        if session.error or not session.workload:
            failed.append(f"{name}: {session.error or 'no SELECT it can analyse'}")
        else:
            kept.append(text)
    advisor = DatabaseTuningAdvisor(driver, max_runtime_seconds=given["seconds"])
    session = await advisor.analyze_workload(query_list=kept)
    ddl = [one.definition for one in session.recommendations]
    print(
        json.dumps({"ddl": ddl, "failed": [*failed, *([session.error] if session.error else [])]})
    )


asyncio.run(main())
