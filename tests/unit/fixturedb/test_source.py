import pytest

from fix_secrets import UNREACHABLE, leaked, told
from pytest_planguard.errors import ConfigurationError, StatisticsError
from pytest_planguard.fixturedb.scale.source import VARIABLE, connected, conninfo_from


def test_the_option_beats_the_variable_which_beats_libpqs_own():
    everything = {VARIABLE: "service=theirs", "PGHOST": "h"}
    assert conninfo_from("host=mine", everything) == "host=mine"
    assert conninfo_from(None, everything) == "service=theirs"
    assert conninfo_from(None, {"PGSERVICE": "s"}) == ""


def test_where_no_server_is_named_the_error_says_how():
    with pytest.raises(ConfigurationError, match="no server to pull statistics from") as caught:
        conninfo_from(None, {"PATH": "/bin"})
    assert VARIABLE in caught.value.hint


@pytest.mark.parametrize("url", UNREACHABLE)
@pytest.mark.parametrize("place", ["option", "variable"])
def test_no_error_tells_any_part_of_a_password(url, place):
    option, environ = (url, {}) if place == "option" else (None, {VARIABLE: url})
    with (
        pytest.raises((ConfigurationError, StatisticsError)) as caught,
        connected(conninfo_from(option, environ)),
    ):
        pass
    assert not leaked(told(caught.value))


def test_a_server_that_cannot_be_reached_is_named():
    sentence = "no connection to the server: .*127.0.0.1"
    with pytest.raises(StatisticsError, match=sentence), connected(UNREACHABLE[0]):
        pass
