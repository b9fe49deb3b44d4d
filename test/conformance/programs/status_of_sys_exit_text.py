"""sys.exit(text) in the entry. Row: §3.1. Ends with status 1."""

import sys
from charm4py import charm


def main(args):
    sys.exit("something failed")


charm.start(main)
