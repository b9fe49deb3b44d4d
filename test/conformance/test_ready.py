"""`--ready-file` and NOTIFY_SOCKET: whoever runs services hears when all PEs take part, on one host and on two."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_launcher import Place, place, wait_until  # noqa: F401
from test_members import Party, party  # noqa: F401

# Shows the directory when it is told to, and leaves.
LATE = """
while not os.path.exists("go"): time.sleep(0.01)
put(' '.join(os.listdir('ready')))
farewell()
"""


@pytest.fixture
def manager(place: Place) -> Iterator[socket.socket]:  # noqa: F811
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(60)
        path = f"{place.tmp}/notify"
        manager.bind(path)
        place.env["NOTIFY_SOCKET"] = path
        yield manager
        os.unlink(path)


def ready_dir(place: Place) -> Path:  # noqa: F811
    path = place.path / "ready"
    path.mkdir()
    return path


def test_the_file_is_there_while_the_job_runs(place: Place) -> None:  # noqa: F811
    file = ready_dir(place) / "yes"
    file.write_text("of a job that was killed")
    job = place.start("run", "-n", 2, "--ready-file", "ready/yes", place.pe(LATE))
    wait_until(lambda: [path.stat().st_size for path in file.parent.glob("*")] == [0], "the job runs")
    (place.path / "go").touch()
    out, err = job.communicate(timeout=60)
    assert job.returncode == 0, err
    assert out == b"yes\nyes\n"
    assert not file.exists()


def test_it_is_not_made_before_all_take_part(place: Place) -> None:  # noqa: F811
    """PE 1 never reads its ticket, so never says hello."""
    file = ready_dir(place) / "yes"
    late = place.program("late", "#!/bin/sh\nmkdir first 2>/dev/null && exec ./pe\nexec sleep 600\n")
    place.pe("put('here'); forever()\n")
    job = place.start("run", "-n", 2, "--ready-file", file, "--timeout", 2, late)
    out, _ = job.communicate(timeout=60)
    assert (job.returncode, out) == (124, b"here\n") and not file.exists()


def test_a_service_manager_hears_of_it(place: Place, manager: socket.socket) -> None:  # noqa: F811
    ready_dir(place)
    body = "put(os.environ.get('NOTIFY_SOCKET', 'not ours'))\n" + LATE
    job = place.start("run", "-n", 2, place.pe(body))
    assert manager.recv(200).split(b"\n")[:2] == [b"READY=1", b"STATUS=2 PEs"]
    (place.path / "go").touch()
    out, _ = job.communicate(timeout=60)
    assert (manager.recv(200), job.returncode) == (b"STOPPING=1\n", 0)
    assert out.count(b"not ours") == 2


def test_an_abstract_socket_will_do(place: Place) -> None:  # noqa: F811
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"chariot-{os.getpid()}"
        manager.bind("\0" + name)
        manager.settimeout(60)
        place.env["NOTIFY_SOCKET"] = "@" + name
        assert place.run("run", "-n", 1, place.pe("farewell()\n"))[0] == 0
        assert manager.recv(200).startswith(b"READY=1")


def test_what_cannot_be_is_said_before_anything_runs(place: Place) -> None:  # noqa: F811
    program = place.pe("farewell()\n")
    status, _, err = place.run("run", "--ready-file", "nowhere/yes", program)
    assert status == 74 and "cannot make the file 'nowhere/yes' (--ready-file)" in err
    for name in ("relative", "/no/such/socket", "@"):
        place.env["NOTIFY_SOCKET"] = name
        status, _, err = place.run("run", program)
        assert status == 71 and "cannot reach the service manager" in err


# ---------------------------------------------------------------- members


def test_every_member_says_so_where_it_is(party: Party) -> None:  # noqa: F811
    """Each by its own file, when all PEs of all take part, and while the job runs."""
    ready_dir(party.place)
    body = LATE.replace("put(' '.join(os.listdir('ready')))", "put(' '.join(sorted(os.listdir('ready'))))")
    program = party.place.pe(body)
    for member in range(party.members):
        party.start(member, "--ready-file", f"ready/{member}", program)
        if member < party.members - 1:
            assert os.listdir(party.place.path / "ready") == []
    wait_until(lambda: len(os.listdir(party.place.path / "ready")) == party.members, "all are ready")
    (party.place.path / "go").touch()
    ends = party.ends()
    assert ends[0][:2] == (0, "0 1 2\n" * 3), ends
    assert os.listdir(party.place.path / "ready") == []


@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_member_that_waits_ends_by_a_signal(party: Party, member: int, number: signal.Signals) -> None:  # noqa: F811
    """Asked for, since the first process of a container would not die of it otherwise."""
    child = party.start(member, "true")
    caught = 1 << (number - 1)
    status = Path(f"/proc/{child.pid}/status")
    wait_until(lambda: int(status.read_text().split("SigCgt:\t")[1].split()[0], 16) & caught, "it has asked for the signal")
    child.send_signal(number)
    assert party.ends()[member][0] == 128 + number
