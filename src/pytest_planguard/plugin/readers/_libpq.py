"""What a session of ours is opened with where the driver stands on libpq."""

from __future__ import annotations

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters

_NOT_OURS = ("options", "application_name", "fallback_application_name", "connect_timeout")


def own_values(parameters: ConnectionParameters, seconds: int) -> dict[str, str]:
    """Libpq's parameters of the application's connection, but for what is its own alone.

    Args:
        parameters: Of a connection the application made.
        seconds: The connection may take.
    """
    values = {name: value for name, value in parameters.values.items() if name not in _NOT_OURS}
    if values.get("hostaddr") and values.get("host", "").startswith(("/", "@")):
        del values["hostaddr"]
    return {**values, "application_name": APPLICATION_NAME, "connect_timeout": str(seconds)}
