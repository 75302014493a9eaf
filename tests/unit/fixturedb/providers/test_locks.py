from __future__ import annotations

import pytest

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.locks import FileLock, exclusive


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.lock"


def test_many_share_it_and_one_has_it_alone(path):
    first, second, third = FileLock(path), FileLock(path), FileLock(path)
    assert first.try_acquire(exclusive=False)
    assert second.try_acquire(exclusive=False)
    assert not third.try_acquire(exclusive=True)
    first.close()
    second.release()
    assert third.try_acquire(exclusive=True)
    assert not second.try_acquire(exclusive=False)
    second.close()
    third.close()
    third.close()


def test_waiting_for_it_ends_with_what_would_do(path):
    with exclusive(path, 1):
        other = FileLock(path)
        with pytest.raises(ServerError, match=r"users\.lock was locked by another process") as e:
            other.acquire(exclusive=True, seconds=0)
        other.close()
    assert "see whether a run hangs" in e.value.hint


def test_it_is_let_go_after_an_error(path):
    with pytest.raises(KeyError), exclusive(path, 1):
        raise KeyError
    with exclusive(path, 0):
        pass


def test_a_file_that_was_removed_or_replaced_is_noticed(path):
    lock = FileLock(path)
    assert lock.is_current()
    path.unlink()
    assert not lock.is_current()
    path.touch()
    assert not lock.is_current()
    lock.close()


def test_a_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(
        ServerError, match=r"nothing/a\.lock can't be opened: No such file"
    ) as caught:
        FileLock(tmp_path / "nothing" / "a.lock")
    assert "PLANGUARD_CACHE_DIR" in caught.value.hint
