"""What befalls inflated databases: plans stay, and nothing half made is trusted."""

import contextlib
import importlib
import os
import pkgutil
import subprocess
import threading
import time

import msgspec
import psycopg
import pytest

from fix_exact import (
    MAJORS,
    explained,
    postmaster,
    real_database,
    virtual_database,
)
from fix_fixturedb import UrlServer, tools_for
from pytest_planguard import fixturedb
from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.build import build
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.shell import inflate_by_shell
from pytest_planguard.model.spec import DatabaseSpec, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics

for found in pkgutil.walk_packages(fixturedb.__path__, f"{fixturedb.__name__}."):
    # now: what is imported while a step is interrupted would keep the interruption
    importlib.import_module(found.name)

DDL = """
CREATE TABLE t (id bigint PRIMARY KEY, tags text[], at date, u text, box int4range);
CREATE INDEX t_gin ON t USING gin (tags);
CREATE INDEX t_brin ON t USING brin (at) WITH (pages_per_range = 1);
CREATE INDEX t_hash ON t USING hash (u);
CREATE INDEX t_gist ON t USING gist (box);
CREATE UNLOGGED TABLE volatile (id bigint PRIMARY KEY, n int);
"""
ROWS = """
INSERT INTO t SELECT i, ARRAY['a' || i % 90, 'b' || i % 7], date '2020-01-01' + i / 50,
                     md5(i::text), int4range(i, i + 9) FROM generate_series(1, 30000) i;
INSERT INTO volatile SELECT i, i % 9 FROM generate_series(1, 30000) i;
VACUUM ANALYZE
"""
QUERIES = [
    "SELECT * FROM t WHERE id BETWEEN 5 AND 90",
    "SELECT * FROM t WHERE tags @> '{a5}'",
    "SELECT * FROM t WHERE at = '2020-02-02'",
    "SELECT * FROM t WHERE u = 'x'",
    "SELECT * FROM t WHERE box @> 77",
    "SELECT * FROM volatile WHERE id < 50",
    "SELECT n, count(*) FROM volatile GROUP BY n",
]
SPEC = DatabaseSpec(tables={"t": TableDeclaration(9_000_000), "volatile": TableDeclaration(70_000)})


def execute(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def one(conninfo, query):
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchone()[0]


@pytest.mark.parametrize("way", ["files", "shell"])
@pytest.mark.parametrize("major", MAJORS)
def test_first_pages_have_the_checksums_the_server_verifies(postmasters, major, way):
    server = postmasters(major, "--data-checksums")
    with (
        real_database(server.url, DDL, ROWS) as real,
        virtual_database(server.url, DDL, real.statistics, direct=way == "files") as virtual,
    ):
        assert one(virtual.conninfo, "SHOW data_checksums") == "on"
        assert explained(virtual.conninfo, QUERIES) == explained(real.conninfo, QUERIES)
        # Only here: a skeleton can be read, too, every page of it with its checksum.
        scans = "SET enable_seqscan = off; SET enable_bitmapscan = off;"
        execute(virtual.conninfo, f"{scans} SELECT * FROM t WHERE id BETWEEN 5 AND 90")
        failures = "SELECT sum(checksum_failures) FROM pg_stat_database"
        assert one(virtual.conninfo, failures) == 0


@pytest.mark.parametrize("major", MAJORS)
def test_a_killed_server_plans_as_before_when_it_is_back(major):
    with (
        postmaster(major) as server,
        real_database(server.url, DDL, ROWS) as real,
        virtual_database(server.url, DDL, real.statistics) as virtual,
    ):
        before = explained(virtual.conninfo, QUERIES)
        server.kill()
        server.start()
        assert explained(virtual.conninfo, QUERIES) == before
        assert one(real.conninfo, "SELECT count(*) FROM volatile") == 0  # it did crash


class Foreign(UrlServer):
    """A server that is not ours, as the providers url and container have it."""

    provider = "url"


EAGER = {
    "autovacuum": "on",
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_threshold": "0",
    "autovacuum_vacuum_insert_threshold": "0",
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_insert_scale_factor": "0",
    "autovacuum_analyze_threshold": "0",
    "autovacuum_analyze_scale_factor": "0",
    "log_autovacuum_min_duration": "0",
}


@pytest.mark.parametrize("major", MAJORS)
def test_autovacuum_is_harmless(major):
    with postmaster(major, settings=EAGER) as server:
        foreign = Foreign(server.url, direct=False)
        with build(SPEC, foreign, None, tools_for(DDL)) as fixture:
            before = explained(fixture.conninfo, QUERIES)
            with psycopg.connect(fixture.conninfo, autocommit=True) as connection:
                connection.execute("SET default_transaction_read_only = off")
                connection.execute("CREATE TABLE bait (i int)")
                connection.execute("DELETE FROM t")  # whatever touches it: it is looked at
                for _ in range(2):
                    seen = _vacuums(server, "bait")
                    connection.execute("INSERT INTO bait SELECT generate_series(1, 999)")
                    connection.execute("DELETE FROM bait")
                    while _vacuums(server, "bait") == seen:
                        time.sleep(0.05)
            assert _vacuums(server, "public.t") == 0
            assert explained(fixture.conninfo, QUERIES) == before


def _vacuums(server, table):
    text = (server.folder / "log").read_text()
    return text.count(f".{table}") if "." not in table else text.count(table)


@pytest.fixture
def own(postmasters):
    """A server by files, where no template of this schema is left."""
    server = UrlServer(postmasters(18).url, direct=True)
    yield server
    for name in server.databases():
        server.drop_database(name)


STEPS = [
    ("fixturedb.inflate.files", "relation_files"),
    ("fixturedb.inflate.order", "order_indexes"),
    ("fixturedb.inflate.heirs", "order_heirs"),
    ("fixturedb.inflate.statistics", "inject"),
    ("fixturedb.scale.declared", "declare"),
    ("fixturedb.cache", "write_record"),
    ("fixturedb.cache", "publish"),
    ("fixturedb.cache", "mark_used"),
    ("fixturedb.cache", "mark_copy"),
    ("fixturedb.copies", "inflate"),
    ("fixturedb.copies", "freeze"),
    ("fixturedb.copies", "free_name"),
    ("fixturedb.inflate.direct", "first_pages"),
    ("fixturedb.inflate.direct", "segments"),
    ("fixturedb.inflate.room", "new_files"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_build_interrupted_at_a_step_leaves_nothing_a_later_one_trusts(
    own, monkeypatch, module, step, after
):
    tools = tools_for(DDL)
    place = importlib.import_module(f"pytest_planguard.{module}")
    real = getattr(place, step)

    def interrupted(*arguments, **more):
        if after:
            real(*arguments, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, step, interrupted)
        with pytest.raises(KeyboardInterrupt), build(SPEC, own, None, tools):
            pass
    left = own.databases()
    assert {name.rpartition("_")[0] for name in left} <= {"planguard_template"}
    with build(SPEC, own, None, tools) as fixture:  # checks its scale
        pages = fixture.statistics.tables["public.t"].pages
        assert one(fixture.conninfo, "SELECT pg_relation_size('t') / 8192") == pages


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["create", "copy", "build_schema", "read_catalog", "check_scale"])
def test_a_build_interrupted_where_others_work_leaves_nothing_either(own, monkeypatch, step, after):
    tools = tools_for(DDL)

    def interrupted(real):
        def call(*arguments, **more):
            copies = len(arguments) > 1 or more.get("template") is not None
            if step in {"create", "copy"} and copies != (step == "copy"):
                return real(*arguments, **more)
            if after:
                real(*arguments, **more)
            raise KeyboardInterrupt

        return call

    broken = tools
    if step in {"create", "copy"}:
        monkeypatch.setattr(own, "create_database", interrupted(own.create_database))
    else:
        broken = msgspec.structs.replace(tools, **{step: interrupted(getattr(tools, step))})
    with pytest.raises(KeyboardInterrupt), build(SPEC, own, None, broken):
        pass
    monkeypatch.undo()
    left = own.databases()
    assert {name.rpartition("_")[0] for name in left} <= {"planguard_template"}
    with build(SPEC, own, None, tools) as fixture:  # checks its scale
        pages = fixture.statistics.tables["public.t"].pages
        assert one(fixture.conninfo, "SELECT pg_relation_size('t') / 8192") == pages


def test_a_step_that_another_process_never_finished_is_not_trusted(own):
    tools = tools_for(DDL)
    own.create_database("planguard_building_gone")  # its process was killed
    execute(own.conninfo("planguard_building_gone"), "CREATE TABLE t (half int)")
    with build(SPEC, own, None, tools) as fixture:
        half = "SELECT count(*) FROM pg_attribute WHERE attname = 'half'"
        assert one(fixture.conninfo, half) == 0


def test_two_builds_at_once_share_one_template(postmasters):
    url = postmasters(18).url
    meet = threading.Barrier(2)
    made, errors = [], []

    def run(number):
        server = UrlServer(url, direct=True)
        server.run_token += f"_{number}"
        tools = tools_for(DDL + "-- at once\n")

        def build_schema(*arguments):
            meet.wait(30)  # both have found no template
            return tools.build_schema(*arguments)

        both = msgspec.structs.replace(tools, build_schema=build_schema)
        try:
            with build(SPEC, server, None, both) as fixture:
                made.append((fixture.name, explained(fixture.conninfo, QUERIES)))
                meet.wait(60)
        except BaseException as error:  # noqa: BLE001  # a thread's own would be lost
            errors.append(error)
            meet.abort()

    before = UrlServer(url, direct=True).databases()
    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    (name, plans), (other, same) = made
    assert name != other
    assert plans == same
    left = UrlServer(url, direct=True).databases() - before
    assert [name.rpartition("_")[0] for name in left] == ["planguard_template"]


@contextlib.contextmanager
def small_file_system(folder, options):
    """A file system in memory with room for little; None where this user may make none."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("way", ["files", "shell"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("size=64m,nr_inodes=2500", r"needs 3,999 more files of up to 1 GiB"),
        ("size=20m", r"needs 17,[\d,]+ bytes free for \d+ relations"),
    ],
    ids=["inodes", "bytes"],
)
def test_a_file_system_with_little_room_is_refused_and_left_as_it_was(
    postmasters, tmp_path, way, options, said
):
    server = UrlServer(postmasters(18).url, direct=way == "files")
    name = f"planguard_q_{server.run_token}"
    tmp_path.chmod(0o755)
    owner = (postmasters(18).folder / "data").stat()
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    with small_file_system(tmp_path, f"{options},mode=0777") as folder:
        if folder is None:
            pytest.skip("only root may mount a file system")
        os.chown(folder, owner.st_uid, owner.st_gid)
        server._execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        try:
            server._execute(f'CREATE DATABASE "{name}" TEMPLATE template0 TABLESPACE small')
            execute(server.conninfo(name), DDL)
            pages = 4_000 * 131_072
            statistics = Statistics(
                {"public.t": TableStatistics(1e9, pages)}, "2026-01-01", ScaleSource.DECLARED
            )
            with psycopg.connect(server.conninfo(name)) as connection:
                files = relation_files(connection, statistics)
            execute(server.conninfo(""), "CHECKPOINT")
            before = os.statvfs(folder).f_ffree
            with (
                psycopg.connect(server.conninfo(""), autocommit=True) as connection,
                pytest.raises(ScaleError, match=said),
            ):
                inflate(connection, server, name, files)
            assert os.statvfs(folder).f_ffree == before
        finally:
            server.drop_database(name)
            server._execute("DROP TABLESPACE small")


def test_a_server_without_sparse_files_is_refused_by_its_own_shell(postmasters, monkeypatch):
    server = UrlServer(postmasters(18).url, direct=False)
    room = importlib.import_module("pytest_planguard.fixturedb.inflate.shell")
    real = room._room
    made = f"truncate -s {room.PROBE_BYTES}"
    written = f"head -c {room.PROBE_BYTES} /dev/zero >"  # as such a file system would store it
    monkeypatch.setattr(
        room, "_room", lambda files: (line.replace(made, written) for line in real(files))
    )
    name = f"planguard_z_{server.run_token}"
    server.create_database(name)
    try:
        execute(server.conninfo(name), DDL)
        statistics = Statistics(
            {"public.t": TableStatistics(1e6, 9_000)}, "2026-01-01", ScaleSource.DECLARED
        )
        with psycopg.connect(server.conninfo(name)) as connection:
            files = relation_files(connection, statistics)
        with (
            psycopg.connect(server.conninfo(""), autocommit=True) as connection,
            pytest.raises(ScaleError, match="has no sparse files"),
        ):
            inflate_by_shell(connection, files, checksums=True)
        assert one(server.conninfo(name), "SELECT pg_relation_size('t')") == 0
        left = "SELECT count(*) FROM pg_ls_dir(%s) f WHERE f LIKE 'planguard%%'"
        with psycopg.connect(server.conninfo(name)) as connection:
            folder = files[0].path.rpartition("/")[0]
            assert connection.execute(left, [folder]).fetchone() == (0,)
    finally:
        server.drop_database(name)
