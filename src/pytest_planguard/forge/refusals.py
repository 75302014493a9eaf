"""What a host answers when it does not do what was asked, as errors a person can act on."""

from __future__ import annotations

from pytest_planguard.errors import ForgeError

_LONGEST = 200
"""Characters of a host's own words."""


class MissingError(ForgeError):
    """404: no such comment, pull request or repository, or the token may not see it."""


class ReadOnlyError(ForgeError):
    """403: the token may not write, as in a fork's pull request, or the conversation is locked."""


class UnavailableError(ForgeError):
    """The host did not answer, answered with 5xx, or limits our rate; also after trying again."""


class FailedError(Exception):
    """One request failed: internal to the clients, which try again or tell.

    Args:
        status: Of HTTP; None: there was no answer.
        words: The host's, or what went wrong on the way.
        wait: Seconds the host asked us to wait; None: it did not.
        limited: It limits our rate.
    """

    def __init__(
        self,
        status: int | None,
        words: str,
        *,
        wait: float | None = None,
        limited: bool = False,
    ) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.wait = wait
        self.limited = limited or status == 429

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.limited or self.status is None or self.status >= 500


_MAY_NOT_WRITE = "the token needs to write pull requests; a fork's never may: see the two workflows"


def refusal(
    failed: FailedError, name: str, secrets: tuple[str, ...], may_not_write: str = _MAY_NOT_WRITE
) -> ForgeError:
    """The error for a request that failed for good.

    Args:
        failed: What happened.
        name: Of the pull request.
        secrets: Never shown, whatever a host or a library puts into its words.
        may_not_write: What to do where the token may not write.
    """
    said = _said(failed, secrets)
    if failed.passes:
        return UnavailableError(f"{name}: {said}", hint="run the job again")
    if failed.status == 401:
        return ForgeError(f"{name}: the token is not accepted: {said}", hint="give a valid token")
    if failed.status == 403:
        locked = "lock" in said.lower()
        hint = "unlock the conversation" if locked else may_not_write
        return ReadOnlyError(f"{name}: {said}", hint=hint)
    if failed.status in (404, 410):
        return MissingError(
            f"{name}: {said}", hint="check repository and number, and what the token may see"
        )
    return ForgeError(f"{name}: {said}")


def _said(failed: FailedError, secrets: tuple[str, ...]) -> str:
    words = " ".join(failed.words.split())
    for secret in filter(None, secrets):
        words = words.replace(secret, "***")
    number = f"{failed.status} " if failed.status is not None else ""
    return f"{number}{words[:_LONGEST]}".strip()
