from __future__ import annotations

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
