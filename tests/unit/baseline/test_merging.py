"""Two branches and git itself."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.between import between
from pytest_planguard.baseline.entries import entry_from, world_from
from pytest_planguard.cli.revisions import baseline_at
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import Accepted
from pytest_planguard.model.baseline import Origin as Known
from pytest_planguard.model.plan import Access, Planned
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Origin

NAMES = "audit", "carts", "events", "orders", "users"
TABLES = {f"public.{name}": ("column id bigint not null",) for name in NAMES}


def world(**changed):
    digests = dict.fromkeys(changed.get("tables", TABLES), "ab12")
    plain = msgspec.structs.replace(
        world_from(fix_reports.database()),
        tables=TABLES,
        rows=dict.fromkeys(TABLES, 1_000_000.0),
        indexes={f"public.{n}_idx": f"CREATE INDEX {n}_idx ON public.{n} USING btree (id)"
                 for n in NAMES},
        digests=digests,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changed)


def entry(name, cost=8.0, access=Access.INDEX, sql="", **changed):
    place = Origin(f"app/{name}.py", 3, "find")
    sql = sql or f"SELECT id FROM {name} WHERE id = $1"
    query = fix_reports.query(f"{name:x<12}", sql, place, (f"tests/test_{name}.py::test_find",))
    shape = (f"{access.value} on {name}",)
    plan = fix_reports.plan(access, cost, f"public.{name}", name, shape, indexes=(f"{name}_idx",))
    return msgspec.structs.replace(entry_from(query, Planned((plan,))), **changed)


class Repository:
    def __init__(self, root):
        self.root = root
        self.baseline = root / "planguard/baseline"
        self.git("init", "-q", "-b", "main")
        self.save([entry(name) for name in NAMES], world())
        self.commit("all")

    def git(self, *arguments):
        settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=self.root, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def save(self, entries, header=None, was=""):
        renamed = {("default", one.key): f"{was:x<12}" for one in entries if was}
        files.write_entries(self.baseline, entries, renamed)
        if header is not None:
            files.write_world(self.baseline, "default", header)

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def branch(self, name, entries, header=None, drop=(), was=""):
        self.git("switch", "-q", "-c", name, "main")
        self.save(entries, header, was)
        files.remove(self.baseline, [("default", f"{one:x<12}") for one in drop])
        self.commit(name)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def test_two_branches_that_change_two_queries_and_tables_merge_by_themselves(repository):
    accepted = (Accepted("PLN003", "public.orders", "error", "the index was too dear"),)
    left = world(indexes={n: t for n, t in world().indexes.items() if "orders" not in n})
    worse = entry("orders", 890_000.0, Access.SEQ, findings=accepted)
    repository.branch("left", [worse, entry("newest")], left)
    new = {"public.wishes": ("column id bigint not null",)}
    right = world(tables=TABLES | new, rows=world().rows | {"public.wishes": 5.0})
    edited = entry("events", sql="SELECT id FROM events WHERE id = $1 AND at > $2")
    repository.branch("right", [edited, entry("wishes")], right, drop=["carts"])
    repository.git("switch", "-q", "main")
    repository.git("merge", "-q", "--no-edit", "left")
    repository.git("merge", "-q", "--no-edit", "right")
    merged = files.read(repository.baseline)
    by_name = {key.rstrip("x"): one for (_, key), one in merged.entries.items()}
    assert set(by_name) == {"audit", "events", "newest", "orders", "users", "wishes"}
    assert by_name["orders"].findings == accepted
    assert by_name["events"].sql.endswith("at > $2")
    header = merged.worlds["default"]
    assert "public.wishes" in header.tables
    assert "public.orders_idx" not in header.indexes


def test_only_the_same_query_changed_on_both_sides_is_a_conflict_and_is_named(repository):
    repository.branch("left", [entry("orders", 17.0)])
    repository.branch("right", [entry("orders", 19.0)])
    with pytest.raises(AssertionError, match="CONFLICT"):
        repository.git("merge", "left")
    with pytest.raises(BaselineError, match="holds merge-conflict markers") as caught:
        files.read(repository.baseline)
    assert "find-ordersxxxxxx.json" in caught.value.message
    repository.git("checkout", "-q", "--theirs", ".")
    assert files.read(repository.baseline).entries["default", "ordersxxxxxx"].plans[0].cost == 17


LEFT = "SELECT id FROM orders WHERE id = $1 AND paid ORDER BY placed_at DESC LIMIT $2"
RIGHT = "SELECT o.id, o.note FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email = $1"
IN_ITS_FILE = r"Merge conflict in .*queries/app/orders/find-ordersxxxxxx\.json"


def edited(sql, key, **changed):
    return entry("orders", sql=sql, key=key, **changed)


def test_a_query_edited_on_both_sides_is_one_conflict_in_its_file(repository):
    repository.branch("left", [edited(LEFT, "1ef700000000")], was="orders")
    repository.branch("right", [edited(RIGHT, "219470000000")], was="orders")
    with pytest.raises(AssertionError, match=IN_ITS_FILE):
        repository.git("merge", "left")
    with pytest.raises(BaselineError, match="merge-conflict markers") as caught:
        files.read(repository.baseline)
    assert "git checkout --ours or --theirs" in caught.value.hint
    repository.git("checkout", "-q", "--theirs", ".")
    merged = files.read(repository.baseline).entries
    assert len(merged) == len(NAMES)
    assert merged["default", "1ef700000000"].sql == LEFT


def test_the_same_edit_on_both_sides_is_one_entry(repository):
    repository.branch("left", [edited(LEFT, "1ef700000000")], was="orders")
    repository.branch("right", [edited(LEFT, "1ef700000000")], was="orders")
    repository.git("merge", "-q", "--no-edit", "left")
    assert len(files.read(repository.baseline).entries) == len(NAMES)


def test_a_query_edited_on_one_side_and_accepted_on_the_other_is_a_conflict(repository):
    repository.branch("left", [edited(LEFT, "1ef700000000")], was="orders")
    accepted = (Accepted("PLN003", "public.orders", "error", "the index was too dear"),)
    worse = entry("orders", 890_000.0, Access.SEQ, findings=accepted)
    changed = edited(LEFT, "1ef700000000", plans=entry("orders", 17.0).plans)
    repository.git("switch", "-q", "left")
    repository.save([changed])
    repository.commit("left again")
    repository.branch("right", [worse])
    with pytest.raises(AssertionError, match=IN_ITS_FILE):
        repository.git("merge", "left")


def test_a_query_edited_on_one_side_goes_with_its_module_renamed_on_the_other(repository):
    repository.branch("left", [edited(LEFT, "1ef700000000")], was="orders")
    repository.branch("right", [entry("orders", origins=(Known("app/sales.py", "find"),))])
    repository.git("merge", "-q", "--no-edit", "left")
    merged = files.read(repository.baseline).entries
    assert len(merged) == len(NAMES)
    one = merged["default", "1ef700000000"]
    assert (one.sql, one.origins) == (LEFT, (Known("app/sales.py", "find"),))


def test_a_revision_is_read_without_touching_the_folder(repository):
    repository.branch("left", [entry("orders", 17.0)])
    for revision, cost in (("main", 8), ("left", 17), ("HEAD~1", 8)):
        found = baseline_at(revision, repository.baseline)
        assert found.entries["default", "ordersxxxxxx"].plans[0].cost == cost
        assert set(found.worlds) == {"default"}
    assert baseline_at("main", repository.root / "elsewhere") is None
    files.remove(repository.baseline, files.read(repository.baseline).entries)
    assert len(baseline_at("left", repository.baseline).entries) == len(NAMES)


def test_a_revision_that_is_not_there_or_no_repository_is_a_plain_error(repository, tmp_path):
    with pytest.raises(BaselineError, match='git knows no revision "--nope"'):
        baseline_at("--nope", repository.baseline)
    (repository.root / ".git").rename(tmp_path / "away")
    with pytest.raises(BaselineError, match=r"git says: .*not a git repository"):
        baseline_at("main", repository.baseline)


def test_a_broken_file_of_a_revision_is_named_with_it(repository):
    next(repository.baseline.rglob("find-*.json")).write_text("{")
    repository.commit("broken")
    with pytest.raises(BaselineError, match=r"^HEAD:planguard/baseline/queries/.* is no JSON"):
        baseline_at("HEAD", repository.baseline)


def test_between_two_baselines_each_change_has_its_kind_and_cause(repository):
    accepted = (Accepted("IDX001", "public.users", "error", "small"),)
    indexes = {n: t for n, t in world().indexes.items() if "orders" not in n}
    before = files.read(repository.baseline)
    sql = "SELECT id FROM events WHERE id = $1 AND at > $2"
    edited = entry("events", sql=sql, key="edited000000")
    now = [
        entry("audit"),
        edited,
        entry("orders", 890_000.0, Access.SEQ),
        entry("users", findings=accepted),
        entry("wishes"),
    ]
    after = msgspec.structs.replace(
        before,
        entries={("default", one.key): one for one in now},
        worlds={"default": world(indexes=indexes)},
    )
    found = between(before, after, Thresholds())
    kinds = {one.change.key.rstrip("x"): one.change.kind.value for one in found.entries}
    assert kinds == {
        "edited000000": "same",
        "orders": "worse",
        "users": "same",
        "wishes": "new",
        "carts": "gone",
    }
    changes = {one.change.key: one.change for one in found.entries}
    assert changes["edited000000"].renamed_from == "eventsxxxxxx"
    assert changes["ordersxxxxxx"].causes == ("index orders_idx is gone since the baseline",)
    assert found.worlds == {
        "default": (
            "- index public.orders_idx: CREATE INDEX orders_idx ON public.orders USING btree (id)",
        )
    }


def test_between_a_baseline_and_itself_is_nothing(repository):
    one = files.read(repository.baseline)
    found = between(one, one, Thresholds())
    assert (found.entries, found.worlds) == ((), {})


def test_between_two_baselines_a_column_that_moved_is_a_line(repository):
    one = files.read(repository.baseline)
    was, is_now = "4 bytes; 5 distinct", "4 bytes; 40,000 distinct"
    worlds = [
        {"default": world(statistics={"public.orders": {"status": line}})} for line in (was, is_now)
    ]
    before, after = (msgspec.structs.replace(one, worlds=each) for each in worlds)
    assert between(before, after, Thresholds()).worlds["default"] == (
        f"- public.orders.status: {was}",
        f"+ public.orders.status: {is_now}",
    )
