"""charm.options (§3.9), system options and user arguments (§2), the banner (§2)."""

from __future__ import annotations

import sys

import pytest
from harness import fails, holds, run

DEFAULTS = """
local_msg_optim: True
local_msg_buf_size: 50
pickle_protocol: -1
profiling: False
auto_flush_wait_queues: True
quiet: False
remote_exec: False
hang_report: exit
"""


def test_options_have_defaults_types_and_names() -> None:
    holds(
        f"""
        from chariot import Options
        DEFAULTS = {DEFAULTS.strip()!r}
        o = charm.options
        check("class", isinstance(o, Options) and isinstance(o.interactive, Options))
        eq("as text: nested ones are left out", str(o), DEFAULTS)
        eq("verbose", o.interactive.verbose, 1)
        eq("broadcast_imports", o.interactive.broadcast_imports, True)
        eq("nested ones as text", str(o.interactive), "verbose: 1\\nbroadcast_imports: True")
        o.local_msg_buf_size = 10000
        o.remote_exec = True
        o.interactive.verbose = 0
        eq("set", (o.local_msg_buf_size, o.remote_exec, o.interactive.verbose), (10000, True, 0))
        check("as text, set", "local_msg_buf_size: 10000" in str(o))

        def assign(space, name, value):
            setattr(space, name, value)

        raises("unknown", AttributeError, lambda: assign(o, "profilng", True), "profilng", "profiling")
        raises("unknown, read", AttributeError, lambda: o.local_msg_optin, "local_msg_optim")
        raises("unknown, nested", AttributeError, lambda: assign(o.interactive, "verbos", 2), "interactive", "verbose")
        raises("unlike any", AttributeError, lambda: o.zzz, "zzz", "profiling", "quiet")
        raises("a bool", TypeError, lambda: assign(o, "quiet", 2), "charm.options.quiet", "True or False")
        raises("no text", TypeError, lambda: assign(o, "quiet", "yes"), "charm.options.quiet", "True or False")
        o.remote_exec, o.auto_flush_wait_queues, o.lb.off = 0, 1, 1
        eq("0 and 1 are bools", (o.remote_exec, o.auto_flush_wait_queues, o.lb.off), (False, True, True))
        check("and are kept as such", o.remote_exec is False and o.lb.off is True)
        raises("an int", TypeError, lambda: assign(o, "pickle_protocol", "2"), "pickle_protocol", "int")
        raises("an int, not a bool", TypeError, lambda: assign(o, "local_msg_buf_size", True), "int")
        raises("a str", TypeError, lambda: assign(o, "hang_report", False), "'exit'")
        raises("one of two", ValueError, lambda: assign(o, "hang_report", "maybe"), "maybe", "'warn'")
        raises("deleted", AttributeError, lambda: delattr(o, "quiet"), "quiet")
        check("hasattr", not hasattr(o, "nothing") and hasattr(o, "quiet"))
        charm.start(lambda args: done())
        """,
        None,
    )


def test_options_of_the_old_form_are_refused_by_start() -> None:
    fails(
        """
        from chariot import Options
        Options.LOCAL_MSG_OPTIM = False
        def main(args): pass
        charm.start(main)
        """,
        None,
        "Charm4PyError",
        "Options.LOCAL_MSG_OPTIM",
        "charm.options",
    )


@pytest.mark.parametrize("n", (None, 2))
def test_system_options_do_not_reach_the_program(n: int | None) -> None:
    """Also those that the program itself appends; what only looks like them does."""
    result = holds(
        """
        sys.argv += ["+LBOff", "+balancer", "GreedyRefineLB", "+LBPeriod", "0.5", "+LBDebug", "2", "+LBCommOff", "+LBObjOnly"]

        class Box(Chare):
            def look(self):
                lb = charm.options.lb
                return sys.argv[1:], lb.balancer, lb.period, lb.debug, lb.comm, lb.obj_only, lb.off

        def main(args):
            want = ["a", "+5", "+foo", "-x", "++foo", "+pes", "+"]
            eq("arguments", args[1:], want)
            for got in Group(Box).look(ret=True).get():
                eq("everywhere", got, (want, "GreedyRefineLB", 0.5, 2, False, True, True))
            done()

        charm.start(main)
        """,
        n,
        args="a +5 ++local +p4 +foo ++server-port 99 -x +libcharm_interface cython ++foo +pes ++debug-no-pause +".split(),
    )
    for option in ("++local", "+p4", "++server-port", "+libcharm_interface", "++debug-no-pause"):
        assert result.stderr.count(f"chariot: {option}: accepted") == 1, (option, result.stderr)


@pytest.mark.parametrize(
    "args, word",
    [("+libcharm_interface swig", "swig"), ("+balancer", "+balancer needs a value"), ("+LBPeriod soon", "soon")],
)
def test_system_options_that_make_no_sense(args: str, word: str) -> None:
    fails("charm.start(lambda args: charm.exit())", None, "Charm4PyError", word, args=args.split())


def test_banner() -> None:
    """Version, Python, PEs and hosts; profiling. Not where quiet says so, in whatever way."""
    version = sys.version.split()[0]
    program = "def main(args):\n    print(charm.options.quiet)\n    charm.exit()\n"
    result = run(program + "charm.start(main)", 2)
    assert result.stdout == "False\n" and f"CPython {version}, 2 PEs on 1 host" in result.stderr
    assert result.stderr.count("chariot ") == 1 and "rofiling" not in result.stderr
    result = run("charm.options.profiling = True\n" + program + "charm.start(main)", None)
    assert "1 PE on 1 host" in result.stderr and "Profiling is ON" in result.stderr
    for result in (
        run(program + "charm.start(main)", 2, options=["--quiet"]),
        run(program + "charm.start(main)", None, args=["++quiet"]),
        run("charm.options.quiet = 1\n" + program + "charm.start(main)", 2),
    ):
        assert result.stdout == "True\n" and result.stderr == "", result
