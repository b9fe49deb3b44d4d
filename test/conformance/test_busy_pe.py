"""A method that computes for long: its PE keeps its connections, and what others send through it goes on."""

import pytest
from harness import run

# With seven PEs and a tree of radix 4 rooted at PE 0, what PEs 5 and 6 hear of a broadcast passes through PE 1.
PROGRAM = """
import mmap
from chariot import charm, Chare, Group, Future

class P(Chare):
    def compute(self):
        page = shared()
        page[0] = 1
        while page[1] == 0:
            pass
        return "computed"

    def hear(self, future):
        if charm.myPe() != 1:
            future.send(charm.myPe())

    def take(self, data):
        return len(data)

def shared():
    # Who computes looks here for its end: that lets no other thread have the interpreter, as calls of the system would.
    with open("page", "r+b") as file:
        return mmap.mmap(file.fileno(), 2)

def main(args):
    with open("page", "wb") as file:
        file.write(bytes(2))
    page = shared()
    group = Group(P)
    charm.awaitCreation(group)
    computed = group[1].compute(ret=True)
    while page[0] == 0:
        charm.sleep(0.01)
    heard = Future(6)
    group.hear(heard)
    taken = group[1].take(bytes(50_000_000), ret=True)
    print("heard", sorted(heard.get()), computed.ready())
    page[1] = 1
    print(computed.get(), taken.get())
    print("through it again", len(group.take(b"1", ret=True).get()))
    charm.exit()

charm.start(main)
"""


@pytest.mark.parametrize("transport", ["shm", "unix", "tcp", "tls"])
def test_a_computing_pe_holds_up_nobody_elses_traffic(transport: str) -> None:
    result = run(PROGRAM, 7, options=("--transport", transport), preamble=False)
    assert result.status == 0, result.said
    assert result.stdout.splitlines() == [
        "heard [0, 2, 3, 4, 5, 6] False",
        "computed 50000000",
        "through it again 7",
    ]
