"""What each client prints when it runs its cases against a fresh grid (examples/clients/grid.py), line by line.

The status of a call is gRPC's name for it. `token` may call everything, `narrow` only grid.get; no message of more than
1 MiB is taken.
"""

from __future__ import annotations

CASES = {
    # Call grid[1, 2].add(1.5)
    "call": "1.5",
    # Broadcast grid.add(0.25): results in the order of the elements, a space between them
    "broadcast": "0.25 0.25 0.25 0.25 0.25 0.25 1.75 0.25 0.25 0.25 0.25 0.25 0.25 0.25 0.25 0.25",
    # Reduce grid.get() by REDUCER_SUM
    "reduce": "5.5",
    # OpenChannel grid[0, 1].chat: 0.75, 1.25, "ping" are sent, then no more; what comes until the other end closes
    "stream": "1.5 2.5 ping",
    # Call grid[3, 3].scaled([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]] of <f8, 3.0): dtype, shape, elements in C order
    "array": "<f8 2x3 1.5 4.5 7.5 10.5 13.5 16.5",
    # ListObjects: the names
    "list": "grid",
    # GetObject grid: its method add
    "describe": "add(amount: float) -> float",
    # Call grid[0, 0].later(), and WatchFuture on the future that it gives
    "watch": "later",
    # Call grid[2, 2].fail("no such luck"): status; type and message of the Failure in the ObjectError of the details
    "error": "ABORTED ValueError: no such luck",
    # Call grid[0, 0].slow(10.0) with a deadline of 0.3 s
    "deadline": "DEADLINE_EXCEEDED",
    # Call grid[0, 0].slow(10.0), cancelled after 0.1 s
    "cancelled": "CANCELLED",
    # Call nobody.get()
    "unknown": "NOT_FOUND",
    # Call grid[0, 0].hidden()
    "not_exposed": "PERMISSION_DENIED",
    # Call grid[0, 0].add("much")
    "wrong_type": "INVALID_ARGUMENT",
    # Call grid[0, 0].echo(2 MiB of zero bytes)
    "over_limit": "RESOURCE_EXHAUSTED",
    # Call grid[0, 0].get() without a token
    "no_token": "UNAUTHENTICATED",
    # Call grid[0, 0].add(1.0) with the narrow token
    "wrong_scope": "PERMISSION_DENIED",
}
