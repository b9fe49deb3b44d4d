"""The rows of the table: each with its unit, its floor, and what it must reach (shared/peers.md, "must reach")."""

from __future__ import annotations

from dataclasses import dataclass

from machine import COMPUTING, COPYING, WAKING

RATES = ("M/s", "k/s", "GB/s")
SIZES = (("0", "0 B", WAKING), ("1k", "1 KiB", WAKING), ("64k", "64 KiB", COPYING), ("1m", "1 MiB", COPYING))
FLOORS = "Floors for themselves"
LANE_NAMES = {"shm": "shared memory", "unix": "gRPC over a Unix socket", "tcp": "gRPC over TCP"}


@dataclass(frozen=True)
class Target:
    bound: float
    of_floor: bool = False  # a bound of the ratio to the floor, not of the value


@dataclass(frozen=True)
class Row:
    """`kind`: which factor of the machine scales the bounds of its value; "" for none."""

    section: str
    text: str
    key: str
    unit: str
    floor: str = ""
    target: Target | None = None
    kind: str = ""

    @property
    def rate(self) -> bool:
        """More is better."""
        return self.unit in RATES

    @property
    def of_machine(self) -> bool:
        """Nothing of Chariot is in it."""
        return self.section == FLOORS


def at(bound: float) -> Target:
    return Target(bound)


def floor(bound: float) -> Target:
    return Target(bound, of_floor=True)


def c_messages(lane: str) -> tuple[Row, ...]:
    section, shm = f"C, 2 PEs, {LANE_NAMES[lane]}", lane == "shm"
    below = "ring.adaptive" if shm else f"grpc.{lane}"
    trips = [
        Row(section, f"round trip, {text}", f"chariot.{lane}.rtt.{size}", "us", f"{below}.rtt.{size}",
            None if shm else floor(1.5), kind)
        for size, text, kind in SIZES
    ]  # fmt: skip
    if shm:
        trips[0] = Row(
            section, "round trip, 0 B", f"chariot.{lane}.rtt.0", "us", "ring.adaptive.rtt.0", at(1), COMPUTING
        )
    small, bandwidth = (
        ("ring.small.64", "ring.bandwidth.1m") if shm else (f"{below}.small.64k", f"{below}.bandwidth.1m")
    )
    return (
        *trips,
        Row(section, "processor time of a round trip, 0 B", f"chariot.{lane}.cpu", "us", f"{below}.cpu"),
        Row(section, "small messages one way", f"chariot.{lane}.small", "M/s", small, at(10 if shm else 5), COMPUTING),
        Row(section, "bandwidth, 1 MiB", f"chariot.{lane}.bandwidth.1m", "GB/s", bandwidth, floor(1.25), COPYING),
    )


def tls() -> tuple[Row, ...]:
    """Beside a bare stream with TLS; and between two hosts."""
    section, hosts = "C, 2 PEs, gRPC over TCP with mutual TLS", "C, 2 PEs on 2 hosts (namespaces)"
    return (
        *(
            Row(section, f"round trip, {text}", f"chariot.tls.rtt.{size}", "us", f"grpc.tls.rtt.{size}", floor(1.5), kind)
            for size, text, kind in SIZES
        ),
        Row(section, "processor time of a round trip, 0 B", "chariot.tls.cpu", "us", "grpc.tls.cpu"),
        Row(section, "small messages one way", "chariot.tls.small", "M/s", "chariot.tcp.small"),
        Row(section, "bandwidth, 1 MiB", "chariot.tls.bandwidth.1m", "GB/s", "chariot.tcp.bandwidth.1m"),
        *(
            Row(hosts, f"round trip, {text}", f"chariot.between.rtt.{size}", "us", f"grpc.between.rtt.{size}",
                floor(1.5) if size == "0" else None, kind)
            for size, text, kind in SIZES
        ),
        Row(hosts, "processor time of a round trip, 0 B", "chariot.between.cpu", "us", "grpc.between.cpu"),
        Row(hosts, "bandwidth, 1 MiB", "chariot.between.bandwidth.1m", "GB/s", "grpc.between.bandwidth.1m"),
    )  # fmt: skip


def py_messages(lane: str, bounds: bool) -> tuple[Row, ...]:
    """`bounds`: this is the lane that the targets are for."""
    section = f"Python, 2 PEs, {LANE_NAMES[lane]}"
    below = "ring.adaptive" if lane == "shm" else f"grpc.{lane}"
    bandwidth = "ring.bandwidth.1m" if lane == "shm" else f"grpc.{lane}.bandwidth.1m"
    small = "ring.small.64" if lane == "shm" else f"grpc.{lane}.small.64k"
    measures = (
        ("round trip, empty method", "rtt.0", "us", f"{below}.rtt.0", 3, COMPUTING),
        ("round trip, ret=True, coroutine", "rtt.ret", "us", f"{below}.rtt.0", 5, COMPUTING),
        ("round trip by channels", "rtt.channel", "us", f"{below}.rtt.0", 4.5, COMPUTING),
        ("round trip, 1 KiB bytes", "rtt.1k.bytes", "us", f"{below}.rtt.1k", 5, COMPUTING),
        ("round trip, 1 KiB numpy", "rtt.1k", "us", f"{below}.rtt.1k", 7, COMPUTING),
        ("round trip, 64 KiB numpy", "rtt.64k", "us", f"{below}.rtt.64k", 30, COPYING),
        ("round trip, 1 MiB numpy", "rtt.1m", "us", f"{below}.rtt.1m", 150, COPYING),
        ("exception back to the caller", "rtt.exception", "us", f"{below}.rtt.0", 20, COMPUTING),
        ("one way, no argument", "oneway.0", "M/s", small, 2, COMPUTING),
        ("one way, int", "oneway.int", "M/s", small, 1.8, COMPUTING),
        ("one way, 1 KiB numpy", "oneway.1k", "M/s", small, 0.7, COMPUTING),
        ("bandwidth, 1 MiB numpy", "bandwidth.1m", "GB/s", bandwidth, 8, COPYING),
        ("bandwidth, 16 MiB numpy", "bandwidth.16m", "GB/s", bandwidth, 6, COPYING),
    )  # fmt: skip
    over_tcp = {"oneway.0": at(1), "oneway.int": at(1)} if lane == "tcp" else {}
    return tuple(
        Row(section, text, f"py.{lane}.{name}", unit, beside, at(bound) if bounds else over_tcp.get(name), kind)
        for text, name, unit, beside, bound, kind in measures
    )


def agreement() -> tuple[Row, ...]:
    section, two, four = "Agreement, the default transport", "ring.adaptive.rtt.0", "socket.spin.barrier.4"
    return (
        Row(section, "C, barrier, 2 PEs", "chariot.barrier.2", "us", two),
        Row(section, "C, barrier, 4 PEs", "chariot.barrier.4", "us", four),
        Row(section, "C, broadcast awaited, 2 PEs", "chariot.broadcast.2", "us", two),
        Row(section, "C, broadcast awaited, 4 PEs", "chariot.broadcast.4", "us", four),
        Row(section, "Python, barrier, 2 PEs", "py.barrier.2", "us", two, at(4), COMPUTING),
        Row(section, "Python, barrier, 4 PEs", "py.barrier.4", "us", four, at(18), WAKING),
        Row(section, "Python, broadcast awaited, 2 PEs", "py.broadcast.2", "us", two, at(5), COMPUTING),
        Row(section, "Python, broadcast awaited, 4 PEs", "py.broadcast.4", "us", four, at(20), WAKING),
        Row(section, "Python, allreduce of 1 MiB numpy, 2 PEs", "py.allreduce.1m.2", "ms", "", at(0.25), COPYING),
        Row(section, "Python, allreduce of 1 MiB numpy, 4 PEs", "py.allreduce.1m.4", "ms", "", at(0.9), COPYING),
        Row(section, "Python, quiescence when idle, 2 PEs", "py.quiescence.2", "us", two, at(8), COMPUTING),
        Row(section, "Python, quiescence when idle, 4 PEs", "py.quiescence.4", "us", four, at(60), WAKING),
        Row(section, "Array of 1,000: broadcast awaited, 1 PE", "py.array.broadcast.1", "ms", "", at(0.25), COMPUTING),
        Row(section, "Array of 1,000: broadcast awaited, 2 PEs", "py.array.broadcast.2", "ms", "", at(0.2), COMPUTING),
        Row(section, "Array of 1,000: ret=True, 1 PE", "py.array.answers.1", "ms", "", at(0.7), COMPUTING),
        Row(section, "Array of 1,000: coroutine allreduce, 1 PE", "py.array.allreduce.1", "ms", "", at(1.5), COMPUTING),
        Row(section, "Pool: tiny tasks, 2 PEs", "py.pool.map.2", "k/s", "", at(350), COMPUTING),
        Row(section, "Pool: tiny tasks, 4 PEs", "py.pool.map.4", "k/s", "", at(300), WAKING),
        Row(section, "Pool: Task with result, awaited, 2 PEs", "py.pool.task.2", "us", two, at(6), COMPUTING),
    )


def sections() -> tuple[Row, ...]:
    """The floor of a section is the whole collection, in the same program."""
    section = "Sections"
    c = "C, array of 1,000: broadcast, then a sum"
    return (
        *(
            row
            for pes in (4, 8)
            for row in (
                Row(section, f"{c}, {pes} PEs", f"chariot.section.whole.{pes}", "us"),
                Row(section, f"{c}, all in a section, {pes} PEs", f"chariot.section.all.{pes}", "us",
                    f"chariot.section.whole.{pes}", floor(1.2)),
                Row(section, f"{c}, a quarter, {pes} PEs", f"chariot.section.quarter.{pes}", "us",
                    f"chariot.section.whole.{pes}", floor(1.0)),
            )
        ),
        Row(section, "half of an array of 1,000: split by function, 2 PEs", "py.section.split.2", "ms", "", at(0.6),
            COMPUTING),
        Row(section, "the same, 4 PEs", "py.section.split.4", "ms"),
        Row(section, "half of an array of 1,000: slice, 2 PEs", "py.section.slice.2", "ms", "", at(0.6), COMPUTING),
        Row(section, "the same, 4 PEs", "py.section.slice.4", "ms"),
        Row(section, "broadcast awaited to 500 elements, 2 PEs", "py.section.broadcast.2", "us",
            "ring.adaptive.rtt.0", at(120), COMPUTING),
        Row(section, "the same, 4 PEs", "py.section.broadcast.4", "us", "socket.spin.barrier.4"),
    )  # fmt: skip


def migration() -> tuple[Row, ...]:
    """The floor of a move is a message as large as its state, in the same program."""
    section = "Migration, 2 PEs"
    messages, trip = "chariot.migrate.messages", "chariot.migrate.trip"
    return (
        Row(section, "C, messages of 1 KiB one way", messages, "k/s"),
        Row(section, "C, 1 KiB of state: moves", "chariot.migrate.moves", "k/s", messages, at(500), COMPUTING),
        Row(section, "C, a message of 1 KiB there, word back", trip, "us"),
        Row(section, "C, 1 KiB of state: one moves there, word back", "chariot.migrate.there", "us", trip, at(10),
            COMPUTING),
        Row(section, "small state: moves", "py.migrate.small", "k/s", "chariot.migrate.moves", at(150), COMPUTING),
        Row(section, "10 KB of state: moves", "py.migrate.10k", "k/s", "chariot.migrate.moves", at(100), COMPUTING),
        Row(section, "small state: one moves, again and again: each", "py.migrate.there", "us", trip, at(10), COMPUTING),
    )  # fmt: skip


def load() -> tuple[Row, ...]:
    """The floor is the same without measuring, in the same program, batch by batch in turn."""
    section = "Load, measured, 1 PE"
    return (
        Row(section, "C, a method that computes", "chariot.load.off", "us"),
        Row(section, "the same, load measured", "chariot.load.on", "us", "chariot.load.off", floor(1.02)),
        Row(section, "C, an empty method", "chariot.load.empty.off", "ns"),
        Row(section, "the same, load measured", "chariot.load.empty.on", "ns", "chariot.load.empty.off"),
    )


def balancing() -> tuple[Row, ...]:
    """The floor of a step that looks at loads, and moves nothing, is one without a balancer."""
    section = "Balancing: AtSync() of all to resumeFromSync() of all"
    return tuple(
        Row(section, f"{text}, {who}, {pes} PEs", f"py.balance.{who}.{key}.{pes}", "us",
            "" if who == "without" else f"py.balance.without.{key}.{pes}")
        for key, text in (("few", "a chare a PE"), ("many", "20,000 chares"))
        for pes in (2, 4)
        for who in ("without", "greedy-refine", "gossip")
    )  # fmt: skip


def drifting() -> tuple[Row, ...]:
    section = "Particles that drift, examples/drift.py on 4 PEs"
    return (
        Row(section, "without a balancer", "py.drift.without", "s"),
        Row(section, "greedy-refine", "py.drift.balanced", "s", "py.drift.without", floor(0.75)),
        Row(section, "steps of load balancing, part of that", "py.drift.steps", "%", "", at(1)),
    )


def local() -> tuple[Row, ...]:
    section = "One PE, and chares"
    return (
        Row(section, "C, call without result", "chariot.local.calls", "M/s", "local.malloc_call"),
        Row(section, "C, call awaited, one by one", "chariot.local.awaited", "M/s", "local.malloc_call"),
        Row(section, "C, create an array of 100,000", "chariot.create.array", "ms"),
        Row(section, "C, memory of a chare", "chariot.memory", "B", "local.memory"),
        Row(section, "call without result", "py.local.calls", "M/s", "py.floor.call", at(3.5), COMPUTING),
        Row(section, "call awaited, one by one", "py.local.awaited", "M/s", "py.floor.call", at(0.8), COMPUTING),
        Row(section, "@coro method without result", "py.local.coro", "M/s", "py.floor.call", at(0.8), COMPUTING),
        Row(section, "async def method without result", "py.local.async", "M/s", "py.floor.async"),
        Row(section, "@when method", "py.local.when", "M/s", "py.floor.call", at(2), COMPUTING),
        Row(section, "@coro suspends and resumes on a future", "py.local.resume", "M/s", "", at(1), COMPUTING),
        Row(
            section,
            "async def suspends and resumes",
            "py.local.resume.async",
            "M/s",
            "py.floor.async",
            at(1),
            COMPUTING,
        ),
        Row(section, "coroutine: spawn, suspend, resume, finish", "py.local.spawn", "M/s", "", at(0.4), COMPUTING),
        Row(section, "local channel ping-pong", "py.local.channel", "M/s", "", at(0.7), COMPUTING),
        Row(section, "create an array of 100,000, 1 PE", "py.create.array.1", "s", "", at(0.15), COMPUTING),
        Row(section, "create an array of 100,000, 2 PEs", "py.create.array.2", "s", "", at(0.1), COMPUTING),
        Row(section, "create single chares, 1 PE", "py.create.single.1", "k/s", "", at(400), COMPUTING),
        Row(section, "create single chares, 2 PEs", "py.create.single.2", "k/s", "", at(250), COMPUTING),
        Row(section, "dynamic insertion, 1 PE", "py.insert.1", "M/s", "", at(0.8), COMPUTING),
        Row(section, "dynamic insertion, 2 PEs", "py.insert.2", "M/s", "", at(0.8), COMPUTING),
        Row(section, "memory of an idle chare", "py.memory.1", "B", "py.floor.memory", at(400)),
        Row(section, "memory of a PE at rest", "py.rss.2", "MB", "", at(40)),
    )


def many(default: str) -> tuple[Row, ...]:
    """The same work with 8 PEs beside 2, on as few cores; then work that grows with the PEs, without a bound."""
    section, idle = "8 PEs, beside 2", "Idle PEs"
    same = (
        ("round trip, empty method", "eight.rtt.0", "us", f"{default}.rtt.0"),
        ("round trip, ret=True, coroutine", "eight.rtt.ret", "us", f"{default}.rtt.ret"),
        ("round trip by channels", "eight.rtt.channel", "us", f"{default}.rtt.channel"),
        ("round trip, 1 KiB numpy", "eight.rtt.1k", "us", f"{default}.rtt.1k"),
        ("round trip, 1 MiB numpy", "eight.rtt.1m", "us", f"{default}.rtt.1m"),
        ("exception back to the caller", "eight.rtt.exception", "us", f"{default}.rtt.exception"),
        ("one way, no argument", "eight.oneway.0", "M/s", f"{default}.oneway.0"),
        ("one way, 1 KiB numpy", "eight.oneway.1k", "M/s", f"{default}.oneway.1k"),
        ("bandwidth, 1 MiB numpy", "eight.bandwidth.1m", "GB/s", f"{default}.bandwidth.1m"),
        ("array of 1,000, broadcast awaited", "array.broadcast.8", "ms", "array.broadcast.2"),
        ("pool, tiny tasks", "pool.map.8", "k/s", "pool.map.2"),
        ("pool, Task with result, awaited", "pool.task.8", "us", "pool.task.2"),
        ("create an array of 100,000", "create.array.8", "s", "create.array.2"),
        ("create single chares", "create.single.8", "k/s", "create.single.2"),
        ("dynamic insertion", "insert.8", "M/s", "insert.2"),
    )
    more = (
        ("barrier (4 times the members)", "barrier.8", "us", "barrier.2"),
        ("broadcast awaited (4 times the members)", "broadcast.8", "us", "broadcast.2"),
        ("quiescence (4 times the PEs)", "quiescence.8", "us", "quiescence.2"),
        ("allreduce of 1 MiB (4 times the bytes)", "allreduce.1m.8", "ms", "allreduce.1m.2"),
    )
    return (
        *(Row(section, text, f"py.{key}", unit, f"py.{below}", floor(3)) for text, key, unit, below in same),
        *(Row(section, text, f"py.{key}", unit, f"py.{below}") for text, key, unit, below in more),
        Row(idle, "2 PEs: processor, the busiest", "py.idle.most.2", "%", "", at(1)),
        Row(idle, "8 PEs: processor, the busiest", "py.idle.most.8", "%", "", at(1)),
        Row(idle, "8 PEs: all with their launcher", "py.idle.all.8", "%"),
    )


def foreign() -> tuple[Row, ...]:
    """The floor is a bare server of the same method, called by the same client in turn. The processor's time is what a
    client that is not fast enough cannot hide."""
    section = "Foreign programs: unary calls by a client in C, over TCP"
    servers = (("bare", "a bare gRPC server", 0), ("c", "a C chare", 0.7), ("py", "a Python chare", 0.4))
    return tuple(
        Row(section, f"{who}{what}", f"unary.{key}.{load}.{figure}", unit,
            "" if key == "bare" else f"unary.bare.{load}.{figure}",
            floor(round(1 / of_bare, 2)) if of_bare and figure in ("rate", "cpu") and load == "many" else None)
        for load, figure, unit, what in (
            ("many", "rate", "k/s", ": calls, 64 at a time"),
            ("many", "cpu", "us", ": processor time of each"),
            ("one", "trip", "us", ": a call, one at a time"),
        )
        for key, who, of_bare in servers
    )  # fmt: skip


def count(pes: int) -> str:
    return "1 PE" if pes == 1 else f"{pes} PEs"


def starts() -> tuple[Row, ...]:
    section = "Start to main and out"
    bounds = {1: 120, 2: 140, 4: 200}
    return (
        *(Row(section, f"C, {count(pes)}", f"start.c.{pes}", "ms", "start.process") for pes in (1, 2, 4)),
        Row(section, "C, 4 PEs, over TCP", "start.c.4.tcp", "ms", "local.start.grpc"),
        Row(section, "C, 4 PEs, over TCP with mutual TLS", "start.c.4.tls", "ms", "local.start.grpc"),
        *(
            Row(section, f"Python, {count(pes)}", f"start.py.{pes}", "ms", "start.python.numpy", at(bound), COMPUTING)
            for pes, bound in bounds.items()
        ),
        Row(section, "Python, 8 PEs", "start.py.8", "ms", "start.python.numpy"),
    )


def floors() -> tuple[Row, ...]:
    section = FLOORS
    rings = (("spin", "spinning"), ("adaptive", "adaptive"), ("sleep", "always sleeping"))
    sockets = (("unix.block", "Unix socket, blocking"), ("unix.spin", "Unix socket, spinning"),
               ("tcp.block", "TCP, blocking"), ("tcp.spin", "TCP, spinning"))  # fmt: skip
    streams = (
        ("unix", "Unix, polled"),
        ("unix.block", "Unix, blocking"),
        ("tcp", "TCP, polled"),
        ("tls", "TCP with mutual TLS, polled"),
        ("tcp.block", "TCP, blocking"),
    )
    policies = (("spin", "spin"), ("sleep", "sleep at once"), ("spin_sleep", "spin, then sleep"),
                ("yield_sleep", "yield, then sleep"))  # fmt: skip
    lanes = [(f"ring.{key}", f"Ring, {text}") for key, text in rings]
    lanes += [(f"socket.{key}", text) for key, text in sockets]
    lanes += [(f"grpc.{key}", f"gRPC stream, {text}") for key, text in streams]
    return (
        *(Row(section, f"{text}: round trip, 0 B", f"{key}.rtt.0", "us") for key, text in lanes),
        *(Row(section, f"{text}: processor time of it", f"{key}.cpu", "us") for key, text in lanes),
        *(Row(section, f"{text}: round trip, 1 MiB", f"{key}.rtt.1m", "us") for key, text in lanes if "grpc" not in key
          or "block" not in key),
        Row(section, "Ring: small messages one by one", "ring.small.1", "M/s"),
        Row(section, "Ring: small messages, 64 at a time", "ring.small.64", "M/s"),
        Row(section, "Ring: 1 MiB, one copy", "ring.bandwidth.1m", "GB/s"),
        Row(section, "Ring: 1 MiB, copied out too", "ring.bandwidth.1m.copied", "GB/s"),
        Row(section, "memcpy of 1 MiB", "ring.memcpy.1m", "GB/s"),
        *(Row(section, f"{text}: small messages one by one", f"socket.{key}.small.1", "M/s") for key, text in sockets),
        *(Row(section, f"{text}: 1 MiB", f"socket.{key}.bandwidth.1m", "GB/s") for key, text in sockets),
        Row(section, "Unix socket: small messages in 64 KiB", "socket.unix.small.64k", "M/s"),
        Row(section, "TCP: small messages in 64 KiB", "socket.tcp.small.64k", "M/s"),
        *(
            Row(section, f"gRPC stream, {name}: small messages {text}", f"grpc.{lane}.small.{key}", "M/s")
            for lane, name in (("unix", "Unix"), ("tcp", "TCP"))
            for key, text in (("1", "one by one"), ("hint", "with hints"), ("64k", "in 64 KiB"), ("256k", "in 256 KiB"))
        ),
        Row(section, "gRPC stream, Unix: 1 MiB", "grpc.unix.bandwidth.1m", "GB/s"),
        Row(section, "gRPC stream, TCP: 1 MiB", "grpc.tcp.bandwidth.1m", "GB/s"),
        *(
            Row(section, f"Token, {pes} processes, {text}: a hop", f"token.{key}.{pes}.1", "us")
            for pes in (2, 4)
            for key, text in policies
        ),
        *(Row(section, f"64 tokens, 4 processes, {text}", f"token.{key}.4.64", "M/s") for key, text in policies),
        Row(section, "Unix sockets, blocking: barrier of 4", "socket.block.barrier.4", "us"),
        Row(section, "Unix sockets, spinning: barrier of 4", "socket.spin.barrier.4", "us"),
        Row(section, "C, call through a pointer", "local.call", "M/s"),
        Row(section, "C, call with malloc and free", "local.malloc_call", "M/s"),
        Row(section, "Python, plain method call", "py.floor.call", "M/s"),
        Row(section, "Python, pickle and unpickle a call", "py.floor.pickle", "M/s"),
        Row(section, "a process", "start.process", "ms"),
        Row(section, "a process that loads gRPC", "local.start.grpc", "ms"),
        Row(section, "Python", "start.python", "ms"),
        Row(section, "Python with numpy and greenlet", "start.python.numpy", "ms"),
    )  # fmt: skip


def rows(default: str) -> tuple[Row, ...]:
    """All of them; `default` is the transport of a job of one host, for which the targets of Python programs are."""
    lanes = tuple(LANE_NAMES)
    return (
        *(row for lane in lanes for row in c_messages(lane)),
        *tls(),
        *(row for lane in lanes for row in py_messages(lane, lane == default)),
        *agreement(),
        *sections(),
        *load(),
        *migration(),
        *balancing(),
        *drifting(),
        *local(),
        *many(default),
        *foreign(),
        *starts(),
        *floors(),
    )
