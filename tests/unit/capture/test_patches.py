from __future__ import annotations

from collections.abc import Callable

from pytest_planguard.capture.patches import Patches


class Base:
    def inherited(self) -> str:
        return "base"


class Library(Base):
    def own(self) -> str:
        return "library"


def louder(original: Callable[..., str]) -> Callable[..., str]:
    return lambda self: original(self).upper()


def test_everything_is_put_back_as_it_was() -> None:
    before = dict(vars(Library))
    patches = Patches()
    for name in ("own", "inherited", "own"):
        patches.replace(Library, name, louder)
    assert (Library().own(), Library().inherited()) == ("LIBRARY", "BASE")
    patches.restore()
    patches.restore()
    assert dict(vars(Library)) == before


def test_what_somebody_else_has_put_in_place_since_stays() -> None:
    class Other(Library):
        pass

    patches = Patches()
    patches.replace(Other, "own", louder)
    patches.replace(Other, "inherited", louder)
    ours = Other.own
    Other.own = lambda self: f"theirs {ours(self)}"  # type: ignore[method-assign]
    patches.restore()
    assert Other().own() == "theirs LIBRARY"
    assert "inherited" not in vars(Other)


def test_an_attribute_somebody_else_has_taken_away_stays_away() -> None:
    class Other(Library):
        pass

    patches = Patches()
    patches.replace(Other, "own", louder)
    del Other.own
    patches.restore()
    assert Other().own() == "library"
