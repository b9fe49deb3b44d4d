"""Lint finds what it is there to find: each test injects one breach into a small tree and expects it named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LINT = Path(__file__).with_name("lint.py")


def lint(root: Path, rule: str) -> str:
    done = subprocess.run([sys.executable, str(LINT), rule, "--root", str(root)], capture_output=True, text=True)
    assert done.stderr == ""
    assert (done.returncode == 0) == (done.stdout == "")
    return done.stdout


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def compile_object(root: Path, name: str, text: str) -> None:
    source = write(root, name + ".c", text)
    target = root / "build/release" / (name + ".o")
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-fPIC", "-c", "-o", str(target), str(source)], check=True)


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("rpc/a.c", '"objects/pe.h"'),
        ("rpc/a.h", '"python/codec.h"'),
        ("objects/a.c", '"sections/split.h"'),
        ("objects/a.c", '"lb/greedy.h"'),
        ("sections/a.c", '"lb/greedy.h"'),
        ("lb/a.c", '"sections/split.h"'),
        ("objects/a.c", "<grpc/grpc.h>"),
        ("objects/a.c", "<ev.h>"),
        ("lb/a.c", '"rpc/proto/chariot/v1/peer.pb-c.h"'),
        ("deploy/a.c", "<grpc/grpc.h>"),
        ("deploy/a.c", '"objects/chariot.h"'),
        ("rpc/a.c", "<Python.h>"),
        ("python/a.c", '"objects/pe.h"'),
        ("python/a.c", '"rpc/msg.h"'),
        ("examples/c/a.c", '"rpc/msg.h"'),
        ("rpc/a.c", '"msg.h"'),
    ],
)
def test_an_include_across_the_layers_is_named(tmp_path: Path, file: str, include: str) -> None:
    write(tmp_path, file, f"#include {include}\n")
    found = lint(tmp_path, "layers")
    assert found.startswith(f"{file}:1: ") and include.strip('"<>') in found


@pytest.mark.parametrize(
    ("file", "include"),
    [
        ("rpc/a.c", "<grpc/grpc.h>"),
        ("rpc/a.c", '"rpc/msg.h"'),
        ("objects/a.c", '"rpc/msg.h"'),
        ("sections/a.c", '"objects/tree.h"'),
        ("python/a.c", '"objects/chariot.h"'),
        ("python/a.c", '"sections/tree.h"'),
        ("python/a.c", "<Python.h>"),
        ("deploy/a.c", "<ev.h>"),
        ("examples/c/a.c", '"objects/chariot.h"'),
        ("examples/clients/c/a.c", "<grpc/grpc.h>"),
    ],
)
def test_an_include_down_the_layers_is_allowed(tmp_path: Path, file: str, include: str) -> None:
    write(tmp_path, file, f"#include {include}\n")
    assert lint(tmp_path, "layers") == ""


@pytest.mark.parametrize(
    "text",
    [
        "int counter;",
        "int counter = 3;",
        "static int counter; int next(void) { return counter++; }",
        "int next(void) { static int counter; return counter++; }",
        "_Thread_local int counter;",
        "const char *counter = \"\";",
    ],
)
def test_writable_data_is_named(tmp_path: Path, text: str) -> None:
    compile_object(tmp_path, "objects/a", text + "\n")
    assert "counter" in lint(tmp_path, "globals")


def test_constants_are_no_globals(tmp_path: Path) -> None:
    compile_object(tmp_path, "lb/a", "static void f(void) {}\nvoid (*const table[])(void) = {f};\nconst int seven = 7;\n")
    assert lint(tmp_path, "globals") == ""


def test_globals_without_a_build_is_no_pass(tmp_path: Path) -> None:
    assert "make lib" in lint(tmp_path, "globals")


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "X" + "XX"])
def test_a_mark_of_unfinished_work_is_named(tmp_path: Path, word: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, "rpc/a.c", f"/* {word}: later */\n")
    assert lint(tmp_path, "words").startswith(f"rpc/a.c:1: {word}")
