"""traffic.py, but each PE's ticket (certificate, key, token) and what the launcher says of PE 0's address are written
down: what a thief would have. Usage: leaky.py SECONDS DIRECTORY; the files are ticket-N and address, messages as they came
(chariot/v1/control.proto)."""

import os
import runpy
import select
import socket
import struct
import sys
from pathlib import Path


def exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def message(source: socket.socket) -> bytes:
    head = exactly(source, 4)
    return head + exactly(source, struct.unpack("<I", head)[0])


def pass_on(launcher: socket.socket, pe: socket.socket, directory: Path, number: str) -> None:
    """In a process of its own, between the launcher and the PE."""
    while True:
        for ready in select.select([launcher, pe], [], [])[0]:
            if ready is launcher:
                heard = message(launcher)
                if heard[4] == 2 << 3 | 2:  # Rendezvous
                    (directory / f"address-{number}").write_bytes(heard[4:])
                pe.sendall(heard)
            elif data := pe.recv(65536):
                launcher.sendall(data)
            else:
                os._exit(0)


def leak(directory: Path) -> None:
    launcher = socket.socket(fileno=int(os.environ["CHARIOT_CONTROL_FD"]))
    launcher.setblocking(True)
    ours, theirs = socket.socketpair()
    ticket = message(launcher)
    number = f"{socket.gethostname()}-{os.getpid()}"
    (directory / f"ticket-{number}").write_bytes(ticket[4:])
    if os.fork() == 0:
        theirs.close()
        ours.sendall(ticket)
        pass_on(launcher, ours, directory, number)
    ours.close()
    os.environ["CHARIOT_CONTROL_FD"] = str(theirs.detach())
    os.close(launcher.detach())
    os.set_inheritable(int(os.environ["CHARIOT_CONTROL_FD"]), False)


leak(Path(sys.argv.pop(2)))
runpy.run_path(str(Path(__file__).with_name("traffic.py")), run_name="__main__")
