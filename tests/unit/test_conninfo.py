import pytest

from fix_secrets import leaked
from pytest_planguard.conninfo import has_password, parameters, without_password
from pytest_planguard.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgresql://u:p@ssw0rd@localhost/db", 'holds an "@" that is not percent-encoded'),
        ("postgresql://u:12/ssw0rd@localhost/db", 'holds an "@" after its first "/"'),
        ("host=u@ssw0rd", 'names a host with an "@" in it'),
        ("postgresql://u:hunter2/db", "has a port that is no number"),
        ("dbname=postgresql://u:hunter2@h/db", "names a URL as its database"),
    ],
)
def test_a_password_that_was_cut_is_refused_and_the_hint_says_how_to_write_it(text, said):
    with pytest.raises(ConfigurationError) as caught:
        parameters(text, "--url")
    assert caught.value.message == f"--url {said}"
    assert "percent-encode the password" in caught.value.hint
    assert not leaked(str(caught.value))


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("postgresql://u:p%40ss%2Fw@h:5/db", "password", "p@ss/w"),
        ("postgresql://u@h1:1,h2:2/db", "host", "h1,h2"),
        ("postgresql://u@[::1]:5432/db", "host", "::1"),
        ("postgresql:///db?host=@abstract", "host", "@abstract"),
        ("postgresql:///db?host=%2Frun%2Fpg", "host", "/run/pg"),
        ("postgresql:///a%40b", "dbname", "a@b"),
        ("dbname=a@b", "dbname", "a@b"),
        ("host=h password='a @b'", "password", "a @b"),
        ("service=s connect_timeout=-1", "service", "s"),
    ],
)
def test_what_is_written_rightly_is_read(text, name, value):
    assert parameters(text, "--url")[name] == value


def test_a_password_in_an_option_is_noticed():
    assert has_password("postgresql://me:hunter2@h/db")
    assert has_password("host=h password=hunter2")
    assert not has_password("postgresql://me@h/db")
    assert not has_password(None)


def test_passwords_are_taken_out_of_any_message():
    assert not leaked(without_password("x postgresql://u:hunter2@h y"))
    assert not leaked(without_password("sslpassword=hunter2&a=b"))
    assert not leaked(without_password("the word hunter2 itself", "password=hunter2"))
    assert not leaked(
        without_password('invalid token: "a%zzhunter2"', "postgresql://u:a%zzhunter2@h")
    )
