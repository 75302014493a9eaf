"""Django over the drivers: lines, aliases, rows of many; and the driver it would have had."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Layer, Via
from pytest_planguard.plugin.django_driver import HIDDEN
from pytest_planguard.sql.normalise import queries

django = pytest.importorskip("django")

SETTINGS = """
import sys
from urllib.parse import parse_qs, urlsplit
import django
from django.conf import settings

def configure(url):
    parts = urlsplit(url)
    one = {
        "ENGINE": "django.db.backends.postgresql", "NAME": parts.path.strip("/"),
        "USER": parts.username, "HOST": parse_qs(parts.query)["host"][0],
    }
    settings.configure(
        DATABASES={"default": one, "replica": {**one, "TEST": {"MIRROR": "default"}}},
        INSTALLED_APPS=["clinic"], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
"""

MODELS = """
from django.db import models

class PatientQuerySet(models.QuerySet):
    def adults(self):
        return list(self.filter(age__gte=18))

class Patient(models.Model):
    name = models.TextField()
    age = models.IntegerField()
    objects = PatientQuerySet.as_manager()

    class Meta:
        app_label = "clinic"
"""

APP = """
import sys
BLOCKED = "DRIVER"
if BLOCKED == "psycopg2":
    sys.modules["psycopg"] = None
from settings import configure

def rename(connection, names):
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE clinic_patient SET name = %s WHERE id = %s", names)

def main(url):
    configure(url)
    from django.db import connection, connections, transaction
    from models import Patient
    with connection.schema_editor() as editor:
        editor.create_model(Patient)
    with transaction.atomic():
        Patient.objects.bulk_create(Patient(name=f"n{n}", age=n) for n in range(30))
        Patient.objects.adults()
        for n in range(3):
            Patient.objects.get(pk=n + 1)
        rename(connection, [("a", 1), ("b", 2)])
    Patient.objects.using("replica").filter(name="x").exists()
    for one in connections.all():
        one.close()
"""


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_lines_interfaces_aliases_and_rows_of_django_are_known(
    capture_of: Callable[..., Capture], driver: str
) -> None:
    capture = capture_of(
        APP.replace("DRIVER", driver),
        settings=SETTINGS,
        models=MODELS,
        clinic="",
    )
    assert capture.notes == ()
    assert {item.session.driver for item in capture.statements} == {driver}
    (database,) = capture.databases.values()
    assert database.aliases == ("default", "replica")
    found = {query.sql: query for query in queries(capture)}
    asked = {
        (place.origin.file, place.origin.function, place.origin.via, query.executions)
        for query in found.values()
        for place in query.places
    }
    assert asked == {
        ("models.py", "PatientQuerySet.adults", Via.DJANGO_ORM, 1),
        ("app.py", "main", Via.DJANGO_ORM, 3),
        ("app.py", "rename", Via.DJANGO, 1),
        ("app.py", "main", Via.DJANGO_ORM, 1),
    }
    assert {place.origin.layer for query in found.values() for place in query.places} == {
        Layer.APPLICATION
    }
    assert len(found) == 5, list(found)
    assert not any("set_config" in sql or "pg_" in sql for sql in found)


ASKED = """
import datetime as dt
import decimal
import uuid

BLOCKED = "DRIVER"
if BLOCKED == "psycopg2":
    import sys
    sys.modules["psycopg"] = None
from settings import configure

def main(url):
    configure(url)
    from django.db import connection, connections, models
    class Visit(models.Model):
        on = models.DateField()
        at = models.DateTimeField()
        price = models.DecimalField(max_digits=8, decimal_places=2)
        share = models.FloatField()
        note = models.TextField(null=True)
        paid = models.BooleanField()
        code = models.UUIDField()
        data = models.JSONField()
        raw = models.BinaryField()
        took = models.DurationField()
        class Meta:
            app_label = "clinic"
    with connection.schema_editor() as editor:
        editor.create_model(Visit)
    now = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    facts = dict(on=now.date(), at=now, price=decimal.Decimal("1.50"), share=1.5, note="it's 5%",
        paid=True, code=uuid.UUID(int=5), data={"a": [1]}, raw=b"\\x00'", took=dt.timedelta(1, 2))
    Visit.objects.create(**facts)
    Visit.objects.bulk_create([Visit(**facts), Visit(**facts)])
    asked = Visit.objects
    for name, value in facts.items():
        list(asked.filter(**{name: value}))
    list(asked.filter(pk__in=[1, 2, 70_000, 5_000_000_000], price__gt=-1)[:5])
    list(asked.filter(note__icontains="x%y", on__year=2026, at__range=(now, now)).order_by("pk"))
    list(asked.filter(data__a__0=1, data__has_key="a"))
    asked.filter(pk=1).update(note=None, share=models.F("share") * -2)
    asked.filter(pk=2).delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM clinic_visit WHERE id = ANY(%s)", [[1, 2]])
        cursor.execute("SELECT * FROM clinic_visit WHERE note LIKE 'a%%' AND id = %s", [2**40])
    with connection.schema_editor() as editor:
        editor.delete_model(Visit)
    connections.close_all()
"""


def test_a_query_of_django_has_the_same_key_over_both_drivers(
    capture_of: Callable[..., Capture],
) -> None:
    keys = []
    for driver in ("psycopg", "psycopg2"):
        capture = capture_of(ASKED.replace("DRIVER", driver), settings=SETTINGS, clinic="")
        assert capture.notes == ()
        assert {item.session.driver for item in capture.statements} == {driver}
        keys.append({query.sql: query.key for query in queries(capture)})
    assert len(keys[0]) > 15
    assert keys[0].keys() == keys[1].keys()
    # Before 5.1 Django tells psycopg 2 no type of JSON: the server has to infer it.
    untyped = 0 if django.VERSION >= (5, 1) else 3
    assert len(keys[0].items() ^ keys[1].items()) == 2 * untyped


ASYNC = """
import asyncio

from asgiref.sync import SyncToAsync
from settings import configure

async def find(patients, key):
    return await patients.filter(pk=key).afirst()

async def run(patients):
    await asyncio.gather(*(find(patients, key) for key in range(3)))
    async for patient in patients.filter(age__gt=3):
        pass

def main(url):
    configure(url)
    from django.db import connection
    from models import Patient
    with connection.schema_editor() as editor:
        editor.create_model(Patient)
    assert asyncio.iscoroutinefunction(SyncToAsync.__call__)
    asyncio.run(run(Patient.objects))
    from django.db import connections
    connections.close_all()
"""


def test_lines_of_asynchronous_queries_are_found_through_their_thread(
    capture_of: Callable[..., Capture],
) -> None:
    capture = capture_of(ASYNC, settings=SETTINGS, models=MODELS, clinic="")
    assert capture.notes == ()
    places = {
        query.sql.partition(" WHERE ")[2]: [
            (place.origin.line, place.origin.function, place.origin.via, place.executions)
            for place in query.places
        ]
        for query in queries(capture)
    }
    assert sorted(places.values()) == [
        [(8, "find", Via.DJANGO_ORM, 3)],
        [(12, "run", Via.DJANGO_ORM, 1)],
    ]


HANDED = """
import asyncio, contextvars, traceback
from asgiref.sync import SyncToAsync, sync_to_async
from __main__ import recorder

def names():
    return {var.name for var in contextvars.copy_context()}

def fails():
    assert "planguard_handed_over" in names()
    raise LookupError("mine")

async def run():
    assert "planguard_handed_over" in await sync_to_async(names)()
    try:
        await sync_to_async(fails)()
    except LookupError as error:
        frames = traceback.extract_tb(error.__traceback__)
        assert not [frame for frame in frames if "pytest_planguard" in frame.filename]
    else:
        raise AssertionError
    assert "planguard_handed_over" not in names()

def main(url):
    assert hasattr(SyncToAsync.__call__, "__wrapped__")
    asyncio.run(run())
    assert recorder.failure is None
"""


def test_a_context_is_left_as_it_was_found(capture_of: Callable[..., Capture]) -> None:
    assert capture_of(HANDED).notes == ()


PROJECT = """
import os
from django.db import connection
from django.db.backends.postgresql.psycopg_any import is_psycopg3

def test_driver():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS one")
    import psycopg
    assert is_psycopg3 is (os.environ["EXPECTED"] == "psycopg"), is_psycopg3
    assert psycopg.__version__.startswith("3")
"""

DJANGO_SETTINGS = """
import os
from urllib.parse import parse_qs, urlsplit
parts = urlsplit(os.environ["URL"])
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": parts.path.strip("/"),
    "USER": parts.username, "HOST": parse_qs(parts.query)["host"][0],
}}
"""

CONFTEST = """
import os
from pytest_planguard.capture import requirements
requirements._by_hand = lambda: False  # however it came into this environment
os.environ["DJANGO_SETTINGS_MODULE"] = "project_settings"
import django
django.setup()
from django.db import connection
"""


@pytest.mark.parametrize(
    ("requirement", "expected"), [("psycopg2-binary", "psycopg2"), ("psycopg[binary]", "psycopg")]
)
@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_planguard_changes_nobodys_driver(
    suite_of: Callable[..., pytest.RunResult], requirement: str, expected: str, on: bool
) -> None:
    """Both are installed, and planguard is what brought psycopg."""
    result = suite_of(requirement, expected, on=on)
    result.assert_outcomes(passed=1)


@pytest.fixture
def suite_of(
    pytester: pytest.Pytester, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Runs a suite of a project that requires a driver."""
    import psycopg

    assert psycopg.__version__.startswith("3")
    monkeypatch.setenv("URL", database_url)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))

    def run(requirement: str, expected: str, *, on: bool) -> pytest.RunResult:
        monkeypatch.setenv("EXPECTED", expected)
        pytester.path.joinpath("requirements.txt").write_text(f"django\n{requirement}\n")
        pytester.makeconftest(CONFTEST)
        pytester.makepyfile(project_settings=DJANGO_SETTINGS, test_driver=PROJECT)
        options = ("--planguard", "--planguard-capture-only") if on else ()
        return pytester.runpytest_subprocess(
            "-p", "pytest_planguard.plugin", "-W", "error", *options
        )

    return run


def test_the_report_says_that_psycopg_was_hidden(
    suite_of: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    from pytest_planguard.capture import file

    suite_of("psycopg2-binary", "psycopg2", on=True).assert_outcomes(passed=1)
    capture = file.read(pytester.path / ".planguard" / "capture.json.gz")
    assert HIDDEN in capture.notes
    assert {item.session.driver for item in capture.statements} == {"psycopg2"}
