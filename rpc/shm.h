/* rpc/shm.h: the transport between PEs of one host: rings in memory that both ends have mapped.
 *
 * The first message to a peer connects to its socket in the job's private directory and hands it this PE's heap
 * (rpc/heap.h) as a descriptor; a ring for that peer lies in it. The socket stays: its end is how a death is noticed,
 * and a packet on it ends the peer's sleep. Small messages are copied through the ring; of large ones only the place in
 * the heap, and the receiver reads them there.
 *
 *   sender:   message -> ring (full: its queue) -> publish -> the receiver sleeps? -> packet on its socket
 *   receiver: rpc_shm_poll() -> every ring that has more -> on_message_take */
#ifndef CHARIOT_RPC_SHM_H
#define CHARIOT_RPC_SHM_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/node.h"

struct rpc_loop;
struct rpc_shm;

/* The socket of PE `pe` in dir, listening: its descriptor, close-on-exec and never blocking. Whoever removes dir
 * removes it. CHARIOT_EIO (errno says why), CHARIOT_ETOOBIG: the path is longer than a socket's may be. */
int rpc_shm_listen(const char *dir, uint32_t pe);

struct rpc_shm_config {
    const char *dir;   /* private; with the sockets of all PEs of this host */
    int listener;      /* from rpc_shm_listen; taken, also where opening fails */
    uint8_t token[32]; /* who does not have it is refused */
    struct rpc_limits limits;
    bool held; /* nothing is read until rpc_shm_release() */
};

/* Opens the transport on this loop for node (its pe and num_pes are set): sets node->transport and node->heap, and has
 * the stand-in serve node->turn. CHARIOT_ENOMEM: no memory, or none that can be shared; CHARIOT_EIO. */
int rpc_shm_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_shm_config *config);

/* Of a transport that was opened held: what peers send comes in from now on. Until then it can be sent on, and who it
 * has sent to may have answered: a PE that must meet others first would not know what to do with that. */
void rpc_shm_release(struct rpc_transport *shm);

/* ---------------------------------------------------------------- for the loop and its stand-in */

struct rpc_shm *rpc_shm_next(const struct rpc_shm *shm); /* on the same loop */
/* Reads and writes rings; returns how many messages came. `urgent` as in rpc_transport_ops.poll; `instead`: the caller
 * is the stand-in, so nothing of a face may be dropped. With the turn. */
int rpc_shm_poll(struct rpc_shm *shm, bool urgent, bool instead);
/* Handles what has happened on sockets: new peers, ended ones, packets. With the turn. */
int rpc_shm_attend(struct rpc_shm *shm);
/* Readable when there is something to attend to. From any thread. */
int rpc_shm_fd(const struct rpc_shm *shm);
/* From now on peers end the sleep on rpc_shm_fd() when they have written something. False: they have already, or there
 * is other work; the caller is not to sleep. With the turn. */
bool rpc_shm_settle(struct rpc_shm *shm);
bool rpc_shm_settle_all(struct rpc_shm *first); /* of one loop */
/* Gives memory back that was used in a burst: the PE has been idle for long. From any thread. */
void rpc_shm_trim(struct rpc_shm *shm);
/* Not asleep any more. With the turn. */
void rpc_shm_rise(struct rpc_shm *shm);

#endif
