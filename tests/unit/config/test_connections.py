from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.config import load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.connections import Deployment, Pooler

TABLE = "[tool.pytest-planguard.connections]\n"


def read(root: Path, text: str) -> Deployment:
    (root / "pyproject.toml").write_text(TABLE + text, encoding="utf-8")
    return load(root, environ={}).deployment


def test_every_key_is_read(tmp_path):
    assert read(
        tmp_path,
        "instances = 6\nworkers = 4\nthreads = 2\nmax-connections = 200\nreserved = 10\n"
        "pooler = { max-client-connections = 1000, max-server-connections = 80 }\n"
        'server-timeouts = ["statement_timeout"]\n',
    ) == Deployment(6, 4, 2, 200, 10, Pooler(1000, 80), frozenset({"statement_timeout"}))


def test_nothing_said_is_one_process_and_no_sum(tmp_path):
    assert read(tmp_path, "") == Deployment()
    assert read(tmp_path, "pooler = {}\n").pooler == Pooler()
    assert read(tmp_path, "max-connections = 100\nreserved = 0\n").reserved == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instances = 0", "connections.instances: found 0, wanted a number of at least 1"),
        ("workers = 1.5", "connections.workers: found 1.5, wanted a whole number"),
        ("worker = 4", 'connections.worker: unknown key; did you mean "workers"?'),
        (
            "max-connections = 3",
            "connections.reserved: found 3, max-connections are 3",
        ),
        ('pooler = "transaction"', 'connections.pooler: found "transaction", wanted a table'),
        (
            'server-timeouts = ["statement-timeout"]',
            (
                'connections.server-timeouts: found "statement-timeout", wanted one of '
                "statement_timeout, lock_timeout, idle_in_transaction_session_timeout, "
                'transaction_timeout; did you mean "statement_timeout"?'
            ),
        ),
    ],
)
def test_mistakes_name_the_key_and_what_was_found(tmp_path, text, said):
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert caught.value.message.splitlines()[1:] == [f"  {said}"]
