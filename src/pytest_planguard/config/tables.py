"""Names of tables in the configuration, looked up in a catalog."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pytest_planguard.config.checks import did_you_mean
from pytest_planguard.config.values import Config
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.spec import Thresholds


def resolve_table(name: str, tables: Iterable[str]) -> str | None:
    """The schema-qualified table a configured name means; ``public`` goes first.

    >>> resolve_table("orders", ["audit.orders", "public.orders"])
    'public.orders'
    >>> resolve_table("log", ["audit.log"])
    'audit.log'
    """
    known = sorted(tables)
    if name in known:
        return name
    if f"public.{name}" in known:
        return f"public.{name}"
    return next((table for table in known if table.rpartition(".")[2] == name), None)


def thresholds_for(config: Config, tables: Iterable[str]) -> Thresholds:
    """The thresholds with critical tables named as the catalogs name them.

    Args:
        config: The configuration.
        tables: Schema-qualified, of all databases.

    Raises:
        ConfigurationError: A critical table does not exist.
    """
    known = sorted(tables)
    found = {name: resolve_table(name, known) for name in sorted(config.critical_tables)}
    missing = [name for name, table in found.items() if table is None]
    if missing:
        plain = {table.rpartition(".")[2] for table in known} | set(known)
        lines = [
            f'critical-tables: no table "{name}"{did_you_mean(name, plain)}' for name in missing
        ]
        raise ConfigurationError(
            "\n  ".join(lines), hint="name tables as the schema does, or remove them"
        )
    critical = frozenset(table for table in found.values() if table is not None)
    return msgspec.structs.replace(config.thresholds, critical_tables=critical)
