from __future__ import annotations

pytest_plugins = [
    "pytester",
    "fix_servers",
    "fix_postgres",
    "fix_capture",
    "fix_drivers",
    "fix_suite",
]
