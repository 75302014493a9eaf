from __future__ import annotations

import pytest

import fix_reports
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.pipeline.upgrade import moved_to


def test_the_lines_name_both_servers_count_and_show_what_moved(project, pipeline, say):
    pipeline.report = fix_reports.from_the_contract()
    said = say("upgrade", "--to", "18", "--fail-on", "warning")
    assert said.status == 1
    head, counts, unplanned, worse, *_ = said.out.splitlines()
    assert head == "PostgreSQL 16.14 → 18.6, with the same statistics and settings"
    assert counts == "211 plans alike, 1 worse, 0 better, 0 of another shape"
    assert unplanned == "9 not plannable"
    assert worse == "worse 0a1b2c3d4e5f  cost 8.4 → 890,000  app/orders.py:41 list_orders"
    assert "E PLN003 plan-regression" in said.out
    (call,) = pipeline.calls
    assert (call.to, call.start, call.config.fail_on) == ("18", "", Severity.WARNING)


@pytest.mark.parametrize(
    ("report", "status"),
    [(fix_reports.empty, 0), (fix_reports.one_finding, 1), (fix_reports.incomplete, 3)],
)
def test_the_exit_status_is_the_verdicts(project, pipeline, say, report, status):
    pipeline.report = report()
    assert say("upgrade", "--to", "18", "--from", "16").status == status


def test_reports_are_written_in_the_existing_formats(project, pipeline, say):
    pipeline.report = fix_reports.from_the_contract()
    say("upgrade", "--to", "18", "--report", "markdown:up.md", "--report", "json:up.json")
    assert (project / "up.md").read_text().startswith("<!-- pytest-planguard -->")
    assert (project / "up.json").is_file()


def test_without_a_target_it_is_a_mistake(project, pipeline, say):
    assert say("upgrade").status == 2
    assert pipeline.calls == []


EMBEDDED = DatabaseSpec(version=16, statistics=None, settings={"work_mem": "8MB"})
STOCK = DatabaseSpec(provider="container", image="docker.io/library/postgres:16.4-alpine")


@pytest.mark.parametrize(
    ("spec", "target", "wanted"),
    [
        (EMBEDDED, "18", ("embedded", 18, "", "")),
        (STOCK, "18", ("container", None, "docker.io/library/postgres:18", "")),
        (EMBEDDED, "postgres:18.4", ("container", None, "postgres:18.4", "")),
        (STOCK, "ghcr.io/x/pg@sha256:00", ("container", None, "ghcr.io/x/pg@sha256:00", "")),
        (EMBEDDED, "postgresql://h/x", ("url", None, "", "postgresql://h/x")),
        (EMBEDDED, "host=h dbname=x", ("url", None, "", "host=h dbname=x")),
        (DatabaseSpec(provider="url", url="postgresql://h/x"), "18", ("embedded", 18, "", "")),
    ],
)
def test_a_target_is_a_major_an_image_or_a_url_and_all_else_stays(spec, target, wanted):
    found = moved_to(spec, target)
    assert (found.provider, found.version, found.image, found.url) == wanted
    assert found.settings == spec.settings
    assert found.server_only == (found.provider == "url")


@pytest.mark.parametrize(
    ("spec", "target", "sentence"),
    [
        (EMBEDDED, "eighteen", 'found "eighteen", wanted a major, an image or a URL'),
        (EMBEDDED, "postgres:latest", "wanted a major, an image or a URL"),
        (DatabaseSpec(as_is=True), "18", "is used with its own contents"),
        (
            DatabaseSpec(provider="container", image="postgis/postgis:16-3.4"),
            "18",
            'nobody knows which image is "postgis/postgis:16-3.4" of major 18',
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_with_what_would_do(spec, target, sentence):
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        moved_to(spec, target)
    assert caught.value.hint
