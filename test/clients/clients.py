"""The foreign clients (examples/clients/): what each needs, how it is built and run.

A client that is to be tested is a row of CLIENTS. Its commands are run by bash in its directory, one after the other, with
OUT, a directory for what they make, and PYTHON, a Python with grpcio. They are those of its page in docs/manual/clients/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD_S = 1200  # the first time some download what they depend on
RUN_S = 120


class Client(NamedTuple):
    name: str  # of its directory, and of its page
    build: tuple[str, ...]
    run: str  # what the words of a case come behind
    tour: str = ""  # what runs its walk through all, as its page says; empty: the tests of its page do
    tools: tuple[str, ...] = ()  # commands that must be there
    packages: tuple[str, ...] = ()  # names that pkg-config must know
    has_tuples: bool = True  # else they come back as lists
    plain: bool = False  # its tools are those of `make check`, which runs it too

    pages: str = "docs/manual/clients/{}.md"  # where its page is

    @property
    def page(self) -> Path:
        return ROOT / self.pages.format(self.name)

    @property
    def directory(self) -> Path:
        return ROOT / "examples/clients" / self.name

    @property
    def out(self) -> Path:
        return ROOT / "build/clients" / self.name

    def missing(self) -> str:
        """Names what is not there; empty: nothing."""
        missing = [tool for tool in self.tools if shutil.which(tool) is None]
        for package in self.packages if shutil.which("pkg-config") else ():
            if subprocess.run(["pkg-config", "--exists", package]).returncode != 0:
                missing.append(package)
        return ", ".join(missing)

    def shell(self, command: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """Runs it; the caller looks at its status."""
        env = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "CHARIOT_", "PYTHON"))}
        env |= {"OUT": str(self.out), "PYTHON": str(ROOT / ".venv/bin/python"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            ["bash", "-euc", command], cwd=self.directory, env=env, capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, timeout=timeout,
        )  # fmt: skip

    def make(self) -> None:
        """Skips the test, with the name of what is missing, or builds."""
        if missing := self.missing():
            pytest.skip(f"no {missing} here, for the client in {self.name}")
        self.out.mkdir(parents=True, exist_ok=True)
        for command in self.build:
            done = self.shell(command, BUILD_S)
            assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"

    def call(self, run: str, *words: str) -> str:
        done = self.shell(" ".join([run, *words]), RUN_S)
        assert done.returncode == 0, f"{self.name}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


PROTOS = "../../../rpc/proto"
PUBLIC = "chariot/v1/value.proto chariot/v1/object_service.proto"
CLIENTS = (
    Client(
        "python",
        build=(
            f"$PYTHON -m grpc_tools.protoc -I{PROTOS} --python_out=$OUT --grpc_python_out=$OUT"
            f" {PUBLIC}",
            "touch $OUT/chariot/__init__.py $OUT/chariot/v1/__init__.py",
        ),
        run="PYTHONPATH=$OUT $PYTHON cases.py",
        tour="PYTHONPATH=$OUT $PYTHON client.py",
        plain=True,
    ),
    Client("package", build=(), run="$PYTHON cases.py", plain=True, pages="docs/manual/client.md"),
    Client(
        "cpp",
        build=("make OUT=$OUT",),
        run="$OUT/cases",
        tour="$OUT/tour",
        tools=("make", "protoc", "grpc_cpp_plugin", "g++"),
        packages=("grpc++", "protobuf"),
    ),
    Client(
        "c",
        build=("make OUT=$OUT",),
        run="$OUT/cases",
        tour="$OUT/tour",
        tools=("make", "protoc-c", "gcc"),
        packages=("grpc", "libprotobuf-c"),
        plain=True,
    ),
    Client(
        "go",
        build=(
            "cp *.go go.mod go.sum $OUT",
            "go build -C $OUT -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc",
            f"protoc -I{PROTOS} --plugin=$OUT/bin/protoc-gen-go --go_out=$OUT --go_opt=paths=source_relative"
            " --plugin=$OUT/bin/protoc-gen-go-grpc --go-grpc_out=$OUT --go-grpc_opt=paths=source_relative"
            f" {PUBLIC}",
            "go build -C $OUT -o client .",
            "go test -C $OUT -c -o cases .",
        ),
        run="$OUT/cases",
        tour="$OUT/client",
        tools=("go", "protoc"),
    ),
    Client(
        "javascript",
        build=(
            "cp -r *.js package.json package-lock.json ../protos $OUT",
            f"cp -r {PROTOS}/chariot $OUT/protos",
            "npm ci --prefix $OUT",
        ),
        run="node $OUT/cases.js",
        tour="node $OUT/client.js",
        tools=("node", "npm"),
    ),
    Client(
        "java",
        build=("mvn -B -q -Dout=$OUT compile dependency:copy-dependencies",),
        run="java -cp \"$OUT/classes:$OUT/lib/*\" example.Cases",
        tour="java -cp \"$OUT/classes:$OUT/lib/*\" example.Client",
        tools=("java", "mvn"),
    ),
    Client(
        "rust",
        build=("cargo build --locked --target-dir $OUT",),
        run="$OUT/debug/cases",
        tour="$OUT/debug/client",
        tools=("cargo", "protoc"),
    ),
)


def chosen() -> list[Client]:
    """Those that CHARIOT_CLIENTS names, "all", or what `make check` can run anywhere."""
    words = os.environ.get("CHARIOT_CLIENTS", "").split()
    if unknown := set(words) - {"all"} - {client.name for client in CLIENTS}:
        raise pytest.UsageError(f"CHARIOT_CLIENTS: there is no client {', '.join(sorted(unknown))}")
    return [one for one in CLIENTS if "all" in words or one.name in words or (not words and one.plain)]
