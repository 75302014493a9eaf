"""A program's clock moved by days, for it and all it starts, a PostgreSQL server among them.

``_clock.c`` answers for the system's clock. libfaketime would do the same, but where Python sleeps
by the monotonic clock (since 3.11) it takes the days off that, too, and the kernel refuses
(0.9.10, ``clock_nanosleep``).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

A_DAY = 86_400


def compiler() -> str | None:
    """A C compiler; None: there is none."""
    return shutil.which("cc")


def library(folder: Path) -> Path:
    """The library, made in a folder that servers' users can read.

    Raises:
        FileNotFoundError: There is no C compiler.
    """
    command = compiler()
    if command is None:
        raise FileNotFoundError("no C compiler (Debian: apt-get install gcc libc6-dev)")
    made = folder / "clock.so"
    source = Path(__file__).with_name("_clock.c")
    subprocess.run([command, "-O", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    made.chmod(0o755)
    return made


def moved(library: Path, days: int) -> dict[str, str]:
    """Variables for the environment of the program."""
    return {"LD_PRELOAD": str(library), "CLOCK_MOVED": str(days * A_DAY)}
