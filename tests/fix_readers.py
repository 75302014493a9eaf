"""Reports as those who read them do: each function refuses what its reader would."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import msgspec

import fix_sarif

COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:\r\n]*,?)*)::(.*)")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """GitHub's runner: kind, properties and message of each line, unescaped."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match is not None, line[:200]
        kind, properties, message = match.groups()
        pairs = dict(one.split("=", 1) for one in properties.split(","))
        found.append((kind, {k: unquote(v) for k, v in pairs.items()}, unquote(message)))
    return found


SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def issues(text: str) -> list[dict[str, Any]]:
    """GitLab: the fields that its documentation calls required, and no other."""
    found = json.loads(text)
    assert isinstance(found, list)
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert set(one["location"]) == {"path", "lines"}
        assert one["severity"] in SEVERITIES
        assert not one["location"]["path"].startswith(("/", "./"))
        assert set(one["location"]["lines"]) == {"begin"}
        assert one["location"]["lines"]["begin"] >= 1
        assert all(isinstance(one[name], str) for name in ("description", "check_name"))
    assert len({one["fingerprint"] for one in found}) == len(found)
    return list(found)


JUNIT = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log",
         "url", "version"),
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
    ),
    "properties": ((), (), ("property",)),
    "property": (("name", "value"), (), ()),
    "testcase": (
        ("name",), ("time", "classname", "group"),
        ("skipped", "errors", "failure", "system-out", "system-err"),
    ),
    "failure": ((), ("type", "message"), ()),
    "skipped": ((), ("type", "message"), ()),
    "system-out": ((), (), ()),
}  # fmt: skip
"""Attributes that must and may be there, and elements within, as junit-10.xsd of Jenkins' xUnit
plugin has them; ``rerun…`` and ``flaky…`` left out."""


def suites(text: str) -> ET.Element:
    """Jenkins and its kin: the schema is obeyed, and the counts are those of the cases."""
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may, within = JUNIT[element.tag]
        assert set(must) <= set(element.attrib) <= {*must, *may}, element.tag
        assert {child.tag for child in element} <= set(within), element.tag
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for name, tag in (("failures", "failure"), ("skipped", "skipped")):
            assert int(suite.get(name)) == sum(case.find(tag) is not None for case in cases)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    return root


def log(text: str) -> dict[str, Any]:
    """A reader of SARIF: the schema is obeyed, and GitHub can tell and place each result.

    It takes 25,000 results and shows 5,000 of them, and wants one location with a file and a line.
    """
    (run,) = msgspec.json.decode(text, type=fix_sarif.Log).runs
    assert len(run.results) <= 5_000
    for one in run.results:
        assert len(one.locations) == 1
        assert one.locations[0].physical_location.region is not None
        assert one.message.text
    found = [one.partial_fingerprints["primaryLocationLineHash"] for one in run.results]
    assert len(set(found)) == len(found)
    return dict(json.loads(text))


def lines(text: str) -> list[str]:
    """A terminal, or a CI system's log: nothing acts on it."""
    for line in text.splitlines():
        assert line.isprintable(), line[:200]
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", line)
    return text.splitlines()


ALIVE = re.compile(r"\w://|@\w|#\d|\bGH-\d|\bwww\.", re.IGNORECASE)
"""What GitHub makes a link or a mention of wherever it stands in rendered text, code left out."""
FOLDS = frozenset({"<details>", "</details>", "<summary>", "</summary>"})
INLINE = frozenset({
    "text", "code_inline", "softbreak", "hardbreak", "strong_open", "strong_close", "html_inline",
})  # fmt: skip


def comment(text: str) -> str:
    """GitHub: outside of code no markup, HTML, mention, reference or address of others is alive."""
    from markdown_it import MarkdownIt

    assert len(text) <= 65_000
    rendered = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        assert not token.type.startswith(("blockquote", "ordered")), token.type
        if token.type == "table_open":  # but for the one we write ourselves
            assert text.splitlines()[token.map[0]].startswith("| statement | lock |"), token.map
        if token.type == "html_block":
            tags = set(re.findall(r"<[^>]*>", token.content))
            assert tags <= FOLDS | {"<!-- pytest-planguard -->"}
            rendered.append(re.sub(r"<[^>]*>", "", token.content))
        for child in token.children or ():
            assert child.type in INLINE, child.type
            if child.type == "html_inline":
                assert child.content in FOLDS
            if child.type == "text":
                rendered.append(child.content)
    for one in rendered:
        assert not ALIVE.search(one), one[:200]
    return text
