"""What a migration sends, in order: texts, places and the bounds of transactions."""

from __future__ import annotations

import msgspec

from pytest_planguard.model.silence import Remark
from pytest_planguard.model.statement import Layer, Origin

NOWHERE = Origin("<migration>", 0, "", Layer.MIGRATION)


class Sent(msgspec.Struct, frozen=True):
    """One statement as a migration sends it; BEGIN and COMMIT are statements too."""

    text: str
    place: Origin = NOWHERE


class Recording(msgspec.Struct, frozen=True):
    """All statements of a migration."""

    sent: tuple[Sent, ...]
    source: str
    """For reports."""
    failure: str = ""
    """Why there are no more, where the tool that sent them failed."""
    irreversible: str = ""
    """Why the tool's way back failed; empty: it did not, or none was tried."""
    returned: bool = False
    """The way back was gone, on the database the tool ran on."""
    notes: tuple[str, ...] = ()
    """On what of it is not here."""
    remarks: tuple[Remark, ...] = ()
    """Comments that acknowledge what a statement does."""
