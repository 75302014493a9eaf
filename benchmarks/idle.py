"""What the plugin costs where it is installed and not asked for.

Pairs of runs in turn, with the plugin and with it blocked: ``pytest --version``, and a suite of
one empty test.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _pairs import median_difference, pairs

PAIRS = 20


def main() -> None:
    """Runs it."""
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        (cwd / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        for name, arguments in (("pytest --version", ["--version"]), ("one empty test", ["-q"])):
            timed = pairs(
                [*pytest, *arguments], [*pytest, "-p", "no:planguard", *arguments], cwd, PAIRS
            )
            print(f"{name:18} {median_difference(timed) * 1000:+6.1f} ms (median of {PAIRS} pairs)")


if __name__ == "__main__":
    main()
