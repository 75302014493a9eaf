"""Whether a part of the suite was run on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

_SELECTING = ("keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob")
"""pytest's options that leave tests out: ``-k``, ``-m``, ``--lf``, ``--sw``, …"""


def is_partial(config: pytest.Config) -> bool:
    """Whether options or paths leave tests of the suite out."""
    if any(getattr(config.option, name, None) for name in _SELECTING):
        return True
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        return False
    paths = config.getini("testpaths")
    return leaves_out(
        config.args,
        folder=config.invocation_params.dir,
        root=config.rootpath,
        test_paths=[] if config.option.pyargs else paths,
    )


def leaves_out(
    arguments: Sequence[str], *, folder: Path, root: Path, test_paths: Sequence[str]
) -> bool:
    """Whether arguments leave out part of the test paths or, without them, of the root.

    Args:
        arguments: Paths or node ids.
        folder: What relative arguments start at.
        root: pytest's root.
        test_paths: Configured ones, relative to the root; patterns are allowed.
    """
    given = [(folder / argument).resolve() for argument in arguments if "::" not in argument]
    wanted = [found for path in test_paths for found in root.glob(path)] or [root]
    return not all(
        any(path.resolve().is_relative_to(argument) for argument in given) for path in wanted
    )
