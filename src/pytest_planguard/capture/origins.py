"""Where capture files come from: the project they are asked for in, and one commit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import msgspec

from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import Capture


def checked(captures: Mapping[str, Capture], project: str) -> list[Capture]:
    """The captures, which may be judged together here.

    Where nobody knows the commit of some (made where there is no git), they are taken with the
    others, and a note says so: whoever runs shards in bare containers has no commit to give.

    Args:
        captures: By the names of their files.
        project: The name of the project they are to be judged in; empty: it has none.

    Raises:
        CaptureError: One is of another project, or two are of different commits.
    """
    for name, capture in captures.items():
        if capture.project and project and capture.project != project:
            raise CaptureError(
                f'{name} is a capture of project "{capture.project}", this is "{project}"',
                hint="name a capture of this project, or run the command in the other one",
            )
    known = {one.commit: name for name, one in captures.items() if one.commit}
    if len(known) > 1:
        (first, one), (second, other), *_ = sorted(known.items())
        raise CaptureError(
            "captures of different commits cannot be judged together: "
            f"{one} is of {first}, {other} of {second}",
            hint="run all shards on one commit",
        )
    return [_noted(name, one, next(iter(known), "")) for name, one in captures.items()]


def _noted(name: str, capture: Capture, commit: str) -> Capture:
    if capture.commit or not commit:
        return capture
    file = PurePath(name).name  # a report holds no absolute path
    note = f"{file} does not tell its commit: it was taken for one of {commit[:12]}"
    return msgspec.structs.replace(capture, notes=(*capture.notes, note))
