from __future__ import annotations

import psycopg as _psycopg  # noqa: F401 -- what pytester's own runs import first is imported twice

pytest_plugins = [
    "pytester",
    "fix_servers",
    "fix_containers",
    "fix_postgres",
    "fix_capture",
    "fix_drivers",
    "fix_suite",
    "fix_exact",
]
