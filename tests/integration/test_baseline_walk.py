"""README's walk: an index dropped on one branch, a query edited on another, both merged."""

from __future__ import annotations

import re
import subprocess

from fix_small import project, small_folder

__all__ = ["project", "small_folder"]

INDEX = "CREATE INDEX orders_customer_id_idx ON orders (customer_id);\n"
LOOKUP = '"SELECT * FROM orders WHERE number = %s"'
EDITED = '"SELECT id, customer_id FROM orders WHERE number = %s ORDER BY id"'
UPDATE = ("--planguard-update", "--planguard-reason=nobody looks by number")


def git(project, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def saved(project, message):
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message)


def printed(out, word):
    """The command the summary prints behind a word."""
    (line,) = [one for one in out.splitlines() if f"{word} with: " in one]
    return line.partition(f"{word} with: ")[2]


def test_the_walk(project):
    (project.root / ".gitignore").write_text("__pycache__\n.planguard\n")
    assert project.pytest(*UPDATE).status == 0
    git(project, "init", "-q", "-b", "main")
    saved(project, "baseline")

    # a branch drops an index, and is told
    git(project, "switch", "-q", "-c", "drop-index")
    project.replace("schema.sql", INDEX, "")
    ran = project.pytest()
    assert ran.status == 1, ran.out
    assert "because index orders_customer_id_idx is gone since the baseline" in ran.out
    assert "planguard" not in git(project, "status", "--porcelain")  # nothing is written unasked
    closer = printed(ran.out, "look closer").split()
    assert closer[0] == "pytest-planguard"
    looked = project.command(*closer[1:], COLUMNS="160")
    assert looked.status == 0, looked.err
    assert re.search(r"\nIndex Scan using orders_customer_id_idx on orders .* \| ", looked.out)
    assert re.search(r" [|>] .*Seq Scan on orders ", looked.out)
    accept = printed(ran.out, "accept")
    assert accept == 'pytest --planguard --planguard-update --planguard-reason="…"'
    refused = project.pytest("--planguard-update")
    assert "needs a reason: PLN003 public.orders" in refused.err
    key = closer[2]
    done = project.command("baseline", "accept", key, "--reason", "customers are archived")
    assert done.status == 0, done.err
    assert project.pytest().status == 0
    saved(project, "drop the index")
    said = project.command("baseline", "diff", "main")
    assert "accepted PLN003 public.orders: customers are archived" in said.out
    assert "- index public.orders_customer_id_idx: " in said.out

    # another one edits a query, which is compared with what it was
    git(project, "switch", "-q", "-c", "edit-query", "main")
    project.replace("app.py", LOOKUP, EDITED)
    ran = project.pytest("-v")
    assert ran.status == 0, ran.out
    assert " 1 new" not in ran.out
    assert project.pytest("--planguard-update", "--planguard-trim").status == 0
    changed = git(project, "status", "--porcelain", "planguard").splitlines()
    assert len(changed) == 1  # its entry keeps the file it had
    saved(project, "edit the query")
    said = project.command("baseline", "diff", "main..HEAD")
    assert re.search(r"^(changed|same|better) \w{12} \(was \w{12}\)", said.out), said.out

    # both merge without a conflict, and the whole is what was accepted
    git(project, "merge", "-q", "--no-edit", "drop-index")
    ran = project.pytest()
    assert ran.status == 0, ran.out
    assert "2 same" in ran.out


def test_an_upgrade_plans_the_suite_on_both_majors(project):
    assert project.pytest("--planguard-capture-only").status == 0
    ran = project.command(
        "upgrade", "--from", "16", "--to", "18", "--report", "json", "--report", "term"
    )
    assert ran.status == 0, ran.out + ran.err
    assert re.match(
        r"PostgreSQL 16\.\d+ → 18\.\d+, with the same statistics and settings\n", ran.out
    )
    assert "2 plans alike, 0 worse, 0 better, 0 of another shape" in ran.out
    report = project.report()
    assert report["changes"]["same"] == 2
    assert report["databases"]["default"]["server"]["version"].startswith("18.")
    same = project.command("upgrade", "--from", "18", "--to", "18")
    assert same.status == 2
    assert "plans are made by PostgreSQL 18 already" in same.err
