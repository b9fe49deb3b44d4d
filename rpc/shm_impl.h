/* rpc/shm_impl.h: what the shm transport is made of, for rpc/shm_*.c only. All of it is touched with the node's turn
 * held, but what lies in shared memory. */
#ifndef CHARIOT_RPC_SHM_IMPL_H
#define CHARIOT_RPC_SHM_IMPL_H

#include <ev.h>
#include <stdatomic.h>

#include "rpc/heap.h"
#include "rpc/msg.h"
#include "rpc/shm.h"
#include "rpc/shm_ring.h"

/* ---------------------------------------------------------------- in shared memory */

/* In the first block of a PE's heap. */
struct shm_board {
    _Alignas(64) _Atomic(uint32_t) asleep; /* the PE sleeps: who writes to it sends a packet, after setting this to 0 */
};

enum shm_record {
    SHM_MESSAGE = 1, /* rpc_msg_head, payload */
    SHM_LENT,        /* shm_lent: the payload lies in the sender's heap */
    SHM_FIRST_PART,  /* shm_part, the first bytes of a payload for which the heap has no room */
    SHM_PART,        /* the next bytes of it */
};

struct shm_lent {
    struct rpc_msg_head head;
    uint64_t offset, size; /* of the block's data in the heap, as rpc_block_lend() gives it; of the payload */
};

struct shm_part {
    struct rpc_msg_head head;
    uint64_t size; /* of the whole payload */
};

/* ---------------------------------------------------------------- on sockets */

enum shm_packet { SHM_HELLO = 1, SHM_REFUSED, SHM_BELL };

struct shm_hello {
    uint32_t packet, version, pe, num_pes;
    int32_t error; /* of SHM_REFUSED */
    uint32_t ring_size;
    uint64_t heap_size, board, ring; /* offsets in the heap, whose descriptor comes along */
    uint8_t token[32];
};

/* ---------------------------------------------------------------- here */

/* A peer's heap as mapped here; borrowed messages hold references to it. */
struct shm_mapping {
    _Atomic(uint32_t) refs;
    uint8_t *base;
    size_t size;
};

/* Messages that wait for room in the ring, in a ring of their own. Holds references. */
struct shm_queue {
    struct chariot_msg **items;
    size_t capacity, first, count;
};

struct shm_peer {
    struct shm_peer *next;
    struct rpc_shm *shm;
    uint32_t pe;
    int sockets[2];              /* that we have connected; that it has; -1: none */
    struct shm_mapping *mapping; /* NULL: it has not said hello yet */
    struct shm_board *board;     /* its; in the mapping */

    struct rpc_block *ring_block;
    struct rpc_ring_writer writer;
    struct shm_queue queue;
    size_t queued; /* bytes in it */
    uint64_t lent; /* bytes of payloads that it was told of */
    size_t cut;    /* how much of the queue's first message has left in parts; 0: nothing */

    struct rpc_ring_reader reader;
    struct rpc_credit *credit;
    struct chariot_msg *parts; /* a message that comes in parts; NULL: none */
    size_t parts_size;         /* what it is to become */

    bool uncalled; /* too many wait to be let in by it: to be connected to later */
    bool ended;    /* its socket has ended */
    bool gone;     /* nothing can be sent to it any more, and nothing of it is read */
    int error;     /* not 0: it is to be reported as gone, with why; done: gone */
    char why[160];
};

struct rpc_shm {
    struct rpc_transport base;
    struct rpc_shm *next; /* on the loop */
    struct rpc_loop *loop;
    struct rpc_node *node;
    struct rpc_limits limits;
    uint8_t token[32];
    char *dir;
    struct rpc_heap *heap;
    struct rpc_block *board_block;
    struct shm_board *board;
    int listener, epoll;
    ev_io watcher;           /* of epoll */
    struct shm_peer **peers; /* by PE: this transport's address book */
    struct shm_peer *first;
    int *guests; /* sockets of those that have not said hello yet */
    size_t num_guests;
    struct shm_queue spent; /* what the stand-in has sent, for the scheduler to drop */
    bool instead;           /* the stand-in polls */
    bool held;              /* nothing is read yet */
    bool closing;
};

/* shm_meet.c: peers and their sockets. */
int rpc_shm_meet(struct rpc_shm *shm, uint32_t pe, struct shm_peer **out); /* a new one; connects. CHARIOT_ENOMEM */
void rpc_shm_connect(struct shm_peer *peer);                               /* once more, where it is uncalled */
void rpc_shm_ring_bell(struct shm_peer *peer);                             /* where it sleeps */
void rpc_shm_hang_up(struct shm_peer *peer);
void rpc_shm_mapping_unref(struct shm_mapping *mapping);
void rpc_shm_peer_free(struct shm_peer *peer);

/* shm_out.c */
int rpc_shm_send(struct shm_peer *peer, struct chariot_msg *msg); /* 0; CHARIOT_ENOMEM */
void rpc_shm_flush(struct shm_peer *peer);                        /* what waits, as far as there is room */
size_t rpc_shm_unsent(const struct shm_peer *peer);               /* bytes not yet seen by it */
void rpc_shm_drop_queue(struct shm_peer *peer);
void rpc_shm_drop_spent(struct rpc_shm *shm);

/* shm_in.c */
int rpc_shm_drain(struct shm_peer *peer, bool urgent);
bool rpc_shm_readable(const struct shm_peer *peer);
/* Notes why a peer cannot be talked to any more; the first reason counts. */
void rpc_shm_fail(struct shm_peer *peer, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
