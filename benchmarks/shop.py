"""What planguard adds to the shop suite, with and without its cache, and the disk it takes.

The suite runs in turn without and with ``--planguard``, in a copy of ``fixtures/shop``. Warm: the
server's cluster and the template are there from the run before. Cold: they are removed before the
run with planguard, so that it makes the cluster, builds the fixture at 47 and 120 million rows,
plans and judges; it is compared with a warm run without. The disk is the cluster's, sampled while
the runs go on.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from _pairs import seconds

SHOP = Path(__file__).parents[1] / "fixtures" / "shop"
ROUNDS = 7
BLOCK = 512


class DiskWatch(threading.Thread):
    """The most bytes on disk seen below a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._folder = folder
        self._done = threading.Event()

    def run(self) -> None:
        """Samples until told to stop."""
        while not self._done.wait(0.1):
            self.most = max(self.most, self._size())

    def stop(self) -> int:
        """Ends it; the most bytes seen."""
        self._done.set()
        self.join()
        return self.most

    def _size(self) -> int:
        total = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                try:
                    total += os.lstat(Path(folder, name)).st_blocks * BLOCK
                except OSError:  # gone since
                    continue
        return total


def main() -> None:
    """Runs it."""
    with tempfile.TemporaryDirectory(prefix="planguard-shop-") as folder:
        copy = Path(folder) / "shop"
        shutil.copytree(SHOP, copy, ignore=shutil.ignore_patterns(".planguard", "__pycache__"))
        Path(folder).chmod(0o755)
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        off, on = pytest, [*pytest, "--planguard"]
        cache = copy / ".planguard"
        seconds(off, copy)
        seconds(on, copy)
        watch = DiskWatch(cache)
        watch.start()
        warm, cold = [], []
        for _ in range(ROUNDS):
            without = seconds(off, copy)
            warm.append(seconds(on, copy) - without)
        disk = watch.stop()
        for _ in range(ROUNDS):
            without = seconds(off, copy)
            shutil.rmtree(cache)
            cold.append(seconds(on, copy) - without)
        print(f"shop suite, median of {ROUNDS} pairs in turn")
        print(f"added, warm cache  {statistics.median(warm):.2f} s (most {max(warm):.2f} s)")
        print(f"added, cold        {statistics.median(cold):.2f} s (most {max(cold):.2f} s)")
        print(f"whole cluster      {disk / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
