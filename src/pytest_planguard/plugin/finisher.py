"""The end of a session: what the tests sent is judged, and findings fail the session."""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_planguard.capture import file
from pytest_planguard.capture.merge import Merger, alone
from pytest_planguard.capture.recorder import SWITCHED_OFF
from pytest_planguard.capture.remarks import remarks
from pytest_planguard.capture.taken import Taken
from pytest_planguard.config import folder_in_repository
from pytest_planguard.errors import ConfigurationError, PlanguardError, described
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Statement
from pytest_planguard.plugin.collector import Collector
from pytest_planguard.plugin.commit import commit_of
from pytest_planguard.plugin.databases import Servers
from pytest_planguard.plugin.declared import Declared
from pytest_planguard.plugin.selection import is_partial
from pytest_planguard.plugin.settings import Settings
from pytest_planguard.plugin.terminal import Progress, Shown, look, say, show
from pytest_planguard.plugin.unjudged import leave_unjudged, why
from pytest_planguard.plugin.workers import Receiver

if TYPE_CHECKING:
    from pytest_planguard.model.ports import PostgresServer
    from pytest_planguard.pipeline import Outcome

_LOST = "later commands (check, explain) lack it; --planguard-capture-file=PATH keeps it elsewhere"


class Finisher:
    """Judges when the tests have run, and fails the session where findings say so.

    Args:
        config: pytest's.
        settings: What was asked.
        servers: The server that may be open already.
        source: Where the capture comes from.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        servers: Servers,
        source: Collector | Receiver,
    ) -> None:
        self._config = config
        self._settings = settings
        self._servers = servers
        self._source = source
        self._shown = Shown()
        self._declared = Declared(settings.config)
        self._to_judge = ""
        """The path of what was captured, as long as it is written and not judged."""
        self._broken: set[str] = set()
        """Modules that could not be collected; xdist and an option of pytest go on without."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A collection error leaves tests out, whatever runs."""
        if report.failed:
            self._broken.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Around all tests; after this hook the exit status is settled."""
        self._tell(self._declared.in_files)
        try:
            result = yield
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            # Interrupted of pytest and xdist (collection errors, a stop at a test) derive from it.
            stopped = isinstance(error, KeyboardInterrupt) and type(error) is not KeyboardInterrupt
            self._finish(session, _sentence(error), plan=stopped)
            raise
        except Exception as error:
            self._finish(session, _sentence(error), plan=True)
            raise
        self._finish(session, "", plan=True)
        if self._source.mistakes:
            raise pytest.UsageError(self._source.mistakes)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A schema may have been read by now: what it lacks is told while the tests run."""
        if report.when == "teardown" and not self._declared.is_done:
            self._tell(lambda: self._declared.in_clones(self._source.databases))

    def _tell(self, look: Callable[[], list[str]]) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._settings.capture_only:
            return
        with suppress(Exception):  # a courtesy; what is wrong is found again at the end
            for sentence in look():
                say(reporter, sentence)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One section, before pytest's own last lines."""
        show(terminalreporter, self._shown)

    def _finish(self, session: pytest.Session, interrupted: str, *, plan: bool) -> None:
        try:
            self._judge(session, interrupted, plan=plan)
        except KeyboardInterrupt:
            self._shown.text = f"interrupted: nothing was judged{self._later()}"
            raise
        except ConfigurationError as error:
            # What only the schema could tell: a table that does not exist. A failing test wins.
            if not session.testsfailed:
                raise pytest.UsageError(f"planguard: {error}{self._later()}") from None
            self._shown.errors.append(f"{error}{self._later()}")
        except PlanguardError as error:
            self._shown.errors.append(f"{error}{self._later()}")
        except Exception as error:  # noqa: BLE001 -- the tests' own results stay as they are
            self._shown.errors.append(internal_error(error, verbose=self._settings.verbose))
            if self._settings.config.fail_on is None:
                self._shown.warnings += self._shown.errors
                self._shown.errors.clear()
        if self._shown.failed and not session.testsfailed:
            session.testsfailed = 1

    def _later(self) -> str:
        """How to judge what was captured and not judged; empty where there is no such thing."""
        if not self._to_judge:
            return ""
        command = "baseline update" if self._settings.update else "check"
        return f"\n  the tests need not run again: pytest-planguard {command} {self._to_judge}"

    def _judge(self, session: pytest.Session, interrupted: str, *, plan: bool) -> None:
        taken = self._take(interrupted)
        self._warn(taken)
        if self._settings.capture_only:
            count, written = self._write(taken.rest, taken.statements())
            self._shown.text = f"{_count(count, taken.rest)} captured in {written}"
        else:
            self._judge_whole(session, taken.whole(), interrupted, plan=plan)

    def _judge_whole(
        self, session: pytest.Session, capture: Capture, interrupted: str, *, plan: bool
    ) -> None:
        count, written = self._write(capture, capture.statements)
        if not plan:
            said = _count(count, capture)
            self._shown.text = f"{said} captured, nothing was planned: {interrupted}"
            self._leave_unjudged(capture, f"nothing was planned: {interrupted}")
        elif session.testscollected or capture.statements:
            self._to_judge = written
            self._plan(capture)
        else:
            self._leave_unjudged(capture, "no test ran")

    def _plan(self, capture: Capture) -> None:
        """Judges, then writes the reports, whatever the verdict.

        Raises:
            PlanguardError: It cannot be judged, or a report cannot be written.
        """
        from pytest_planguard.report.write import NotWrittenError

        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        progress = Progress(reporter)
        try:
            outcome = run_pipeline(self._settings, capture, progress, self._servers.server)
        except BaseException as error:
            self._leave_unjudged(capture, why(error))
            raise
        finally:
            progress.clear()
        self._to_judge = ""
        self._settle(outcome, capture)
        try:
            self._shown.text = write_reports(self._settings, outcome, reporter)
        except NotWrittenError as error:
            self._shown.text = error.text
            raise
        if outcome.refused is not None:
            raise outcome.refused

    def _leave_unjudged(self, capture: Capture, reason: str) -> None:
        self._shown.warnings += leave_unjudged(self._settings, capture, reason)

    def _settle(self, outcome: Outcome, capture: Capture) -> None:
        report = outcome.report
        self._shown.failing = sum(finding.fails for finding in report.findings)
        if outcome.exit_status and not self._shown.failing and not capture.interrupted:
            # Not the tests' doing: the server was lost, say. pytest knows of the rest itself.
            self._shown.errors.append("not everything was judged; see above, and run again")

    def _take(self, interrupted: str) -> Taken:
        if isinstance(self._source, Collector):
            self._source.settle()
            taken = self._alone(self._source.take_apart())
            self._source.stop()
        else:
            taken = self._source.merger.take()
            if self._source.crashed:
                names = ", ".join(sorted(self._source.crashed))
                interrupted = interrupted or f"worker {names} crashed"
        if self._broken and not interrupted:
            interrupted = f"{', '.join(sorted(self._broken))} could not be collected"
        rest = msgspec.structs.replace(
            taken.rest,
            project=self._settings.config.project,
            commit=commit_of(self._config.rootpath),
            folder=folder_in_repository(self._config.rootpath, os.environ),
            partial=taken.rest.partial or is_partial(self._config),
            remarks=remarks(taken, self._config.rootpath),
            interrupted="; ".join(filter(None, (interrupted, taken.rest.interrupted))),
        )
        return taken._replace(rest=rest)

    def _alone(self, taken: Taken) -> Taken:
        if not self._settings.config.redaction.wanted:
            return alone(taken)
        merger = Merger()
        merger.add(taken.whole())
        return merger.take()

    def _warn(self, taken: Taken) -> None:
        capture = taken.rest
        gated = self._settings.config.fail_on is not None and not self._settings.capture_only
        where = self._shown.errors if gated else self._shown.warnings
        where += [note for note in capture.notes if note.startswith(SWITCHED_OFF)]
        if capture.finished and not taken.origins:
            drivers = ", ".join(capture.drivers) or "no driver, none could be imported"
            self._shown.warnings.append(
                f"nothing was captured although {_ran(capture)}; listened to: {drivers}"
            )

    def _write(self, capture: Capture, statements: Iterable[Statement]) -> tuple[int, str]:
        """Writes the capture file; without it this run can still be judged.

        Returns:
            How many statements there are, and where the file is; empty: nowhere.

        Raises:
            CaptureError: It is all that was wanted, and cannot be written.
        """
        settings = self._settings
        path = settings.config.capture_file
        try:
            count = file.write(capture, path, statements)
            ignore = path.parent / ".gitignore"
            if path.parent.name == ".planguard" and not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except (PlanguardError, OSError) as error:
            if settings.capture_only:
                raise
            said = error.message if isinstance(error, PlanguardError) else str(error)
            self._shown.warnings.append(f"{said}\n  {_LOST}")
            return len(capture.statements), ""
        root = self._config.rootpath
        return count, str(path.relative_to(root) if path.is_relative_to(root) else path)


def run_pipeline(
    settings: Settings,
    capture: Capture,
    progress: Callable[[str], None],
    server: PostgresServer | None,
) -> Outcome:
    """Judges a capture, and updates the baseline where asked.

    Raises:
        PlanguardError: It cannot be judged.
    """
    with _without_garbage_collection():
        from pytest_planguard import pipeline

        options = pipeline.Options(
            update=settings.update,
            update_new=settings.update_new,
            trim=settings.trim,
            reason=settings.reason,
            verbose=settings.verbose > 0,
        )
        return pipeline.run(settings.config, capture, options, progress, server)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Plans are trees, not circles; every collection would walk all that the suite has left."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write_reports(
    settings: Settings, outcome: Outcome, reporter: pytest.TerminalReporter | None
) -> str:
    """Writes the reports; the text is for standard output.

    Raises:
        NotWrittenError: After all that could be written was.
    """
    from pytest_planguard import pipeline

    shown_as = look(reporter, settings.verbose)
    return pipeline.write_reports(outcome, settings.config.reports, shown_as)


def _count(statements: int, capture: Capture) -> str:
    tests = len(capture.finished)
    return f"{statements} statement{'s' * (statements != 1)} of {tests} test{'s' * (tests != 1)}"


def _ran(capture: Capture) -> str:
    tests = len(capture.finished)
    return f"{tests} test{'s' * (tests != 1)} ran"


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt) and not str(error):
        return "interrupted from the keyboard"
    return str(error) or type(error).__name__


def internal_error(error: Exception, *, verbose: int) -> str:
    """What a user sees of a bug of ours; with ``-v`` the traceback too."""
    cause = f"internal error of planguard: {described(error)}"
    if verbose > 0:  # its lines, and no message but ours: it may quote a value
        lines = "".join(traceback.format_tb(error.__traceback__))
        return f"{cause}\nTraceback (most recent call last):\n{lines}{described(error)}"
    return cause + "\n  run with -v for the traceback, and please report it"
