/* rpc/listen.h: where a PE listens by TCP, and under which address others reach it.
 *
 * Whoever starts PEs on a machine (chariot run, chariot agent) knows its addresses and says so in the environment,
 * since none of it is secret: CHARIOT_LISTEN, the address to listen on; CHARIOT_ADDRESS, the one that others use, where
 * it is another (behind a translation of addresses); CHARIOT_PORTS, as LOW-HIGH, where not any port will do. Addresses
 * are numbers, of IPv4 or IPv6. */
#ifndef CHARIOT_RPC_LISTEN_H
#define CHARIOT_RPC_LISTEN_H

#include <stddef.h>
#include <stdint.h>

struct rpc_listen {
    const char *on;     /* borrowed from the environment, as the next */
    const char *others; /* NULL: the same */
    uint32_t low, high; /* ports; 0: any */
};

/* From the environment; this host alone where it says nothing. CHARIOT_EINVAL: `why` says what cannot be read. */
int rpc_listen_read(struct rpc_listen *listen, char *why, size_t why_size);

/* A port that is free now, the first from `begin` on, round the end of the range: low <= begin <= high. CHARIOT_EIO:
 * none is, or there is no such address here; `why` says so. */
int rpc_listen_find_port(const struct rpc_listen *listen, uint32_t begin, uint32_t *port, char *why, size_t why_size);

/* gRPC targets: "127.0.0.1:0", "[::1]:4711". */
void rpc_listen_target(const char *address, uint32_t port, char *target, size_t size);

#endif
