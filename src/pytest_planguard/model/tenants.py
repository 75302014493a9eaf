"""Schemas that hold the same tables, one for each tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Tenants(msgspec.Struct, frozen=True):
    """Which schemas are tenants', and which one stands for all."""

    schemas: str = ""
    """Shell pattern; empty: there are none."""
    model: str = ""
    """The schema whose statistics all others share, and whose name a query's normal form has."""

    def have(self, schema: str) -> bool:
        """Whether a schema is a tenant's.

        >>> Tenants("tenant_*", "tenant_1").have("tenant_a"), Tenants().have("public")
        (True, False)
        """
        return bool(self.schemas) and fnmatchcase(schema, self.schemas)

    def include(self, name: str) -> bool:
        """Whether a schema-qualified table is a tenant's."""
        return self.have(name.partition(".")[0])

    def path(self, search_path: str | None) -> str | None:
        """A search_path with the model in place of a tenant.

        >>> Tenants("tenant_*", "tenant_1").path('"tenant_b", public')
        'tenant_1, public'
        """
        if not self.schemas or search_path is None:
            return search_path
        items = [item.strip() for item in search_path.split(",")]
        return ", ".join(self.model if self.have(item.strip('"')) else item for item in items)

    def share(self, tables: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
        """What is said of tables, with the model's for every tenant's that has none of its own.

        Args:
            tables: By schema-qualified name.
            names: The tables there are.
        """
        shared = dict(tables)
        for name in filter(self.include, names):
            model = f"{self.model}.{name.partition('.')[2]}"
            if model in tables:
                shared.setdefault(name, tables[model])
        return shared


NO_TENANTS = Tenants()
