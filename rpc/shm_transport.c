/* rpc/shm_transport.c: the shm transport behind its ops table (transport.h), its life, and its sleep.
 *
 * No arrival is slept over: the sleeper writes `asleep` and then looks at the rings, the writer publishes and then
 * looks at `asleep`, both with full fences between. The same holds for a writer that waits for room, by `writer_waits`.
 *
 * Closing: what waits gets 2 s to find room; a ring that has taken all is closed, which tells the end from a death;
 * then the sockets end. What stands in the rings and in the heap stays there for as long as others have them mapped. */
#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/log.h"
#include "rpc/loop_impl.h"
#include "rpc/shm_impl.h"
#include "rpc/standin.h"

static const int64_t GOODBYE_NS = 2000000000;

enum {
    SMALLEST_HEAP = 64 << 20,
    IDLE_KEEP = 16 << 20, /* of freed blocks, while the PE is idle */
};

static const struct rpc_transport_ops shm_ops;

static struct rpc_shm *shm_of(struct rpc_transport *transport) {
    return (struct rpc_shm *)transport;
}

/* ---------------------------------------------------------------- operations */

static int shm_send(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg) {
    struct rpc_shm *shm = shm_of(transport);
    assert(pe < shm->base.num_pes && pe != shm->base.pe && msg->kind >= RPC_KIND_FIRST_USER);
    struct shm_peer *peer = shm->peers[pe];
    if (shm->closing) return CHARIOT_ECLOSED;
    if (msg->size > shm->limits.message_bytes) return CHARIOT_ETOOBIG;
    if (peer == NULL) {
        int error = rpc_shm_meet(shm, pe, &peer);
        if (error != 0) return error;
    }
    if (peer->gone || peer->error != 0) return CHARIOT_EGONE;
    int error = rpc_shm_send(peer, msg);
    return error != 0 ? error : rpc_shm_unsent(peer) > shm->limits.queue_bytes;
}

static bool shm_pressed(struct rpc_transport *transport, uint32_t pe) {
    const struct rpc_shm *shm = shm_of(transport);
    const struct shm_peer *peer = shm->peers[pe];
    return peer != NULL && !peer->gone && rpc_shm_unsent(peer) > shm->limits.queue_bytes;
}

static int shm_poll(struct rpc_transport *transport, bool urgent) {
    int count = rpc_shm_poll(shm_of(transport), urgent, false);
    return count > 0 ? count : rpc_shm_attend(shm_of(transport));
}

static bool shm_flushed(struct rpc_transport *transport) {
    for (const struct shm_peer *peer = shm_of(transport)->first; peer != NULL; peer = peer->next) {
        if (peer->queue.count > 0 && !peer->gone) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- polling */

/* Its last messages come before the report of its end. */
static bool has_ended(const struct shm_peer *peer) {
    return peer->ended && !rpc_ring_has_more(&peer->reader);
}

static bool is_to_report(const struct shm_peer *peer) {
    return !peer->gone && (peer->error != 0 || has_ended(peer));
}

static int report(struct shm_peer *peer) {
    struct rpc_shm *shm = peer->shm;
    bool goodbye = peer->error == 0 && rpc_ring_is_over(&peer->reader);
    if (!goodbye) rpc_shm_fail(peer, CHARIOT_EGONE, "its process has ended");
    peer->gone = true;
    rpc_shm_drop_queue(peer);
    rpc_shm_hang_up(peer);
    if (goodbye) return 0;
    rpc_log(shm->node->log, RPC_LOG_INFO, "RPC-PEER-GONE", "pe=%u transport=shm error=%s text=\"%s\"", peer->pe,
            chariot_error_name(peer->error), peer->why);
    shm->base.up->on_peer_gone(shm->base.owner, peer->pe, peer->error, peer->why);
    return 1;
}

int rpc_shm_poll(struct rpc_shm *shm, bool urgent, bool instead) {
    int count = 0;
    if (__builtin_expect(shm->held, 0)) return 0;
    shm->instead = instead;
    if (!instead && shm->spent.count > 0) rpc_shm_drop_spent(shm);
    for (struct shm_peer *peer = shm->first; peer != NULL; peer = peer->next) {
        if (peer->gone) continue;
        if (__builtin_expect(peer->uncalled, 0)) rpc_shm_connect(peer);
        count += rpc_shm_drain(peer, urgent);
        if (peer->queue.count > 0) rpc_shm_flush(peer);
        if (__builtin_expect(is_to_report(peer), 0)) count += report(peer);
    }
    shm->instead = false;
    return count;
}

int rpc_shm_fd(const struct rpc_shm *shm) {
    return shm->epoll;
}

struct rpc_shm *rpc_shm_next(const struct rpc_shm *shm) {
    return shm->next;
}

/* ---------------------------------------------------------------- sleep */

static void ask_for_room(struct shm_peer *peer) {
    if (!peer->gone && peer->queue.count > 0) atomic_store(&peer->writer.ring->writer_waits, 1);
}

bool rpc_shm_settle(struct rpc_shm *shm) {
    rpc_heap_tidy(shm->heap);
    atomic_store(&shm->board->asleep, 1);
    for (struct shm_peer *peer = shm->first; peer != NULL; peer = peer->next) ask_for_room(peer);
    atomic_thread_fence(memory_order_seq_cst);
    if (shm->held) return true;
    for (struct shm_peer *peer = shm->first; peer != NULL; peer = peer->next) {
        bool room = !peer->gone && peer->queue.count > 0 && rpc_ring_has_room(&peer->writer);
        if (!room && !rpc_shm_readable(peer) && !is_to_report(peer) && !peer->uncalled) continue;
        rpc_shm_rise(shm);
        return false;
    }
    return true;
}

bool rpc_shm_settle_all(struct rpc_shm *first) {
    bool settled = true;
    for (struct rpc_shm *shm = first; shm != NULL; shm = shm->next) settled &= rpc_shm_settle(shm);
    return settled;
}

void rpc_shm_trim(struct rpc_shm *shm) {
    rpc_heap_trim(shm->heap, IDLE_KEEP);
}

void rpc_shm_rise(struct rpc_shm *shm) {
    atomic_store_explicit(&shm->board->asleep, 0, memory_order_relaxed);
}

/* ---------------------------------------------------------------- closing */

/* True when it need not be waited for any more. */
static bool take_leave(struct shm_peer *peer) {
    if (peer->gone || peer->ended || peer->error != 0) return true;
    rpc_shm_flush(peer);
    if (peer->queue.count > 0) return false;
    rpc_ring_close(&peer->writer);
    return true;
}

static void say_goodbye(struct rpc_shm *shm) {
    int64_t end_ns = rpc_loop_now_ns() + GOODBYE_NS;
    for (struct shm_peer *peer = shm->first; peer != NULL; peer = peer->next) {
        while (!take_leave(peer) && rpc_loop_now_ns() < end_ns) {
            rpc_shm_attend(shm); /* it may end meanwhile */
            sched_yield();
        }
    }
}

static void shm_free(struct rpc_shm *shm) {
    for (struct shm_peer *next, *peer = shm->first; peer != NULL; peer = next) {
        next = peer->next;
        rpc_shm_peer_free(peer);
    }
    for (size_t i = 0; i < shm->num_guests; i++) close(shm->guests[i]);
    rpc_shm_drop_spent(shm);
    free(shm->spent.items);
    free(shm->guests);
    free(shm->peers);
    free(shm->dir);
    if (shm->board_block != NULL) rpc_block_drop(shm->board_block);
    rpc_heap_unref(shm->heap);
    if (shm->epoll >= 0) close(shm->epoll);
    close(shm->listener);
    memset(shm->token, 0, sizeof shm->token);
    free(shm);
}

static void leave_loop(struct rpc_shm *shm) {
    struct rpc_loop *loop = shm->loop;
    rpc_standin_leave(loop, shm->node);
    struct rpc_shm **at = &loop->shms;
    while (*at != shm) at = &(*at)->next;
    *at = shm->next;
    rpc_standin_resume(loop);
    ev_ref(loop->ev);
    ev_io_stop(loop->ev, &shm->watcher);
}

static void shm_close(struct rpc_transport *transport, bool abrupt) {
    struct rpc_shm *shm = shm_of(transport);
    shm->closing = true;
    if (!abrupt) say_goodbye(shm);
    leave_loop(shm);
    shm->node->heap = NULL;
    shm_free(shm);
}

/* ---------------------------------------------------------------- opening */

static void on_readable(struct ev_loop *ev, ev_io *watcher, int events) {
    rpc_shm_attend(watcher->data);
}

static int join_loop(struct rpc_shm *shm) {
    struct rpc_loop *loop = shm->loop;
    rpc_standin_pause(loop);
    shm->next = loop->shms;
    loop->shms = shm;
    rpc_standin_resume(loop);
    ev_io_init(&shm->watcher, on_readable, shm->epoll, EV_READ);
    shm->watcher.data = shm;
    ev_io_start(loop->ev, &shm->watcher);
    ev_unref(loop->ev); /* does not count as a watcher */
    return rpc_standin_join(loop, shm->node);
}

static int board_new(struct rpc_shm *shm) {
    shm->board_block = rpc_block_new(shm->heap, sizeof *shm->board);
    if (shm->board_block == NULL) return CHARIOT_ENOMEM;
    shm->board = (struct shm_board *)(void *)rpc_block_data(shm->board_block);
    memset(shm->board, 0, sizeof *shm->board);
    return 0;
}

/* Smaller where the process may not have so much address space (ulimit -v). */
static int heap_new(struct rpc_shm *shm) {
    size_t size = shm->limits.heap_bytes;
    int error = rpc_heap_new(size, shm->limits.heap_keep_bytes, &shm->heap);
    for (; error != 0 && size / 4 >= SMALLEST_HEAP; size /= 4)
        error = rpc_heap_new(size / 4, shm->limits.heap_keep_bytes, &shm->heap);
    return error;
}

static int shm_init(struct rpc_shm *shm) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = shm->listener};
    shm->peers = calloc(shm->base.num_pes, sizeof *shm->peers);
    if (shm->peers == NULL || shm->dir == NULL) return CHARIOT_ENOMEM;
    shm->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (shm->epoll < 0 || epoll_ctl(shm->epoll, EPOLL_CTL_ADD, shm->listener, &event) != 0) return CHARIOT_EIO;
    int error = heap_new(shm);
    return error != 0 ? error : board_new(shm);
}

int rpc_shm_open(struct rpc_loop *loop, struct rpc_node *node, const struct rpc_shm_config *config) {
    struct rpc_shm *shm = calloc(1, sizeof *shm);
    if (shm == NULL) {
        close(config->listener);
        return CHARIOT_ENOMEM;
    }
    shm->base = (struct rpc_transport){
        .ops = &shm_ops, .up = node->up, .owner = node->owner, .pe = node->pe, .num_pes = node->num_pes};
    shm->loop = loop;
    shm->node = node;
    shm->limits = config->limits;
    shm->listener = config->listener;
    shm->held = config->held;
    shm->epoll = -1;
    shm->dir = strdup(config->dir);
    memcpy(shm->token, config->token, sizeof shm->token);
    int error = shm_init(shm);
    if (error == 0) error = join_loop(shm);
    if (error != 0) {
        if (shm->watcher.data != NULL) leave_loop(shm);
        shm_free(shm);
        return error;
    }
    node->transport = &shm->base;
    node->heap = shm->heap;
    return 0;
}

void rpc_shm_release(struct rpc_transport *shm) {
    shm_of(shm)->held = false;
}

static const struct rpc_transport_ops shm_ops = {
    .name = "shm",
    .send = shm_send,
    .pressed = shm_pressed,
    .poll = shm_poll,
    .flushed = shm_flushed,
    .close = shm_close,
};
