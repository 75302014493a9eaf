"""The whole product on a real application: shop, with production's sizes and five faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fix_shop import SHOP, Fault, Judged, Project, baseline_command, faults, judged, letters, shop
from pytest_planguard import registry

REPAIRS = (
    (
        "shop/catalog.py",
        "func.upper(Product.sku) == func.upper(code)",
        "Product.sku == code.upper()",
    ),
    ("shop/payments.py", '(ledger_row["invoice"],)', '(int(ledger_row["invoice"]),)'),
    (
        "shop/orders.py",
        "Order.id)\n    ).all()\n\n\ndef mark_shipped",
        "Order.id)\n        .limit(25)\n    ).all()\n\n\ndef mark_shipped",
    ),
)
"""Rewrites the report asks for; indexes come from the report itself."""

DROPPED = {
    "payments_legacy_invoice_idx": (
        "shop/payments.py",
        "of_legacy_invoice",
        "public.payments: index → seq (45.0M rows, cost ×",
    ),
    "reviews_customer_idx": (
        "shop/reviews.py",
        "written_by",
        "public.reviews: index reviews_customer_idx → index reviews_product_id_customer_id_key",
    ),
}
"""Indexes that are taken away: who asks, and what becomes of the plan."""


@pytest.fixture(scope="module")
def fresh() -> Iterator[Project]:
    """Shop without a baseline."""
    with shop() as project:
        yield project


@pytest.fixture(scope="module")
def guarded(fresh: Project) -> Project:
    """Shop with the baseline from before the faults."""
    project = fresh.copy("guarded")
    made = project.pytest(*baseline_command())
    assert made.status == 0, made.out + made.err
    return project


@pytest.fixture(scope="module")
def first(guarded: Project) -> Judged:
    """The run that finds the faults."""
    return judged(guarded)


@pytest.fixture(scope="module")
def open_run(fresh: Project) -> Judged:
    """The run without a baseline."""
    return judged(fresh.copy("open"))


@pytest.fixture(scope="module")
def repaired(guarded: Project, first: Judged) -> tuple[Project, Judged]:
    """Shop after the report was followed, and its run."""
    project = guarded.copy("repaired")
    for file, old, new in REPAIRS:
        project.replace(file, old, new)
    with (project.root / "schema.sql").open("a", encoding="utf-8") as schema:
        for finding in first.loud:
            if finding["advice"] and not as_fault(finding).explained_by:
                statements = "\n".join(finding["advice"]["ddl"])
                schema.write(statements.replace(" CONCURRENTLY", "") + "\n")
    return project, judged(project)


def as_fault(finding: dict[str, Any]) -> Fault:
    (origin,) = finding["origins"]
    ddl = finding["advice"]["ddl"] if finding["advice"] else [""]
    return Fault(
        origin["file"],
        origin["line"],
        origin["function"],
        finding["rule"],
        tuple(code for code in sorted(finding["explained_by"]) if code.startswith("QRY")),
        letters(ddl[-1]),
    )


def test_readme_lists_five_faults():
    assert len(faults()) == 5


def test_the_listed_faults_fail_and_nothing_else_does(first):
    assert first.ran.status == 1
    assert sorted(map(as_fault, first.loud)) == faults()
    assert all(finding["fails"] and finding["is_new"] for finding in first.loud)
    errors = sum(finding["severity"] == "error" for finding in first.loud)
    verdict = first.report["verdict"]
    assert (verdict["status"], verdict["errors"]) == ("failed", errors)
    assert f"{errors} errors, {5 - errors} warning" in first.ran.out


def test_readme_shows_a_finding_as_it_is_printed(first):
    readme = (SHOP.parents[1] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n(=+ planguard =+\n.*?)^```$", readme, re.DOTALL | re.MULTILINE)

    def lines(text):
        return [re.sub(r"PostgreSQL [\d.]+", "PostgreSQL", line) for line in text.splitlines()]

    printed = lines(first.ran.out)
    found = [line for line in printed if line in lines(shown)]
    assert found == lines(shown)
    after = printed[printed.index(found[-1]) + 1]
    assert not after.startswith("    "), "the finding has more lines"


def test_each_fault_has_its_severity_numbers_and_one_remedy(first):
    for finding in first.loud:
        assert finding["severity"] == registry.rules()[finding["rule"]].FACTS.severity.value
        assert finding["evidence"]
        assert any(character.isdigit() for character in finding["message"])
        assert finding["remedy"]


def test_an_index_that_helps_was_verified_at_scale(first):
    helped = [finding["advice"] for finding in first.loud if finding["advice"]]
    assert len(helped) == sum(bool(fault.ddl) for fault in faults())
    assert all(one["cost_after"] < one["cost_before"] / 100 for one in helped)
    assert all(one["size_bytes"] > 0 for one in helped)


def test_the_terminal_leads_each_fault_with_its_line(first):
    lines = first.ran.out.splitlines()
    for fault in faults():
        place = f"{fault.file}:{fault.line} {fault.function}"
        (line,) = [one for one in lines if place in one]
        assert line.startswith(("E ", "W ")), line
        assert fault.rule in line
        assert "[new query]" in line
    assert "= 122 passed, 5 planguard errors in" in lines[-1]


def test_the_tests_own_results_stay(first):
    report = first.report
    assert (report["complete"], report["totals"]["tests"]) == (True, 122)
    assert report["changes"]["gone"] == report["changes"]["worse"] == 0


def test_without_a_baseline_the_same_is_shown_and_nothing_fails(first, open_run):
    assert open_run.ran.status == 0
    assert sorted(map(as_fault, open_run.loud)) == faults()
    assert not any(finding["fails"] for finding in open_run.report["findings"])
    assert open_run.ran.last.endswith("start one with: pytest --planguard --planguard-update")


def test_a_queries_change_is_null_without_a_baseline(open_run):
    assert {query["change"] for query in open_run.report["queries"]} == {None}


def test_what_was_repaired_as_the_report_says_passes(repaired):
    _, run = repaired
    assert run.ran.status == 0, run.ran.out
    assert run.loud == []
    assert run.report["verdict"]["status"] == "passed"


@pytest.fixture(scope="module")
def broken(repaired: tuple[Project, Judged]) -> Judged:
    """The repaired shop without two of its indexes."""
    project = repaired[0].copy("dropped")
    schema = project.root / "schema.sql"
    lines = schema.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not any(f"INDEX {name} " in line for name in DROPPED)]
    assert len(kept) == len(lines) - len(DROPPED)
    schema.write_text("\n".join(kept), encoding="utf-8")
    return judged(project)


@pytest.mark.parametrize("index", DROPPED)
def test_a_dropped_index_names_query_line_table_plans_and_the_index(broken, index):
    file, function, step = DROPPED[index]
    lines = broken.ran.out.splitlines()
    (position,) = [n for n, line in enumerate(lines) if f"{file}:" in line and function in line]
    assert lines[position - 1].startswith("E PLN003 plan-regression")
    assert step in lines[position - 1]
    assert "cost ×" in lines[position - 1]
    assert lines[position + 1] == f"    because index {index} is gone since the baseline"


def test_only_the_queries_of_the_dropped_indexes_fail(broken):
    assert broken.ran.status == 1
    assert {(one["rule"], one["relation"]) for one in broken.loud if one["fails"]} == {
        ("PLN003", "public.payments"),
        ("PLN003", "public.reviews"),
        ("IDX001", "public.payments"),  # the repaired function, which the baseline has not seen
    }
    assert broken.report["changes"]["worse"] == len(DROPPED)


def test_errors_are_accepted_with_a_reason_only_and_then_known(guarded):
    project = guarded.copy("accepting")
    before = _bytes(project.root / "planguard")
    refused = project.pytest("--planguard-update")
    assert refused.status == 4
    assert "accepting 4 errors needs a reason" in refused.out + refused.err
    assert '--planguard-reason="' in refused.out + refused.err
    assert _bytes(project.root / "planguard") == before
    accepted = project.pytest("--planguard-update", "--planguard-reason=bought more memory")
    assert accepted.status == 0, accepted.out
    assert "accepted" in accepted.out
    again = judged(project)
    assert again.ran.status == 0
    assert again.loud == []
    shown = project.command("baseline", "show")
    (key,) = [
        line.split()[0] for line in shown.out.splitlines() if line.endswith("by_tracking_number")
    ]
    assert (
        "IDX001 public.orders: bought more memory" in project.command("baseline", "show", key).out
    )


def _bytes(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


RUNS = {
    "in another order, zone and hash seed": (
        ("-p", "randomly", "--randomly-seed=11"),
        {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"},
    ),
    "by two workers": (("-n", "2"), {}),
}


@pytest.mark.parametrize("how", RUNS)
def test_the_json_report_is_the_same_byte_for_byte(guarded, first, how, tmp_path):
    arguments, environment = RUNS[how]
    file = tmp_path / "again.json"
    elsewhere = f"--planguard-capture-file={tmp_path / 'capture.json.gz'}"
    report_to = f"--planguard-report=json:{file}"
    ran = guarded.pytest(report_to, elsewhere, *arguments, **environment)
    assert ran.status == 1
    assert file.read_bytes() == first.json


def test_captured_in_shards_and_checked_elsewhere_is_the_same_report(guarded, first, tmp_path):
    captures = []
    for part in ("orders or audit", "not (orders or audit)"):
        captures.append(str(tmp_path / f"shard-{len(captures)}.json.gz"))
        to = f"--planguard-capture-file={captures[-1]}"
        ran = guarded.pytest("--planguard-capture-only", to, "-k", part)
        assert ran.status == 0
        assert f"captured in {captures[-1]}" in ran.out
    file = tmp_path / "checked.json"
    checked = guarded.command("check", *captures, "--report", f"json:{file}")
    assert (checked.status, checked.err) == (1, "")
    assert file.read_bytes() == first.json


def test_a_part_of_the_suite_is_no_complete_run_and_calls_nothing_gone(guarded, first, tmp_path):
    file = tmp_path / "part.json"
    elsewhere = f"--planguard-capture-file={tmp_path / 'capture.json.gz'}"
    report_to = f"--planguard-report=json:{file}"
    ran = guarded.pytest("-k", "audit or tracking", report_to, elsewhere)
    report = json.loads(file.read_bytes())
    assert ran.status == 1
    assert report["complete"] is False
    assert report["changes"]["gone"] == 0
    assert report["changes"]["not_run"] > 50
    assert report["totals"]["tests"] < 20
    assert {one["rule"] for one in report["findings"] if one["fails"]} == {"IDX001"}


def test_baseline_diff_shows_what_the_last_run_would_change(guarded, first):
    said = guarded.command("baseline", "diff")
    assert (said.status, said.err) == (0, "")
    new = [line for line in said.out.splitlines() if line.startswith("new ")]
    assert len(new) == 5
    assert all(any(fault.function in line for line in new) for fault in faults())


def test_baseline_show_lists_what_was_accepted(guarded):
    said = guarded.command("baseline", "show")
    assert said.status == 0
    assert "shop/orders.py next_to_ship" in said.out
    assert "tests/" not in said.out


def test_a_statement_is_explained_with_its_plan_finding_and_ddl(guarded):
    said = guarded.command("explain", "select * from orders where tracking_number = 'x'")
    assert (said.status, said.err) == (0, "")
    assert "Parallel Seq Scan on orders" in said.out
    assert "E IDX001 missing-index" in said.out
    assert "CREATE INDEX CONCURRENTLY" in said.out
    assert "new query" not in said.out


def test_a_statement_with_a_parameter_is_explained_without_its_value(guarded):
    said = guarded.command("explain", "select * from orders where customer_id = $1")
    assert (said.status, said.err) == (0, "")
    assert "generic: cost" in said.out
    assert "orders_customer_placed_idx" in said.out


def test_a_captured_query_is_explained_by_its_key(guarded, first):
    (finding,) = [one for one in first.loud if one["rule"] == "PLN001"]
    said = guarded.command("explain", finding["key"])
    assert (said.status, said.err) == (0, "")
    assert [line for line in said.out.splitlines() if line.startswith("E PLN001")]
    assert "shop/payments.py:" in said.out


def test_a_rule_is_told(guarded):
    said = guarded.command("rule", "IDX001")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("IDX001 missing-index")


def test_doctor_finds_everything_in_order(guarded):
    said = guarded.command("doctor")
    assert said.status == 0, said.out + said.err
    assert "tables at scale (declared sizes), self-check passed" in said.out
    assert "\n! " not in said.out


def test_the_fixture_database_is_built_looked_at_and_removed_by_hand(fresh):
    project = Project(fresh.root, fresh.cache.with_name("by-hand"))
    built = project.command("db", "build")
    assert (built.status, built.err) == (0, "")
    assert "public.orders  47.0M rows" in built.out
    status = project.command("db", "status")
    assert status.status == 0
    assert "stopped" in status.out
    down = project.command("db", "down")
    assert (down.status, down.err) == (0, "")
    assert project.command("db", "status").out == "nothing is there\n"
    assert not project.cache.exists()


def _thousandth(match: re.Match[str]) -> str:
    return f"rows = {max(4, int(match[1].replace('_', '')) // 1000)}"


def test_rows_are_really_loaded_where_that_is_asked_for(fresh):
    project = fresh.copy("rows")
    file = project.root / "pyproject.toml"
    text = re.sub(r"(?m)^rows = ([\d_]+)$", _thousandth, file.read_text(encoding="utf-8"))
    wanted = 'schema = "schema.sql"'
    file.write_text(text.replace(wanted, f'{wanted}\nscale = "rows"'), encoding="utf-8")
    run = judged(project)
    assert run.ran.status == 0, run.ran.out
    database = run.report["databases"]["default"]
    assert database["scale"]["source"] == "generated"
    assert database["scale"]["tables"]["public.orders"]["rows"] == 47_000
    assert run.report["totals"]["explained"] > 100
    broken = "the rows made for public.coupons break its check coupons_check"
    assert any(reason.startswith(broken) for reason in database["fidelity"]["reasons"])


def test_the_committed_baseline_is_what_the_readme_makes(guarded: Project) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*.json"))
        }

    committed = files(SHOP / "planguard" / "baseline")
    assert files(guarded.root / "planguard" / "baseline") == committed
    assert len(committed) > 100
