"""Runs a command where it can neither be reached nor outlive its end: peer_box.py COMMAND...

In namespaces of its own: the network has a loopback device and nothing else, and the kernel ends every process of it
with the first. Ray listens on every address of its host, whatever address it is given; here that is the loopback.
/dev/shm is its own too. Needs root, or a kernel that lets users have namespaces.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
INSIDE = "--inside"


def start_loopback() -> None:
    request = struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket.fileno(), SIOCSIFFLAGS, request)


def own_shared_memory() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"") != 0:
        raise OSError(ctypes.get_errno(), "no tmpfs on /dev/shm")


def main(words: list[str]) -> int:
    if words[:1] != [INSIDE]:
        own = ["--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
        own += [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", *own, sys.executable, __file__, INSIDE, *words])
    start_loopback()
    own_shared_memory()
    return subprocess.run(words[1:], stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
