"""docs/manual/containers.md: its commands are run as they stand there (page.py)."""

from __future__ import annotations

import shutil

import pytest

from engine import ROOT, Engine
from page import LOUD, blocks

SECRET = ROOT / "deploy/secret"


def run(engine: Engine, label: str) -> str:
    done = engine.run("bash", "-c", LOUD + blocks()[label], check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_command_of_the_page_is_run_here() -> None:
    assert list(blocks()) == ["image", "four", "compose"]


def test_the_image(engine: Engine) -> None:
    assert "pi is about 3.14" in run(engine, "image")


def test_four_containers(engine: Engine) -> None:
    said = run(engine, "four")
    assert "on 4 PEs" in said and "equal to numpy" in said


@pytest.mark.skipif(shutil.which("podman-compose") is None, reason="no podman-compose here")
def test_compose(engine: Engine) -> None:
    """With deploy/secret as the page makes it, which must not be there before."""
    assert not SECRET.exists()
    try:
        said = run(engine, "compose")
    finally:
        SECRET.unlink(missing_ok=True)
        engine.run("podman-compose", "-p", "chariot", "-f", "deploy/compose.yaml", "down", check=False)
    assert said.splitlines().count("0") == 1 and "on 4 PEs" in said and "equal to numpy" in said
