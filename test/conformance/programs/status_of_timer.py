"""The callback of a timer raises. Row: §3.1. Ends with status 1."""

from charm4py import charm


def f():
    raise ValueError("timer")


def main(args):
    charm.scheduleCallableAfter(f, 0.01)


charm.start(main)
