"""A task of the pool ends the job while another job is under way. Rows: §3.1, §12. Ends with status 6."""

import time
from charm4py import charm


def slow(x):
    time.sleep(0.2)
    return x


def stop(x):
    charm.exit(6)


def main(args):
    f = charm.pool.map_async(slow, range(30))
    charm.pool.map_async(stop, [1])
    f.get()


charm.start(main)
