"""What buf finds in protocol files as buf.yaml has set it: each test makes one change and expects it named, or let pass."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).with_name("buf")
RELEASED = ROOT / "test/lint/released"
PEER = """syntax = "proto3";
package chariot.v1;
option go_package = "chariot/v1;chariotv1";
option java_multiple_files = true;
service PeerService {
  // Join adds a PE.
  rpc Join(JoinRequest) returns (JoinResponse);
}
message JoinRequest {}
message JoinResponse {
  uint32 num_pes = 1;
}
enum Kind {
  KIND_UNSPECIFIED = 0;
}
""".replace("service", "// PeerService is between PEs.\nservice", 1)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The protocol files, with those that were released in place of the public ones."""
    shutil.copytree(ROOT / "rpc/proto", tmp_path / "rpc/proto")
    shutil.copytree(RELEASED / "chariot", tmp_path / "rpc/proto/chariot", dirs_exist_ok=True)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def buf(tree: Path, *words: str | Path) -> str:
    done = subprocess.run([BUF, *words], cwd=tree, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert (done.returncode == 0) == (done.stdout == "")
    return done.stdout


def change(tree: Path, file: str, old: str, new: str) -> None:
    path = tree / "rpc/proto/chariot/v1" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_sound_protocol_file_passes(tree: Path) -> None:
    (tree / "rpc/proto/chariot/v1/peer.proto").write_text(PEER)
    assert buf(tree, "lint") == ""


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("package chariot.v1", "package chariot", "package"),
        ("PeerService {", "Peer {", "suffixed"),
        ("(JoinRequest)", "(Kinds)", "JoinRequest"),
        ("(JoinResponse)", "(JoinRequest)", "JoinResponse"),
        ("num_pes", "numPes", "lower_snake_case"),
        ("KIND_UNSPECIFIED", "KIND_NONE", "_UNSPECIFIED"),
        ("KIND_UNSPECIFIED", "NONE", "KIND_"),
        ("message JoinRequest", "message Kinds {}\nmessage join_request {}\nmessage JoinRequest", "PascalCase"),
        ("  // Join adds a PE.\n", "", "comment"),
    ],
)
def test_a_protocol_file_against_the_habits_is_named(tree: Path, old: str, new: str, rule: str) -> None:
    text = PEER.replace(old, new)
    if "Kinds" in new and "message" not in new:
        text += "message Kinds {}\n"
    (tree / "rpc/proto/chariot/v1/peer.proto").write_text(text)
    assert rule in buf(tree, "lint")


@pytest.mark.parametrize(
    ("file", "comment"),
    [
        ("value.proto", "    // Any bytes.\n"),
        ("object_service.proto", "// CallRequest says what is called of which object.\n"),
        ("object_service.proto", "// ParameterKind says how a parameter may be given.\n"),
    ],
)
def test_what_is_public_is_documented(tree: Path, file: str, comment: str) -> None:
    change(tree, file, comment, "")
    assert "comment" in buf(tree, "lint")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("value.proto", "bytes data = 7", "bytes data = 17", '"7"'),  # another number
        ("value.proto", "bytes data = 7", "string data = 7", "type"),
        ("value.proto", "double real = 5", "float real = 5", "type"),
        ("value.proto", "sint64 integer = 3", "int64 integer = 3", "type"),
        ("value.proto", "string text = 6", "string characters = 6", "name"),
        ("value.proto", "repeated int64 shape = 2", "int64 shape = 2", "cardinality"),
        ("value.proto", "  uint32 pe = 3;", "", "deleted"),
        ("value.proto", "ORDER_FORTRAN = 2", "ORDER_FORTRAN = 3", "deleted"),
        ("value.proto", "message Null {}", "// Nothing is.\nmessage Nothing {}", "deleted"),
        ("object_service.proto", "rpc Reduce(", "rpc Combine(", "deleted"),
        ("object_service.proto", "returns (stream WatchFutureResponse)", "returns (WatchFutureResponse)", "streaming"),
        ("object_service.proto", "(stream OpenChannelRequest)", "(OpenChannelRequest)", "streaming"),
        ("object_service.proto", "returns (GetObjectResponse)", "returns (GetObjectRequest)", "response type"),
        ("object_service.proto", "bool one_way = 4", "optional bool one_way = 4", "cardinality"),
    ],
)
def test_an_incompatible_change_is_named(tree: Path, file: str, old: str, new: str, says: str) -> None:
    assert buf(tree, "breaking", "--against", RELEASED) == ""
    change(tree, file, old, new)
    if new.startswith("// Nothing"):
        change(tree, file, "Null null", "Nothing null")
    assert says in buf(tree, "breaking", "--against", RELEASED)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("object_service.proto", "  bool one_way = 4;", "  bool one_way = 4;\n  bool more = 5;"),
        ("object_service.proto", "  REDUCER_XOR = 7;", "  REDUCER_XOR = 7;\n  REDUCER_MEAN = 8;"),
        ("object_service.proto", "message Target {", "message More {}\nmessage Target {"),
        ("object_service.proto", "// ObjectError is", "// Of another kind: ObjectError is"),
    ],
)
def test_an_addition_breaks_nobody(tree: Path, file: str, old: str, new: str) -> None:
    change(tree, file, old, new)
    assert buf(tree, "breaking", "--against", RELEASED) == ""
