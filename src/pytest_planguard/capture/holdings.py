"""Who has a connection or a transaction, and since when: what an application leaves behind.

Heard when a connection is made, when a pool gives it out and takes it back, and when a transaction
begins and ends; never with a statement. What is still held when a test and its fixtures are over
was left behind only if the application itself took it during the test's own call, and if what
took it has ended since: a task, a thread or a piece of a pool's work that goes on may give it back.

What an ORM's session holds is not looked at: whoever made the session ends it, a request's teardown
more often than not, and the garbage collector ends one that nobody has.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from threading import get_ident
from types import FrameType
from typing import Any, Protocol

from pytest_planguard.capture.enders import ender, over
from pytest_planguard.capture.files import Owner
from pytest_planguard.capture.identity import ByIdentity
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.places import Moment
from pytest_planguard.capture.suite_calls import SuiteCall, repeats, running, task_of_this
from pytest_planguard.model.connections import UNBOUNDED, Held, Hold, Maker, Opened, Pool
from pytest_planguard.model.statement import Layer, Origin, Phase, Via

_IN_TRANSACTION = (2, 3)
"""libpq's ``PQTRANS_INTRANS`` and ``PQTRANS_INERROR``."""

_LENDERS = ("psycopg_pool", "sqlalchemy.pool", "asyncpg.pool", "django.db.backends")
_MANY = 1_000
"""Loans of one test from which on those that are over are looked for."""
_NEAREST = 24
"""Frames between a connection being made and the pool that wants it; a stack may be deep."""

_ORMS = (Via.ORM, Via.DJANGO_ORM)

_APPLICATION, _CALL = Layer.APPLICATION, Phase.CALL
_TEST, _RUNNER = Owner.TEST, Owner.RUNNER
"""At hand: Python 3.11 looks members of enumerations up by a function of its own."""


class Mark:
    """Who took something, and when."""

    __slots__ = ("ended", "moment", "origin")

    def __init__(self, origin: Origin, moment: Moment, ended: Callable[[], bool]) -> None:
        self.origin = origin
        self.moment = moment
        self.ended = ended
        """Whether what took it is over."""

    @property
    def is_calls(self) -> bool:
        """Whether the application took it in a test's own call."""
        return self.origin.layer is _APPLICATION and self.moment.phase is _CALL

    @property
    def is_applications(self) -> bool:
        """Whether a line of the application took it."""
        return self.origin.layer is _APPLICATION


class Loan(Mark):
    """A connection that a pool has given out, and to whom."""

    __slots__ = ("collectable", "is_out", "maker", "returned", "watch")

    def __init__(
        self,
        origin: Origin,
        moment: Moment,
        ended: Callable[[], bool],
        maker: Maker,
        watch: Watch,
        is_out: Callable[[], bool],
        collectable: bool,
    ) -> None:
        self.origin = origin
        self.moment = moment
        self.ended = ended
        self.maker = maker
        self.watch = watch
        self.is_out = is_out
        self.collectable = collectable
        """The garbage collector gives it back where nobody has it any more."""
        self.returned = False

    @property
    def is_held(self) -> bool:
        """Whether it was not given back yet."""
        return not self.returned and self.is_out()


class Watch:
    """What one connection is used for, beside what it sends.

    Args:
        holdings: Whose it is.
        database: As statements have it.
        maker: The driver.
        status: Its transaction's, as libpq numbers it.
        made: Who made it; None: nobody listened, or it was made for a pool.
    """

    __slots__ = (
        "_holdings", "begun", "database", "is_shared", "loan", "made", "maker", "place",
        "status", "timeouts",
    )  # fmt: skip

    def __init__(
        self,
        holdings: Holdings,
        database: str,
        maker: Maker,
        status: Callable[[], int],
        made: Mark | None,
    ) -> None:
        self._holdings = holdings
        self.database = database
        self.maker = maker
        self.status = status
        self.made = made
        self.begun: Mark | None = None
        """Of the transaction it is in."""
        self.loan: Loan | None = None
        self.place: tuple[Origin, Maker] | None = None
        """The line it was made for; None: not the application's."""
        self.timeouts: set[str] = set()
        self.is_shared: Callable[[], bool] | None = None
        """Of a connection that a framework keeps for the application: whether the framework has
        a transaction of its own on it; None: whoever made the connection ends what it begins."""

    def begin(self, stacks: Iterable[FrameType | None] | None = None) -> None:
        """A transaction begins; who was heard first did it: what stands above the driver.

        Of a connection that a pool has lent nobody asks: the pool ends what was begun on it.
        """
        if self.begun is None and (self.loan is None or self.is_shared is not None):
            self.begun = self._holdings.mark(stacks)
            if self.begun is not None and self.begun.is_calls:
                self._holdings.began(self)

    def end(self) -> None:
        """The transaction is over."""
        if self.begun is not None:
            self._holdings.ended(self, self.begun)
            self.begun = None

    def limit(self, name: str) -> None:
        """The connection was given a timeout."""
        if name not in self.timeouts:
            self.timeouts.add(name)
            self._holdings.tell(self)

    def belongs(self, origin: Origin | None, maker: Maker) -> None:
        """The connection is made for a line."""
        if self.place is None and origin is not None and origin.layer is _APPLICATION:
            self.place = origin, maker
            self._holdings.tell(self)

    @property
    def is_in_transaction(self) -> bool:
        """Whether the connection lives and is in one."""
        return self.status() in _IN_TRANSACTION

    @property
    def is_the_applications(self) -> bool:
        """Whether whoever has to end a transaction on it is the application."""
        if self.is_shared is not None:
            return not self.is_shared()
        if self.loan is not None:
            return False  # the pool ends it; a connection it does not get back is told as such
        phases = (Phase.CALL, Phase.OUTSIDE)
        return self.made is not None and self.made.is_applications and (
            self.made.moment.phase in phases
        )  # fmt: skip


class Run(Protocol):
    """What the suite is at."""

    moment: Moment
    listening: bool
    """Whether anything is wanted."""


class Holdings:
    """What is held, by whom.

    Args:
        origins: Finds the line that took it.
        run: What runs now.
    """

    def __init__(self, origins: OriginFinder, run: Run) -> None:
        self._origins = origins
        self._ways = origins.ways()
        self._run = run
        self._watches: ByIdentity[Watch] = ByIdentity()
        self._lines: dict[int, tuple[Origin, Pool | None]] = {}
        """By identity of a pool: the line that made it, and what is known of it. Every pool is
        heard, so that a dead one's identity is overwritten with the next one's."""
        self._loans: defaultdict[str, dict[int, Loan]] = defaultdict(dict)
        """By test, those that were not given back."""
        self._begun: defaultdict[str, dict[int, tuple[Watch, Mark]]] = defaultdict(dict)
        """Likewise, transactions."""
        self._nested: defaultdict[str, set[Held]] = defaultdict(set)
        self._latest: dict[tuple[int, int], tuple[Loan, SuiteCall]] = {}
        """By pool and by what runs: the connection it took last, for which call of the suite's."""
        self._undecided: list[tuple[Loan | Watch, Mark]] = []
        self._pools: dict[Pool, None] = {}
        self._opened: defaultdict[tuple[Origin, str, Maker], set[str]] = defaultdict(set)
        self._held: set[Held] = set()

    # What drivers and pools tell

    def mark(self, stacks: Iterable[FrameType | None] | None = None) -> Mark | None:
        """Who asks now; None where nobody listens.

        Args:
            stacks: As for ``OriginFinder.find``; None: that of the caller.
        """
        if not self._run.listening:
            return None
        frame = sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
        given = (frame,) if stacks is None else tuple(stacks)
        return self._mark(frame, given, self._origins.innermost(given), task_of_this())

    def _mark(
        self,
        frame: FrameType,
        stacks: Sequence[FrameType | None],
        start: Sequence[FrameType | None],
        task: Any,
    ) -> Mark:
        origin, moment = self._origins.find_from(start, stacks).origin, self._run.moment
        is_calls = origin.layer is _APPLICATION and moment.phase is _CALL
        return Mark(origin, moment, ender(frame, task) if is_calls else over)

    def made(
        self,
        connection: object,
        database: str,
        maker: Maker,
        status: Callable[[], int],
        timeouts: Iterable[str] = (),
    ) -> Watch:
        """A driver has made a connection.

        Args:
            connection: The driver's own.
            database: As statements have it.
            maker: The driver.
            status: Its transaction's, as libpq numbers it.
            timeouts: Of ``TIMEOUTS``: those it was opened with.
        """
        mark = None if _is_lenders(sys._getframe(1)) else self.mark()  # noqa: SLF001 -- inspect
        watch = self._watches[connection] = Watch(self, database, maker, status, mark)
        watch.timeouts.update(timeouts)
        if mark is not None:
            watch.belongs(mark.origin, maker)
        return watch

    def watch(self, connection: object) -> Watch | None:
        """What is known of a connection; None: it was not heard being made."""
        return self._watches.get(connection)

    def built(self, key: object, pool: Callable[[Origin], Pool | None]) -> None:
        """A pool was made.

        Args:
            key: It, or what stays the same when it is made anew.
            pool: What is to be said of it; None: nothing.
        """
        mark = self.mark()
        if mark is not None:
            known = pool(mark.origin)
            self._lines[id(key)] = mark.origin, known
            if known is not None and mark.is_applications:
                self._pools[known] = None

    def add_pool(self, pool: Pool, key: object = None) -> None:
        """A pool whose line is known."""
        self._pools[pool] = None
        if key is not None:
            self._lines[id(key)] = pool.origin, pool

    def lent(
        self,
        connection: object,
        key: object,
        maker: Maker,
        *,
        is_out: Callable[[], bool] = lambda: True,
        collectable: bool = False,
        outer: Sequence[FrameType | None] = (),
    ) -> None:
        """A pool gives a connection out.

        Args:
            connection: The driver's own.
            key: The pool's, as for ``built``.
            maker: Whose pool it is.
            is_out: Whether it was not given back, where that can be asked.
            collectable: The garbage collector gives back what nobody has.
            outer: The stacks that the caller's own is suspended in, as for ``mark``.
        """
        entry = self._watches.find(id(connection))
        if entry is None:
            return
        watch, (origin, pool) = entry[1], self._lines.get(id(key), (None, None))
        if watch.place is None:
            watch.belongs(origin, maker)
        if watch.loan is not None:
            self._returned(watch)
        run, frame = self._run, sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
        if not run.listening:
            return
        task, root = running()
        inner, further = self._ways.out(1), outer
        if inner is None:
            inner, *further = self._origins.innermost(outer)
        # The shortest way is gone here: few calls, for each of them costs behind a statement
        site = inner and self._origins.near.get((id(inner.f_code), inner.f_lasti))
        moment = run.moment
        origin = site.origin if site is not None else (
            self._origins.find_from((inner, *further), (frame, *outer)).origin
        )  # fmt: skip
        is_calls = origin.layer is _APPLICATION and moment.phase is _CALL
        ended = ender(frame, task) if is_calls else over
        loan = watch.loan = Loan(origin, moment, ended, maker, watch, is_out, collectable)
        if not is_calls:
            return
        if pool is not None and pool.most != UNBOUNDED:
            call = self._call_of((inner, *further), task, root)
            if call is not None:
                self._nest(loan, id(key), call, task)
        if origin.via not in _ORMS:
            self._loans[moment.test][id(loan)] = loan
            self._forget(self._loans[moment.test])

    def returned(self, connection: object) -> None:
        """A pool has a connection back."""
        watch = self._watches.get(connection)
        if watch is not None:
            self._returned(watch)

    def _returned(self, watch: Watch) -> None:
        if watch.loan is not None:
            loan, watch.loan = watch.loan, None
            loan.returned = True
            if (loans := self._loans.get(loan.moment.test)) is not None:
                loans.pop(id(loan), None)

    def began(self, watch: Watch) -> None:
        """The application began a transaction in a test's call."""
        if watch.begun is not None and watch.begun.origin.via not in _ORMS:
            self._begun[watch.begun.moment.test][id(watch)] = watch, watch.begun

    def ended(self, watch: Watch, mark: Mark) -> None:
        """A transaction is over."""
        if (begun := self._begun.get(mark.moment.test)) is not None:
            begun.pop(id(watch), None)

    def _nest(self, loan: Loan, pool: int, call: SuiteCall, task: Any) -> None:
        """Sees whether what runs here has a connection of the same pool already.

        Only for one and the same call of the suite's: a test that holds what a helper of the
        application has given it may call the application again.
        """
        where = pool, get_ident() if task is None else id(task)
        first, its_call = self._latest.get(where, (None, None))
        if (
            first is not None
            and its_call == call
            and first.is_held
            # A task may lie where another one lay, which left what it took to somebody
            and (task is None or not first.ended())
        ):
            self._nested[loan.moment.test].add(
                Held(
                    Hold.NESTED, loan.origin, loan.watch.database, loan.maker,
                    loan.moment.test, first.origin,
                )
            )  # fmt: skip
        else:
            self._latest[where] = loan, call

    def _call_of(
        self, stacks: Iterable[FrameType | None], task: Any, root: FrameType | None
    ) -> SuiteCall | None:
        """The innermost call of the suite's, which is nearer than all that led to it.

        Returns:
            None where it is in a loop; the task's where the suite calls nothing in it.
        """
        # Most frames are a library's: asking for each costs
        passed, owners = self._origins.passed, self._origins.owners
        for start in stacks:
            frame = start
            while frame is not None:
                if (name := frame.f_code.co_filename) not in passed:
                    owner = owners.get(name) or self._origins.owner_of(frame)
                    if owner is _TEST:
                        return None if repeats(frame) else ((frame.f_code, frame.f_lasti),)
                    if owner is _RUNNER:
                        break
                if frame is root:
                    return None if self._origins.suite_calls.serves(root) else id(task)
                frame = frame.f_back
        return None if task is None else id(task)

    @staticmethod
    def _forget(loans: dict[int, Loan]) -> None:
        """Those that nobody can give back any more, where there are many: each is a connection."""
        if len(loans) >= _MANY:
            for number, loan in list(loans.items()):
                if not loan.is_held:
                    loans.pop(number, None)

    def tell(self, watch: Watch) -> None:
        """Something was learnt of a connection that may be the application's."""
        if watch.place is not None:
            origin, maker = watch.place
            self._opened[origin, watch.database, maker].update(watch.timeouts)

    # What the plugin tells

    def look(self, test: str, *, passed: bool) -> None:
        """A test and its fixtures are over; one that failed may have been cut short.

        Called in the thread that runs the tests.
        """
        loans, begun = self._loans.pop(test, {}), self._begun.pop(test, {})
        nested = self._nested.pop(test, set())
        self._latest.clear()
        if not passed:
            return
        self._held |= nested
        for loan in list(loans.values()):  # other threads go on
            self._consider(loan, loan, later=loan.collectable)
        for watch, mark in list(begun.values()):
            self._consider(watch, mark, later=False)

    def settle(self) -> None:
        """The last test is over, and so is what nobody had any more."""
        undecided, self._undecided = self._undecided, []
        for held, mark in undecided:
            if mark.ended() and _is_held(held, mark):
                self._keep(held, mark)

    @property
    def is_undecided(self) -> bool:
        """Whether something was left that the garbage collector may give back."""
        return bool(self._undecided)

    def _consider(self, held: Loan | Watch, mark: Mark, *, later: bool) -> None:
        if not _is_held(held, mark):
            return
        if later or not mark.ended():
            self._undecided.append((held, mark))
        else:
            self._keep(held, mark)

    def _keep(self, held: Loan | Watch, mark: Mark) -> None:
        hold = Hold.CONNECTION if isinstance(held, Loan) else Hold.TRANSACTION
        watch = held.watch if isinstance(held, Loan) else held
        maker = held.maker if isinstance(held, Loan) else _maker(held)
        self._held.add(Held(hold, mark.origin, watch.database, maker, mark.moment.test))

    # What was heard

    def take(self) -> tuple[tuple[Pool, ...], tuple[Opened, ...], tuple[Held, ...]]:
        """Everything since the last take."""
        pools, self._pools = self._pools, {}
        opened, self._opened = self._opened, defaultdict(set)
        held, self._held = self._held, set()
        return (
            tuple(pools),
            tuple(Opened(*where, tuple(sorted(set(names)))) for where, names in opened.items()),
            tuple(held),
        )


def _is_lenders(frame: FrameType | None) -> bool:
    """Whether a pool has a connection made, or Django: whose it is will be said later."""
    for _ in range(_NEAREST):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__", "")).startswith(_LENDERS):
            return True
        frame = frame.f_back
    return False


def _is_held(held: Loan | Watch, mark: Mark) -> bool:
    if isinstance(held, Loan):
        return held.is_held
    return held.begun is mark and held.is_the_applications and held.is_in_transaction


def _maker(watch: Watch) -> Maker:
    return watch.place[1] if watch.place is not None else watch.maker
