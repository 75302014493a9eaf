"""The same over a superuser's connection: the server runs a shell script for us.

``COPY … TO PROGRAM`` feeds it, so its length has no limit, and every line is made here from
paths the server gave. It needs ``sh``, ``truncate``, ``stat``, ``tee`` and ``base64``, which
Debian's and Alpine's images have.
"""

from __future__ import annotations

import base64
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import RelationFile, segments
from pytest_planguard.fixturedb.inflate.first_pages import first_pages
from pytest_planguard.fixturedb.inflate.room import (
    PROBE_BYTES,
    folders,
    needed_bytes,
    new_files,
    not_sparse,
    too_few_bytes,
    too_few_inodes,
)
from pytest_planguard.fixturedb.queries import named_queries

if TYPE_CHECKING:
    import psycopg

NOT_SPARSE, TOO_FEW_INODES, TOO_FEW_BYTES = 73, 74, 75
"""Exit status of the script where zeros take room on disk, or files find none."""

_PATHS_A_LINE = 200
_LINE = 76


def inflate_by_shell(
    connection: psycopg.Connection[Any],
    files: Sequence[RelationFile],
    *,
    checksums: bool,
) -> None:
    """Extends files through the server itself.

    Args:
        connection: As superuser, to any *other* database of the server.
        files: What to extend.
        checksums: Whether the server verifies them.

    Raises:
        ScaleError: The server may not run programs, lacks one, or has no sparse files.
    """
    import psycopg
    from psycopg import sql

    query = named_queries(__package__, "files.sql")["present_files"]
    parameters = {
        "paths": [file.path for file in files],
        "wanted": [file.top is not None for file in files],
    }
    try:
        present = connection.execute(query, parameters, binary=True).fetchall()
        sizes = {path: size for path, size, _ in present}
        tops = {
            file.path: first_pages(file.top, meta, checksums=checksums)
            for file, (_, _, meta) in zip(files, present, strict=True)
            if file.top is not None
        }
        script = "\n".join(script_lines(files, sizes, tops))
        connection.execute(
            sql.SQL("COPY (SELECT unnest(string_to_array({}, {}))) TO PROGRAM {}").format(
                sql.Literal(script), sql.Literal("\n"), sql.Literal(_runner(files))
            )
        )
    except psycopg.Error as error:
        raise _refusal(error, files) from error


def script_lines(
    files: Sequence[RelationFile], sizes: dict[str, int], tops: dict[str, bytes]
) -> Iterator[str]:
    """The script, run in the data directory; pure.

    Args:
        files: What to extend.
        sizes: Bytes each first file has now.
        tops: First bytes of indexes, by path; equal ones are sent once.
    """
    yield "set -e"
    yield from _room(files)
    by_content: dict[bytes, list[str]] = defaultdict(list)
    for path, content in tops.items():
        by_content[content].append(path)
    for content, paths in by_content.items():
        temporary = f"{_folder(files)}/planguard_top"
        yield f"base64 -d > {temporary} <<'END'"
        text = base64.b64encode(content).decode()
        yield from (text[start : start + _LINE] for start in range(0, len(text), _LINE))
        yield "END"
        for group in _groups(paths):
            yield f"tee {group} < {temporary} > /dev/null"  # one process, not one a file
        yield f"rm {temporary}"
    for group in _groups([f"{file.path}_init" for file in files if file.unlogged]):
        yield f"rm -f {group}"
    by_size: dict[int, list[str]] = defaultdict(list)
    for file in files:
        for segment in segments(file, max(file.pages, sizes[file.path] // PAGE)):
            by_size[segment.size].append(segment.path)
    for size, paths in sorted(by_size.items()):
        for group in _groups(paths):
            yield f"truncate -s {size} {group}"


def _room(files: Sequence[RelationFile]) -> Iterator[str]:
    """Looks at a file of zeros, and at the room for files, in each folder; see ``room.py``."""
    for name in folders(files):
        there = [file for file in files if file.path.startswith(f"{name}/")]
        probe, folder = shlex.quote(f"{name}/planguard_probe"), shlex.quote(name)
        yield f"truncate -s {PROBE_BYTES} {probe}"
        yield f"set -- $(stat -c '%b %B' {probe} 2>/dev/null || stat -f '%b 512' {probe})"
        yield f"rm {probe}"
        yield f"if [ $(($1 * $2)) -gt {PROBE_BYTES // 2} ]; then exit {NOT_SPARSE}; fi"
        yield f"set -- $(stat -f -c '%c %d %a %S' {folder} 2>/dev/null || echo 0 0 0 0)"
        yield f"if [ $1 -gt 0 ] && [ $2 -lt {new_files(there)} ]; then exit {TOO_FEW_INODES}; fi"
        yield f"if [ $4 -gt 0 ] && [ $(($3 * $4)) -lt {needed_bytes(there)} ]; then"
        yield f"exit {TOO_FEW_BYTES}; fi"


def _groups(paths: Sequence[str]) -> Iterator[str]:
    """Paths in lines a shell takes."""
    for start in range(0, len(paths), _PATHS_A_LINE):
        yield " ".join(shlex.quote(path) for path in paths[start : start + _PATHS_A_LINE])


def _folder(files: Sequence[RelationFile]) -> str:
    return files[0].path.rpartition("/")[0]


def _runner(files: Sequence[RelationFile]) -> str:
    """Takes the whole script before it runs: a program that ends early breaks the COPY's pipe."""
    script = f"{_folder(files)}/planguard.sh"
    return f"cat > {script} && sh {script}; s=$?; rm -f {script}; exit $s"


def _refusal(error: psycopg.Error, files: Sequence[RelationFile]) -> ScaleError:
    """What the server's message means for the user."""
    detail = error.diag.message_detail or ""
    if f"exit code {NOT_SPARSE}" in detail:
        return not_sparse(_folder(files), PROBE_BYTES, PROBE_BYTES)
    if f"exit code {TOO_FEW_INODES}" in detail:
        return too_few_inodes(_folder(files), new_files(files))
    if f"exit code {TOO_FEW_BYTES}" in detail:
        return too_few_bytes(_folder(files), len(files), needed_bytes(files))
    message = " ".join(part for part in (error.diag.message_primary or str(error), detail) if part)
    return ScaleError(
        f"the server cannot extend its files: {message}",
        hint="exact scale needs a superuser's connection to a server that may run programs;"
        ' else use the embedded provider or scale = "rows"',
    )
