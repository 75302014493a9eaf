"""A database that is used as it is: what its URL says of sessions holds there too."""

import psycopg
import pytest

from pytest_planguard.fixturedb.asis import use_as_it_is
from pytest_planguard.fixturedb.providers.url import connected
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.planner.catalog import read_catalog


@pytest.mark.parametrize("where", ["url", "words"])
def test_the_urls_own_options_and_the_settings_hold_together(database_url, where):
    options = "-c search_path=app -c work_mem=1MB"
    if where == "url":
        url = f"{database_url}&options={options.replace(' ', '%20').replace('=', '%3D')}"
    else:
        url = psycopg.conninfo.make_conninfo(database_url, options=options)
    settings = {"work_mem": "2MB", "DateStyle": "SQL, DMY"}
    spec = DatabaseSpec(provider="url", url=url, as_is=True, settings=settings)
    found = use_as_it_is(spec, connected(spec)[0], read_catalog)
    with psycopg.connect(found.conninfo) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("search_path", "work_mem", "DateStyle", "default_transaction_read_only")
        }
    assert shown == {
        "search_path": "app",
        "work_mem": "2MB",
        "DateStyle": "SQL, DMY",
        "default_transaction_read_only": "on",
    }


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\\"])
def test_values_of_settings_may_hold_any_whitespace(database_url, space):
    settings = {"search_path": f"app,{space}public" if space != "\\" else "a\\b"}
    spec = DatabaseSpec(provider="url", url=database_url, as_is=True, settings=settings)
    found = use_as_it_is(spec, connected(spec)[0], read_catalog)
    with psycopg.connect(found.conninfo) as connection:
        (path,) = connection.execute("SHOW search_path").fetchone()
    assert path == settings["search_path"]
