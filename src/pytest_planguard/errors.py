"""The errors planguard raises on purpose; whoever reads one should know what to do next."""

from __future__ import annotations


class PlanguardError(Exception):
    """Something a user can mend.

    Args:
        message: What was found and where: lower case, the value inside, no full stop.
        hint: What would do, as an action; may be empty.
    """

    exit_status = 3
    """Exit status of the command line (see ``docs``): 2 usage or configuration, 3 environment."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class ConfigurationError(PlanguardError):
    """The configuration or an option is wrong; all mistakes found are in the message."""

    exit_status = 2


class ServerError(PlanguardError):
    """No PostgreSQL server that would do can be had, or it was lost."""


class SchemaError(PlanguardError):
    """The fixture database's schema cannot be made."""


class ScaleError(PlanguardError):
    """The fixture database is not at the scale it should have."""


class StatisticsError(PlanguardError):
    """A statistics file cannot be read or used, or production's statistics cannot be had."""


class BaselineError(PlanguardError):
    """A baseline file cannot be read or must not be written."""


class CaptureError(PlanguardError):
    """A capture file cannot be read, or captures cannot be merged."""


class ReportError(PlanguardError):
    """A report file cannot be read back."""


class ForgeError(PlanguardError):
    """GitHub or GitLab refused what was asked, or could not be reached."""


_TELLING = frozenset((
    AttributeError, ImportError, ModuleNotFoundError, NameError, RecursionError, RuntimeError,
    TypeError, ZeroDivisionError,
))  # fmt: skip
"""Errors whose messages Python makes of names and types; others quote what was worked on."""


def described(error: BaseException) -> str:
    """A bug of ours in words that quote no value; no ``__str__`` of the application's is called."""
    kind = type(error)
    if kind in _TELLING or isinstance(error, PlanguardError):
        return f"{kind.__name__}: {error}"
    where = _innermost(error)
    return f"{kind.__name__} in {where}" if where else kind.__name__


def _innermost(error: BaseException) -> str:
    """``capture/values.py:93``: the innermost line of planguard that the error went through."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        _, package, file = trace.tb_frame.f_code.co_filename.rpartition("pytest_planguard/")
        if package:
            found = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
