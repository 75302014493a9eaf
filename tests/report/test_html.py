"""The page as text: what stands in it, what cannot act, and that it stays small."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec
import pytest

import fix_pages
import fix_plans
import fix_reports
from pytest_planguard.model.plan import Planned
from pytest_planguard.report import _room, html
from pytest_planguard.report._page_plans import Tree, side_by_side
from pytest_planguard.report._room import Room

FETCHING = frozenset({
    "action", "archive", "background", "cite", "data", "formaction", "poster", "src", "srcset",
    "style", "xlink:href",
})  # fmt: skip


class Reader(HTMLParser):
    """Elements with their attributes, and the text that is read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] not in ("title", "style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def ids(self) -> list[str]:
        return [given["id"] or "" for _, given in self.elements if "id" in given]


def planned(name: str) -> Planned:
    return fix_plans.planned(fix_plans.root(name), fix_pages.CATALOG)


def trees(name: str) -> tuple[Tree, ...]:
    return side_by_side(planned(name), None, None, fix_pages.CATALOG, Room())


@pytest.mark.parametrize("sample", sorted({*fix_reports.SAMPLES} - {"hundreds", "thousands"}))
def test_nothing_on_the_page_comes_from_elsewhere_or_runs_by_itself(sample: str) -> None:
    page = Reader(html.render(fix_reports.SAMPLES[sample]()))

    for tag, given in page.elements:
        assert not FETCHING & given.keys(), tag
        assert not [name for name in given if name.startswith("on")], tag
        assert given.get("href", "#").startswith("#"), tag
    assert {"link", "img", "iframe", "object", "form", "base"}.isdisjoint(
        tag for tag, _ in page.elements
    )


def test_every_id_is_there_once_and_every_link_leads_to_one() -> None:
    page = Reader(html.render(fix_pages.everything()))

    ids = page.ids()
    assert len(ids) == len(set(ids))
    for _, given in page.elements:
        assert (given.get("href") or "#findings")[1:] in ids
        for name in ("aria-labelledby", "aria-controls"):
            assert given.get(name, ids[0]) in ids


def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() -> None:
    text = html.render(fix_pages.everything())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")

    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for kind in ("style", "script"):
        (inside,) = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_hostile_text_is_text() -> None:
    text = html.render(fix_reports.hostile())

    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "\\u202eevil" in text


@pytest.mark.parametrize(
    "attack",
    ["</script><script>", "</noscript><img src=x>", "]]>", "<!--", "{{ 7 * 7 }}", "{% raw %}"],
)
def test_markup_of_any_kind_is_shown_as_it_is(attack: str) -> None:
    page = Reader(html.render(fix_reports.report(fix_reports.missing_index(text=attack))))

    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert attack in page.text


def test_the_verdict_comes_first_and_then_numbers() -> None:
    page = Reader(html.render(fix_pages.everything())).text

    order = ("Failed: 3 errors", "3 errors", "PostgreSQL 18.6", "Accept with", "PLN003")
    places = [page.index(one) for one in order]
    assert places == sorted(places)


def test_a_finding_has_its_place_tests_plans_and_index() -> None:
    page = Reader(html.render(fix_pages.everything())).text

    assert "PLN003 plan-regression public.orders 200,000 rows" in page
    assert "public.orders: index → seq" in page
    assert "because index orders_customer_id_idx is gone since the baseline" in page
    assert "Tests (14)" in page
    assert "app/seq.py:10 seq_equality 14 tests" in page
    assert "CREATE INDEX CONCURRENTLY orders_total_idx ON public.orders (total);" in page
    assert "In a migration of Alembic" in page
    assert "\N{MINUS SIGN} gone: Index Scan using orders_customer_id_idx on orders" in page
    assert "+ new: Index Scan using orders_total_idx on orders" in page


def test_what_is_silenced_known_gone_and_not_planned_is_there_with_its_reason() -> None:
    page = Reader(html.render(fix_pages.everything())).text

    assert "Suppressed (1)" in page
    assert "read once a year" in page
    assert "Known to the baseline (1)" in page
    assert "gone: 00000000gone SELECT 1 FROM gone" in page
    assert "1 query: a temporary table of the test" in page
    assert "Hints (1)" in page


def test_what_a_rule_means_is_a_link_away() -> None:
    page = Reader(html.render(fix_pages.everything()))

    links = [given["href"] for tag, given in page.elements if tag == "a" and "href" in given]
    meanings = [one for one in page.ids() if one[0] == "r" and one[1:].isdigit()]
    assert meanings
    assert {f"#{one}" for one in meanings} <= set(links)
    facts = next(one for one in fix_reports.RULES if one.code == "IDX001")
    assert f"IDX001 missing-index When {facts.condition} What happens {facts.effect}" in page.text


def test_a_row_has_its_growth_and_why_another_plan_is_none_the_worse() -> None:
    page = Reader(html.render(fix_pages.everything())).text

    assert "Growth: linear, as public.orders grows" in page
    assert "at 10×: 2.0M rows, cost 74,100" in page
    assert "a tie: it flips when random_page_cost moves by 5 %" in page


def test_of_several_databases_each_finding_and_query_says_which() -> None:
    one = fix_pages.everything()
    both = {"default": one.databases["default"], "archive": one.databases["default"]}
    page = Reader(html.render(msgspec.structs.replace(one, databases=both))).text

    assert "Database default, query" in page
    assert "database default · " in page
    assert page.count("Tables, largest first") == 2


def test_migrations_come_first_each_statement_with_its_lock_and_what_waits() -> None:
    page = Reader(html.render(fix_reports.migrated())).text

    head = page.index("Migration migrations/7.sql: 3 statements in 3 transactions")
    assert head < page.index("MIG003 blocking-index-build")
    assert "Statement Lock Waits Rows Bytes Verdict" in page
    assert "SHARE on orders writes 47.0M 9.1 GB MIG003" in page


def test_sizes_stand_with_where_they_came_from() -> None:
    page = Reader(html.render(fix_pages.everything())).text

    assert re.search(r"public\.orders 200,000 [\d.]+ MB declared sizes", page)
    assert "self-check passed: 2 tables and 1 btree" in page.lower()


def test_values_of_parameters_are_not_on_the_page() -> None:
    one = fix_pages.asked("seq_equality")
    query = msgspec.structs.replace(one.query, sql="SELECT * FROM orders WHERE customer_id = $1")
    secret = re.search(r"customer_id = (\d+)", one.query.sql)[1]
    root = fix_plans.root("seq_equality")
    assert secret in (root.filter or "")
    one = msgspec.structs.replace(one, query=query)
    page = Reader(html.render(fix_pages.report([one], [fix_pages.finding(one)])))

    cells = re.findall(r"customer_id = \S+", page.text)
    assert cells
    assert all(secret not in cell for cell in cells)


def test_the_plan_before_is_beside_the_one_now_and_what_changed_is_marked() -> None:
    query, _ = fix_pages.regression()
    assert isinstance(query.outcome, Planned)

    before, now = side_by_side(query.outcome, query.change, None, fix_pages.CATALOG, Room())

    assert (before.title, before.measured, [one.sign for one in before.lines]) == (
        "Before", False, ["gone"],
    )  # fmt: skip
    assert (now.title, now.width, [one.sign for one in now.lines]) == ("Now", 100, ["new"])
    assert before.width < 5


def test_a_plan_that_did_not_change_stands_alone() -> None:
    (now,) = trees("seq_equality")

    assert now.title == "Now"
    assert [one.sign for one in now.lines] == [""]


def test_the_node_that_costs_most_is_the_hottest() -> None:
    (tree,) = trees("sort_limit")

    hottest = max(tree.lines, key=lambda line: line.heat)
    assert hottest.node.startswith("Seq Scan on orders")
    assert hottest.heat == 3
    assert hottest.own > 50
    assert hottest.rows == "10 of 200,000 read"
    assert tree.lines[0].own < 5


def test_a_scan_shows_what_it_reads_beside_what_it_keeps() -> None:
    (tree,) = trees("seq_equality")

    (line,) = tree.lines
    assert re.fullmatch(r"\d+ of 200,000 read", line.rows)
    assert 0 < line.kept < line.read == 100


def test_a_plan_deeper_than_python_allows_for_is_drawn_as_far_as_there_is_room() -> None:
    one = fix_pages.asked("seq_equality")
    assert isinstance(one.outcome, Planned)
    root = one.outcome.worst.root
    for _ in range(1_500):
        root = msgspec.structs.replace(root, node_type="Result", children=(root,))
    plan = msgspec.structs.replace(one.outcome.worst, root=root)
    deep = msgspec.structs.replace(one, outcome=Planned((plan,)))
    page = Reader(html.render(fix_pages.report([deep], [fix_pages.finding(deep)]))).text

    assert "… and 1,201 more nodes" in page


def test_a_page_of_two_thousand_queries_stays_small_with_all_of_them() -> None:
    text = html.render(fix_pages.thousands())

    assert len(text.encode()) < html.LARGEST
    assert text.count("<tbody id=") == 2_000


def test_a_page_that_would_be_too_large_says_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(html, "LARGEST", 200_000)

    text = html.render(fix_pages.thousands(40, sql='<">' * 20_000, text="\u202e" * 20_000))

    assert len(text.encode()) < 200_000
    assert "This page would be too large" in text
    assert "Left out: the plans of queries without a finding or a change;" in text
    assert " characters)" in text


def test_of_very_many_queries_the_costliest_keep_their_plans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = fix_pages.thousands(40)
    whole = len(html.render(report).encode())
    monkeypatch.setattr(html, "LARGEST", whole - 1)
    monkeypatch.setattr(_room, "_QUIETER", (30,))

    text = html.render(report)

    assert "queries without a finding or a change beyond the 30 costliest" in text
    with_plans = [row.count('<figure class="plan">') for row in text.split("<tbody id=q")[1:]]
    assert with_plans[:30] == [1] * 30
    assert 0 in with_plans[30:]


def test_a_small_page_leaves_nothing_out() -> None:
    assert "too large" not in html.render(fix_pages.everything())


def test_room_gets_smaller_until_a_row_is_left() -> None:
    room = Room()
    for _ in range(40):
        room = room.smaller()

    assert (room.queries, room.sql, room.nodes, room.quiet_plans) == (1, 1, 1, 0)
