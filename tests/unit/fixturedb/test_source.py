import pytest

from pytest_planguard.errors import ConfigurationError, StatisticsError
from pytest_planguard.fixturedb.scale.source import (
    VARIABLE,
    connected,
    conninfo_from,
    has_password,
    without_password,
)

SECRET = "hunter2"


def test_the_option_beats_the_variable_which_beats_libpqs_own():
    everything = {VARIABLE: "service=theirs", "PGHOST": "h"}
    assert conninfo_from("host=mine", everything) == "host=mine"
    assert conninfo_from(None, everything) == "service=theirs"
    assert conninfo_from(None, {"PGSERVICE": "s"}) == ""


def test_where_no_server_is_named_the_error_says_how():
    with pytest.raises(ConfigurationError, match="no server to pull statistics from") as caught:
        conninfo_from(None, {"PATH": "/bin"})
    assert VARIABLE in caught.value.hint


@pytest.mark.parametrize("place", ["option", "variable"])
@pytest.mark.parametrize(
    "url", [f"postgresql://me:{SECRET}@h:1/db?x", f"postgresql://me:{SECRET}@[h/d", f"a {SECRET}"]
)
def test_what_cannot_be_parsed_is_not_quoted(url, place):
    option, environ = (url, {}) if place == "option" else (None, {VARIABLE: url})
    with pytest.raises(ConfigurationError) as caught:
        conninfo_from(option, environ)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@127.0.0.1:1/db",
        f"host=127.0.0.1 port=1 user=me password={SECRET}",
        f"host=127.0.0.1 port={SECRET} user=me password={SECRET}",
    ],
)
def test_a_server_that_cannot_be_reached_is_an_error_without_the_password(url):
    sentence = "no connection to the server"
    with pytest.raises(StatisticsError, match=sentence) as caught, connected(url):
        pass
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_in_an_option_is_noticed():
    assert has_password(f"postgresql://me:{SECRET}@h/db")
    assert not has_password("postgresql://me@h/db")
    assert not has_password(None)


def test_passwords_are_taken_out_of_any_message():
    assert SECRET not in without_password(f"x postgresql://u:{SECRET}@h y")
    assert SECRET not in without_password(f"sslpassword={SECRET}&a=b")
    assert SECRET not in without_password(f"the word {SECRET} itself", SECRET)
