"""A grid of cells that programs in any language call: the job that the clients in this directory are for.

    chariot run -n 4 examples/clients/grid.py --address 127.0.0.1:7000

It runs until somebody ends it. Without `--clients` whoever is on this host may call.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from chariot import Array, Channel, Chare, charm, coro, expose


class Cell(Chare):
    """A cell of the grid, which keeps a number."""

    def __init__(self) -> None:
        self.value = 0.0

    @expose
    def add(self, amount: float) -> float:
        """Adds to the cell's number; gives what it is then."""
        self.value += amount
        return self.value

    @expose
    def get(self) -> float:
        """The cell's number."""
        return self.value

    @expose
    def echo(self, value: object) -> object:
        """Gives back what it was given."""
        return value

    @expose
    def scaled(self, data: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
        """The array, each element multiplied."""
        return data * factor

    @expose
    def fail(self, text: str) -> None:
        """Raises a ValueError."""
        raise ValueError(text)

    @expose
    @coro
    def slow(self, seconds: float) -> str:
        """Takes its time."""
        charm.sleep(seconds)
        return "slept"

    @expose
    @coro
    def later(self) -> object:
        """A future whose value comes after a moment."""
        future = charm.Future()
        charm.scheduleCallableAfter(future.send, 0.05, ["later"])
        return future

    @expose
    async def chat(self, channel: Channel) -> None:
        """Sends back what comes, numbers doubled, until the client sends no more."""
        async for value in channel:
            await channel.send(2 * value if isinstance(value, (int, float)) else value)

    def hidden(self) -> str:
        """Not exposed: programs outside cannot call it."""
        return "inside"


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1:0", help="HOST:PORT (port 0: any free one) or unix:PATH")
    parser.add_argument("--clients", help="file of clients with their tokens and what they may call")
    parser.add_argument("--certificate", help="file (PEM) of the service: TLS")
    parser.add_argument("--key", help="file (PEM) of its key")
    parser.add_argument("--traces", action="store_true", help="clients see tracebacks of exceptions")
    return parser.parse_args(words)


def main(args: list[str]) -> None:
    options = arguments(args[1:])
    charm.publish("grid", Array(Cell, (4, 4))).get()
    address = charm.serve(
        options.address,
        clients=options.clients,
        certificate=options.certificate,
        key=options.key,
        anyone=options.clients is None,
        traces=options.traces,
        max_message_bytes=1 << 20,
    )
    print("serving at", address, flush=True)


charm.start(main)
