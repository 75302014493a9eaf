"""A container engine for tests, and an image of PostgreSQL 15 on it.

The image is the one that ``.ci/container-engine.sh`` makes, or the official one where the engine
has it or can pull it.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fix_servers import Project, absent, expect_clean, short_folder, sockets_in
from pytest_planguard.fixturedb.providers.keeper import LABEL

IMAGES = ("planguard-postgres:15", "postgres:15.18")


def docker(*arguments: str) -> str:
    """What the engine's command line prints."""
    command = ["docker", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout.strip()


def containers(project: Project) -> list[str]:
    """Identifiers of a project's containers; others may have theirs on the engine."""
    files = list((project.root / ".planguard").glob("servers/container-*/identity"))
    labels = [f"label={LABEL}={file.read_text()}" for file in files]
    found = [docker("ps", "--all", "--quiet", "--filter", label) for label in labels]
    return " ".join(found).split()


@functools.cache
def _found() -> tuple[str, str]:
    """(image, why there is none)."""
    if not shutil.which("docker"):
        return "", "no docker command is installed"
    try:
        docker("info")
    except (ValueError, subprocess.TimeoutExpired):
        return "", "no container engine answers (docker info)"
    for image in IMAGES:
        try:
            docker("image", "inspect", image)
        except ValueError:
            continue
        return image, ""
    try:
        docker("pull", "--quiet", IMAGES[-1])
    except (ValueError, subprocess.TimeoutExpired) as error:
        return "", f"no image of PostgreSQL 15: {error}"
    return IMAGES[-1], ""


def need_image() -> str:
    """An image of PostgreSQL 15; skips the test where there is none."""
    image, why_not = _found()
    if why_not:
        absent(why_not)
    return image


def specification() -> dict[str, Any]:
    """What a project's specification says beyond its own."""
    return {"provider": "container", "image": need_image(), "version": None}


@pytest.fixture(scope="module")
def container_project() -> Iterator[Callable[[], Project]]:
    """A project whose container runs until the module's last test: one takes some seconds."""
    with ExitStack() as stack:
        made: list[Project] = []

        def project() -> Project:
            if not made:
                more = specification()
                found = Project(stack.enter_context(short_folder()), 15)
                found.temporary.mkdir()
                stack.callback(expect_clean, found)
                with sockets_in(found.temporary):
                    stack.enter_context(found.open(**more))
                made.append(found)
            return made[0]

        yield project


@pytest.fixture
def lonely_project() -> Iterator[Project]:
    """A project without a container; at the end neither it nor the engine may have one of it."""
    need_image()
    with short_folder() as folder:
        project = Project(folder, 15)
        project.temporary.mkdir()
        with sockets_in(project.temporary):
            yield project
        expect_clean(project)
        assert containers(project) == []
