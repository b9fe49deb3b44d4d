"""Two hosts made of namespaces (test/cluster/net.py): round trips between them with mutual TLS, by a bare gRPC stream and
by Chariot. With --missing: says why there can be no such hosts here, if so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/cluster"))

from net import CHARIOT, Net, missing  # noqa: E402

BENCH = ROOT / "build/release/bench"


def main() -> int:
    if "--missing" in sys.argv:
        print(missing() or "", end="")
        return 0
    with Net(2) as net:
        spaces = [f"/proc/{host.first}/ns/net" for host in net.hosts]
        job = [CHARIOT, "run", "--hosts", net.hosts_list(1), *net.remote_shell(), "--quiet", BENCH / "messages", "between"]
        for command in ([str(BENCH / "floor_grpc"), "between", *spaces, net.hosts[0].address], net.command(job)):
            status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=os.environ, check=False).returncode
            if status != 0:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
