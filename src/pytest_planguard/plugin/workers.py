"""xdist: workers send what they captured with each test's last report, the controller adds up."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Generator, Mapping
from typing import Any

import msgspec
import pytest

from pytest_planguard.capture.merge import Merger
from pytest_planguard.capture.recorder import SWITCHED_OFF, switched_off
from pytest_planguard.model.capture import Capture, Database
from pytest_planguard.plugin.collector import Collector

_ATTRIBUTE = "planguard"

_NAME = "xdist"


def pack(capture: Capture) -> str:
    """A capture as text that fits into a report."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(capture), 1)).decode("ascii")


def unpack(text: str) -> Capture:
    """A capture from a report."""
    return msgspec.json.decode(zlib.decompress(base64.b64decode(text)), type=Capture)


class Sender:
    """In a worker: payloads travel on teardown reports, so that a crash loses one test's."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attaches what is new."""
        report = yield
        if call.when == "teardown":
            setattr(report, _ATTRIBUTE, self._payload())
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Sends what came after the last test."""
        self._collector.settle()
        output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]
        output[_ATTRIBUTE] = self._payload()
        output[f"{_ATTRIBUTE}_mistakes"] = self._collector.mistakes
        self._collector.stop()

    def _payload(self) -> str:
        """What is new; a bug of ours costs that, not the user's run."""
        try:
            return pack(self._collector.take())
        except Exception as error:  # noqa: BLE001 -- see above
            self._collector.recorder.fail(_NAME, error)
            return pack(_lost(error))


class Receiver:
    """In the controller: merges what workers sent."""

    def __init__(self) -> None:
        self.merger = Merger()
        self.mistakes = ""
        self.crashed: list[str] = []

    @property
    def databases(self) -> Mapping[str, Database]:
        """What workers have told of the tests' databases so far."""
        return self.merger.databases

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the payload off, so that no other plugin meets it."""
        payload = vars(report).pop(_ATTRIBUTE, None)
        if payload is not None:
            self._add(payload, getattr(report, "worker_id", ""))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker ended, as it should or not."""
        output = getattr(node, "workeroutput", None) or {}
        payload = output.pop(_ATTRIBUTE, None)
        if payload is not None:
            self._add(payload, node.gateway.id)
        self.mistakes = self.mistakes or output.get(f"{_ATTRIBUTE}_mistakes", "")
        if error is not None:
            self.crashed.append(str(node.gateway.id))

    def _add(self, payload: str, worker: str) -> None:
        try:
            self.merger.add(unpack(payload), worker)
        except Exception as error:  # noqa: BLE001 -- the tests' own results stay as they are
            self.merger.add(_lost(error))


def _lost(error: Exception) -> Capture:
    """Stands for a part that could not be sent or read."""
    return Capture((), notes=(switched_off(_NAME, error),), interrupted=SWITCHED_OFF)
