from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pytest_planguard.config import find_root, load
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.finding import Severity


def write(root: Path, text: str, table: str = "[tool.pytest-planguard]") -> Path:
    (root / "pyproject.toml").write_text(f"{table}\n{text}\n", encoding="utf-8")
    return root


def mistakes(root: Path, **given: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(root, given, {})
    assert caught.value.exit_status == 2
    return [line.strip() for line in caught.value.message.splitlines()[1:]]


def test_nothing_configured_is_the_embedded_server_and_a_cloned_schema(tmp_path):
    config = load(tmp_path, environ={})
    spec = config.databases["default"]
    assert (spec.provider, spec.schema, spec.scale) == ("embedded", "clone", "statistics")
    assert config.fail_on is Severity.ERROR
    assert config.root == tmp_path
    assert config.baseline == tmp_path / "planguard/baseline"
    assert config.capture_file == tmp_path / ".planguard/capture.json.gz"
    assert config.reports == ("term",)
    assert not config.sizes_declared
    assert not config.growth


def test_the_nearest_table_upwards_counts_and_paths_start_there(tmp_path):
    write(tmp_path, "large-table-rows = 500")
    inner = tmp_path / "service" / "tests"
    inner.mkdir(parents=True)
    (tmp_path / "service" / "pyproject.toml").write_text("[tool.other]\n")
    config = load(inner, environ={})
    assert config.root == tmp_path
    assert config.large_table_rows == 500
    assert config.thresholds.large_table_rows == 500


def test_the_current_directory_is_never_asked(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere, 'fail-on = "none"')
    monkeypatch.chdir(elsewhere)
    project = tmp_path / "project"
    project.mkdir()
    assert load(project, environ={}).fail_on is Severity.ERROR


def test_every_key_of_the_contract_is_read(tmp_path):
    (tmp_path / "schema.sql").write_text("")
    (tmp_path / "stats.json").write_text("{}")
    write(
        tmp_path,
        """
large-table-rows = 20_000
growth = true
fail-on = "warning"
critical-tables = ["orders", "audit.log"]
select = ["PLN", "IDX001"]
report = ["term", "json:out.json"]
tenant-schemas = "tenant_*"
tenant-model = "tenant_1"
[tool.pytest-planguard.database]
provider = "container"
image = "postgres:18.4"
version = 18
schema = "schema.sql"
statistics = "stats.json"
scale = "rows"
seed = 7
bindir = "pg/bin"
clock = 2026-11-02T12:00:00Z
settings = { work_mem = "64MB", random_page_cost = 1.1, jit = false }
[tool.pytest-planguard.tables.orders]
rows = 47_000_000
[tool.pytest-planguard.tables.orders.columns.status]
values = { shipped = 0.75, open = 0.2, cancelled = 0.05 }
[tool.pytest-planguard.tables.orders.columns.note]
distinct = 5
nulls = 0.1
correlation = -0.9
width = 12
[tool.pytest-planguard.tables.countries]
grows = false
[tool.pytest-planguard.severity]
PLN002 = "off"
IDX = "warning"
[[tool.pytest-planguard.ignore]]
rule = "PLN001"
table = "countries"
reason = "42 rows in production"
expires = 2027-06-30
""",
    )
    config = load(tmp_path, environ={})
    spec = config.databases["default"]
    assert (spec.provider, spec.image, spec.version) == ("container", "postgres:18.4", 18)
    assert spec.settings == {"work_mem": "64MB", "random_page_cost": "1.1", "jit": "off"}
    assert spec.statistics == tmp_path / "stats.json"
    assert spec.bindir == tmp_path / "pg/bin"
    assert spec.clock == "2026-11-02T12:00:00+00:00"
    assert (spec.scale, spec.seed) == ("rows", 7)
    orders = spec.tables["orders"]
    assert (orders.rows, orders.grows) == (47_000_000, True)
    assert not spec.tables["countries"].grows
    assert config.growth
    assert orders.columns["status"].values["open"] == 0.2
    note = orders.columns["note"]
    assert (note.distinct, note.nulls, note.correlation, note.width) == (5, 0.1, -0.9, 12)
    assert config.severity == {"PLN002": None, "IDX": Severity.WARNING}
    assert config.ignores[0].expires == dt.date(2027, 6, 30)
    assert config.thresholds.critical_tables == {"public.orders", "audit.log"}
    assert config.sizes_declared
    assert config.reports == ("term", "json:out.json")
    assert (config.tenant_schemas, config.tenant_model) == ("tenant_*", "tenant_1")


@pytest.mark.parametrize(("written", "kind"), [("1", int), ("1.0", float), ("0.5", float)])
def test_a_share_of_distinct_values_is_told_from_their_number(tmp_path, written, kind):
    table = "[tool.pytest-planguard.tables.orders.columns.note]"
    write(tmp_path, f"{table}\ndistinct = {written}\n")

    found = load(tmp_path, environ={}).databases["default"].tables["orders"].columns["note"]

    assert (found.distinct, type(found.distinct)) == (float(written), kind)


def test_all_mistakes_are_told_at_once_by_their_dotted_names(tmp_path):
    write(
        tmp_path,
        """
large_table_rows = 10
fail-on = "eror"
critical-tables = ["orders", 3]
[tool.pytest-planguard.database]
provider = "embeded"
image = "postgres"
version = "18"
clok = "x"
settings = { work_mem = [1] }
[tool.pytest-planguard.tables.orders]
row = 3
rows = -4
columns.status.values = { a = 0.75, b = 0.5 }
[tool.pytest-planguard.severity]
PLN002 = "of"
pln001 = "off"
[[tool.pytest-planguard.ignore]]
rule = "PLN001"
expires = "soon"
""",
    )
    found = mistakes(tmp_path)
    expected = {
        'large_table_rows: unknown key; did you mean "large-table-rows"?',
        'fail-on: found "eror", wanted one of none, error, warning; did you mean "error"?',
        "critical-tables: found 3 in the array, wanted strings",
        (
            'database.provider: found "embeded", wanted one of embedded, container, url; '
            'did you mean "embedded"?'
        ),
        'database.image: found "postgres", wanted a fixed version such as "postgres:18.4"',
        'database.version: found "18", wanted a number of at least 12',
        'database.clok: unknown key; did you mean "clock"?',
        "database.settings.work_mem: found an array, wanted a string, a number, true or false",
        'tables.orders.row: unknown key; did you mean "rows"?',
        "tables.orders.rows: found -4, wanted a number of at least 0",
        (
            "tables.orders.columns.status.values: the shares (and nulls) add up to 1.25, "
            "wanted 1 at most"
        ),
        'severity.PLN002: found "of", wanted one of error, warning, info, off; did you mean "off"?',
        (
            'severity.pln001: found "pln001", wanted a rule code such as PLN001 or PLN; '
            'did you mean "PLN001"?'
        ),
        "ignore[0].reason: missing, an ignore needs one",
        'ignore[0].expires: found "soon", wanted a date such as 2027-06-30',
    }
    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("image", ["postgres", "postgres:latest", "registry:5000/postgres"])
def test_an_image_without_a_fixed_version_is_a_mistake(tmp_path, image):
    write(
        tmp_path, f'provider = "container"\nimage = "{image}"', "[tool.pytest-planguard.database]"
    )
    assert "wanted a fixed version" in mistakes(tmp_path)[0]


def test_keys_of_another_provider_are_mistakes(tmp_path):
    write(
        tmp_path,
        'image = "postgres:18.4"\nurl = "postgresql://h/d"\nas-is = true',
        "[tool.pytest-planguard.database]",
    )
    assert mistakes(tmp_path) == [
        'database.image: needs provider = "container", found "embedded"',
        'database.url: needs provider = "url", found "embedded"',
        'database.as-is: needs provider = "url", found "embedded"',
    ]


def test_a_schema_or_statistics_file_that_is_not_there_is_a_mistake(tmp_path):
    write(
        tmp_path,
        'schema = "schma.sql"\nstatistics = "no.json"',
        "[tool.pytest-planguard.database]",
    )
    first, second = mistakes(tmp_path)
    assert 'no file "schma.sql"' in first
    assert 'no file "no.json"' in second


def test_broken_toml_is_one_clear_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pytest-planguard\n")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path, environ={})


def test_an_option_beats_the_environment_which_beats_the_file(tmp_path):
    write(tmp_path, 'fail-on = "error"\nbaseline = "a"\nselect = ["PLN"]')
    environ = {"PLANGUARD_FAIL_ON": "none", "PLANGUARD_BASELINE": "b", "PLANGUARD_SELECT": "IDX"}
    config = load(tmp_path, {"fail_on": None, "baseline": "c"}, environ)
    assert config.fail_on is None
    assert config.baseline == tmp_path / "c"
    assert config.select == ("IDX",)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path):
    with pytest.raises(ConfigurationError, match='PLANGUARD_FAIL_ON: found "warn"'):
        load(tmp_path, environ={"PLANGUARD_FAIL_ON": "warn"})


@pytest.mark.parametrize(
    ("given", "environ", "fails"),
    [(None, {}, False), (True, {}, True), (None, {"PLANGUARD_FAIL_ON_GROWTH": "1"}, True),
     (None, {"PLANGUARD_FAIL_ON_GROWTH": "off"}, False)],
)  # fmt: skip
def test_growth_fails_where_an_option_or_the_environment_says_so(tmp_path, given, environ, fails):
    assert load(tmp_path, {"fail_on_growth": given}, environ).fail_on_growth is fails


def test_a_flag_in_the_environment_is_yes_or_no(tmp_path):
    with pytest.raises(ConfigurationError, match='PLANGUARD_FAIL_ON_GROWTH: found "maybe"'):
        load(tmp_path, environ={"PLANGUARD_FAIL_ON_GROWTH": "maybe"})


def test_a_server_given_as_an_option_replaces_the_configured_one(tmp_path):
    write(
        tmp_path,
        'provider = "container"\nimage = "postgres:18.4"\nsettings = { work_mem = "8MB" }',
        "[tool.pytest-planguard.database]",
    )
    spec = load(tmp_path, {"db": "postgresql://h/x"}, {}).databases["default"]
    assert (spec.provider, spec.url, spec.image) == ("url", "postgresql://h/x", "")
    assert spec.settings == {"work_mem": "8MB"}


def test_the_usual_statistics_file_is_taken_where_it_exists(tmp_path):
    (tmp_path / "planguard").mkdir()
    (tmp_path / "planguard/statistics.json").write_text("{}")
    config = load(tmp_path, environ={})
    assert config.databases["default"].statistics == tmp_path / "planguard/statistics.json"
    assert config.sizes_declared


def test_databases_of_one_name_are_told_apart_by_their_servers(tmp_path):
    write(
        tmp_path,
        """
[tool.pytest-planguard.databases.main]
match = "shop"
[tool.pytest-planguard.databases.reports]
match = "shop@reports:5432"
""",
    )
    config = load(tmp_path, environ={})
    assert config.database_of("test_shop_gw3@localhost:5433") == "main"
    assert config.database_of("reports@localhost:5433") == "reports"
    assert config.database_of("shop@reports:5433") == "main"
    assert config.database_of("shop@reports:5432") == "reports"


def test_several_databases_are_told_apart_by_the_names_tests_know(tmp_path):
    write(
        tmp_path,
        """
[tool.pytest-planguard.tables.orders]
rows = 5
[tool.pytest-planguard.databases.main]
match = "shop_*"
[tool.pytest-planguard.databases.stats]
match = ["warehouse"]
tables.facts.rows = 9
[tool.pytest-planguard.databases.replica]
replica-of = "main"
""",
    )
    config = load(tmp_path, environ={})
    assert set(config.databases) == {"main", "stats"}
    assert config.database_of("test_shop_eu_gw3") == "main"
    assert config.database_of("replica") == "main"
    assert config.database_of("warehouse") == "stats"
    assert config.database_of("other") is None
    assert set(config.databases["stats"].tables) == {"orders", "facts"}
    assert set(config.databases["main"].tables) == {"orders"}


def test_a_single_database_stands_for_every_name(tmp_path):
    assert load(tmp_path, environ={}).database_of("whatever_gw1") == "default"


def test_the_most_exact_code_decides_what_runs(tmp_path):
    config = load(tmp_path, {"select": "PLN,IDX001", "ignore": "PLN00"}, {})
    assert config.wants("IDX001")
    assert not config.wants("IDX002")
    assert not config.wants("PLN001")
    assert config.wants("PLN010")
    everything = load(tmp_path, {"ignore": "PLN"}, {})
    assert everything.wants("IDX001")
    assert not everything.wants("PLN001")


def test_the_most_exact_severity_wins(tmp_path):
    write(tmp_path, 'PLN = "warning"\nPLN002 = "off"', "[tool.pytest-planguard.severity]")
    config = load(tmp_path, environ={})
    assert config.severity_of("PLN001", Severity.ERROR) is Severity.WARNING
    assert config.severity_of("PLN002", Severity.INFO) is None
    assert config.severity_of("IDX001", Severity.ERROR) is Severity.ERROR


def test_an_option_that_does_not_exist_is_the_callers_mistake(tmp_path):
    with pytest.raises(TypeError, match="colour"):
        load(tmp_path, {"colour": "red"}, {})


def test_commands_work_from_the_folder_with_the_table_else_from_pytests_root(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pytest.ini").write_text("")
    assert find_root(inner) == tmp_path / "a"
    write(tmp_path, "")
    assert find_root(inner) == tmp_path


def test_tenant_schemas_need_a_model(tmp_path):
    write(tmp_path, 'tenant-schemas = "tenant_*"')
    (only,) = mistakes(tmp_path)
    assert only == "tenant-model: missing, tenant-schemas needs it"


def test_what_is_to_be_redacted_adds_up(tmp_path):
    write(tmp_path, 'redact = ["users.email", "*.token"]\nredact-values = "^4[0-9]{15}$"')
    found = load(tmp_path, {"redact": "app.user,*.token"}, {}).redaction
    assert found.columns == ("users.email", "*.token", "app.user")
    assert found.values == ("^4[0-9]{15}$",)
    assert load(tmp_path, {}, {"PLANGUARD_REDACT": "*"}).redaction.everything


def test_what_would_redact_nothing_or_everything_by_mistake_is_told(tmp_path):
    write(tmp_path, 'redact = ["email", "a.b.c.d"]\nredact-values = ["(", "x*"]')
    found = mistakes(tmp_path, redact="tokens")
    assert found[0].startswith('redact: found "email", wanted TABLE.COLUMN such as "users.email"')
    assert found[1].startswith('redact: found "a.b.c.d"')
    assert found[2].startswith('option redact: found "tokens"')
    assert found[3].startswith('redact-values: found "(", no regular expression: ')
    assert found[4] == 'redact-values: found "x*", which is found in every value'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[project]\nname = 'shop'\n[tool.pytest-planguard]\n", "shop"),
        ("[tool.poetry]\nname = 'shop'\n[tool.pytest-planguard]\n", "shop"),
        ("[project]\nname = 'shop'\n[tool.pytest-planguard]\nproject = 'billing'\n", "billing"),
        ("[project]\nname = 'shop'\n", "shop"),
        ("[tool.pytest-planguard]\n", ""),
        ("[project]\nname = 5\n[tool.pytest-planguard]\n", ""),
    ],
)
def test_the_project_is_called_as_its_packaging_says_or_as_configured(tmp_path, text, name):
    (tmp_path / "pyproject.toml").write_text(text)
    assert load(tmp_path, environ={}).project == name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ('[[tool.pytest-planguard.ignore]]\nrule = "PLM001"\nreason = "why"', "ignore[0].rule"),
        ('[tool.pytest-planguard.severity]\nPLM001 = "off"', "severity.PLM001"),
        ('[tool.pytest-planguard]\nselect = ["PLM001"]', "select"),
    ],
)
def test_a_code_that_no_rule_has_is_a_mistake_with_a_guess(tmp_path, given, name):
    (tmp_path / "pyproject.toml").write_text(given)
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, environ={})
    assert f'{name}: there is no rule "PLM001"; did you mean "PLN001"?' in caught.value.message
