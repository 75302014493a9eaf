import pytest

from fix_secrets import UNREACHABLE, leaked, told
from pytest_planguard.errors import ConfigurationError, ServerError
from pytest_planguard.fixturedb.providers.url import connected
from pytest_planguard.model.spec import DatabaseSpec


@pytest.mark.parametrize("url", UNREACHABLE)
def test_no_error_tells_any_part_of_a_password(url):
    with pytest.raises((ConfigurationError, ServerError)) as caught:
        connected(DatabaseSpec(provider="url", url=url))
    assert not leaked(told(caught.value))


def test_a_url_that_cannot_be_read_is_a_mistake_of_the_configuration():
    with pytest.raises(ConfigurationError, match="the database URL is no connection string"):
        connected(DatabaseSpec(provider="url", url="postgresql://u@[::1/x"))
