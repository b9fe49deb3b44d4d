/* rpc/grpc_hub.c: the completion queue of one loop (grpc_hub.h). */
#include "rpc/grpc_hub.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <stdlib.h>

#include "rpc/abseil.h"
#include "rpc/error.h"
#include "rpc/grpc_background.h"
#include "rpc/grpc_pulse.h"
#include "rpc/grpc_tls.h"
#include "rpc/grpc_transport.h"
#include "rpc/loop_impl.h"
#include "rpc/msg.h"
#include "rpc/standin.h"

/* What is handled in one poll: more waits for the next, so that a flood neither keeps the scheduler from its work nor
 * lets messages grow cold before they are run. */
enum {
    EVENTS_PER_POLL = 256,
    READ_PER_POLL = 256 << 10, /* bytes */
};

/* ---------------------------------------------------------------- events */

struct rpc_tag *rpc_tag_start(struct rpc_tag *tag, unsigned *outstanding,
                              void (*on_done)(struct rpc_tag *tag, bool ok)) {
    tag->on_done = on_done;
    tag->outstanding = outstanding;
    (*outstanding)++;
    return tag;
}

void rpc_hub_handle(struct rpc_tag *tag, bool ok) {
    if (tag->on_done == NULL) return; /* the bell */
    assert(*tag->outstanding > 0);
    (*tag->outstanding)--;
    tag->on_done(tag, ok);
}

bool rpc_hub_handle_asleep(struct rpc_hub *hub, struct rpc_tag *tag, bool ok) {
    hub->quiet = false;
    rpc_hub_handle(tag, ok);
    bool quiet = hub->quiet;
    hub->quiet = false;
    return !quiet;
}

static gpr_timespec deadline_in(int64_t timeout_ns) {
    if (timeout_ns <= 0) return gpr_inf_past(GPR_CLOCK_MONOTONIC);
    if (timeout_ns == RPC_FOREVER_NS) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(timeout_ns, GPR_TIMESPAN));
}

bool rpc_hub_take(struct rpc_hub *hub, int64_t timeout_ns, struct rpc_tag **tag, bool *ok) {
    grpc_event event = grpc_completion_queue_next(hub->cq, deadline_in(timeout_ns), NULL);
    if (event.type != GRPC_OP_COMPLETE) return false;
    *tag = event.tag;
    *ok = event.success != 0;
    return true;
}

void rpc_hub_hand_over(struct rpc_hub *hub, struct rpc_tag *tag, bool ok) {
    if (tag == &hub->bell_tag) return;
    tag->ok = ok;
    struct rpc_tag *head = atomic_load_explicit(&hub->handed, memory_order_relaxed);
    do tag->next = head;
    while (!atomic_compare_exchange_weak(&hub->handed, &head, tag));
}

bool rpc_hub_has_handed(struct rpc_hub *hub) {
    return atomic_load(&hub->handed) != NULL;
}

void rpc_hub_ring(struct rpc_hub *hub) {
    grpc_call_error error = grpc_call_start_batch(hub->bell, NULL, 0, &hub->bell_tag, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

/* Their order does not matter: an owner has one operation of a kind outstanding at a time. */
static int handle_handed(struct rpc_hub *hub) {
    if (atomic_load_explicit(&hub->handed, memory_order_relaxed) == NULL) return 0;
    struct rpc_tag *tag = atomic_exchange(&hub->handed, NULL);
    int handled = 0;
    while (tag != NULL) {
        struct rpc_tag *next = tag->next;
        rpc_hub_handle(tag, tag->ok);
        tag = next;
        handled++;
    }
    return handled;
}

/* ---------------------------------------------------------------- loans */

struct rpc_loan *rpc_loan_new(struct rpc_hub *hub, struct chariot_msg *msg) {
    struct rpc_loan *loan = malloc(sizeof *loan);
    if (loan == NULL) return NULL;
    *loan = (struct rpc_loan){.hub = hub, .msg = rpc_msg_ref(msg)};
    hub->loans_out++;
    return loan;
}

void rpc_loan_back(struct rpc_loan *loan) {
    struct rpc_loan *head = atomic_load_explicit(&loan->hub->loans, memory_order_relaxed);
    do loan->next = head;
    while (!atomic_compare_exchange_weak(&loan->hub->loans, &head, loan));
}

static void slice_done(void *loan) {
    rpc_loan_back(loan);
}

grpc_slice rpc_loan_slice(struct rpc_loan *loan, const void *data, size_t size) {
    return grpc_slice_new_with_user_data((void *)(uintptr_t)data, size, slice_done, loan);
}

static void settle_loans(struct rpc_hub *hub) {
    if (atomic_load_explicit(&hub->loans, memory_order_relaxed) == NULL) return;
    struct rpc_loan *loan = atomic_exchange(&hub->loans, NULL);
    while (loan != NULL) {
        struct rpc_loan *next = loan->next;
        rpc_msg_unref(loan->msg);
        free(loan);
        hub->loans_out--;
        loan = next;
    }
}

void *rpc_hub_scratch(struct rpc_hub *hub, size_t bytes) {
    if (bytes <= hub->scratch_bytes) return hub->scratch;
    void *grown = realloc(hub->scratch, bytes);
    if (grown == NULL) return NULL;
    hub->scratch = grown;
    hub->scratch_bytes = bytes;
    return grown;
}

/* ---------------------------------------------------------------- polling */

static int drain(struct rpc_hub *hub) {
    int handled = 0;
    struct rpc_tag *tag;
    bool ok;
    while (handled < EVENTS_PER_POLL && hub->came < READ_PER_POLL && rpc_hub_take(hub, 0, &tag, &ok)) {
        rpc_hub_handle(tag, ok);
        handled++;
    }
    return handled;
}

static bool pulse(struct rpc_hub *hub) {
    bool news = false;
    for (struct rpc_grpc *g = hub->transports; g != NULL; g = g->next) news |= rpc_grpc_pulse(g, hub->now_ns);
    return news;
}

bool rpc_hub_pulse(struct rpc_hub *hub) {
    hub->now_ns = rpc_loop_now_ns();
    return pulse(hub);
}

int64_t rpc_hub_next_pulse_ns(const struct rpc_hub *hub) {
    int64_t next_ns = RPC_FOREVER_NS;
    for (const struct rpc_grpc *g = hub->transports; g != NULL; g = g->next) {
        int64_t due_ns = rpc_grpc_next_pulse_ns(g);
        if (due_ns < next_ns) next_ns = due_ns;
    }
    return next_ns;
}

static int poll_events(struct rpc_hub *hub, bool urgent) {
    hub->urgent = urgent;
    hub->came = 0;
    hub->now_ns = rpc_loop_now_ns();
    int handled = handle_handed(hub);
    for (struct rpc_grpc *g = hub->transports; g != NULL; g = g->next) rpc_grpc_resume_reads(g);
    handled += pulse(hub);
    handled += drain(hub);
    hub->urgent = false;
    return handled;
}

int rpc_hub_poll(struct rpc_hub *hub, bool urgent) {
    settle_loans(hub);
    return poll_events(hub, urgent);
}

int rpc_hub_poll_instead(struct rpc_hub *hub) {
    return poll_events(hub, false);
}

const struct rpc_hub_ops rpc_hub_ops = {
    .poll = rpc_hub_poll,
    .has_handed = rpc_hub_has_handed,
    .handle_asleep = rpc_hub_handle_asleep,
    .pulse = rpc_hub_pulse,
    .next_pulse_ns = rpc_hub_next_pulse_ns,
    .poll_instead = rpc_hub_poll_instead,
    .handle = rpc_hub_handle,
    .take = rpc_hub_take,
    .hand_over = rpc_hub_hand_over,
    .ring = rpc_hub_ring,
};

/* ---------------------------------------------------------------- life */

/* What gRPC has to say comes as the status of a call, and is said once, by us; but who fails to shake hands makes no
 * call. GRPC_VERBOSITY turns its log on. */
static void silence(void) {
    if (getenv("GRPC_VERBOSITY") != NULL) return;
    gpr_set_log_function(rpc_tls_log);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

static int make_bell(struct rpc_hub *hub) {
    hub->bell_channel = grpc_lame_client_channel_create("bell", GRPC_STATUS_UNAVAILABLE, "never connects");
    if (hub->bell_channel == NULL) return CHARIOT_EIO;
    hub->bell = grpc_channel_create_call(hub->bell_channel, NULL, GRPC_PROPAGATE_DEFAULTS, hub->cq,
                                         grpc_slice_from_static_string("/bell"), NULL,
                                         gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    return hub->bell == NULL ? CHARIOT_EIO : 0;
}

/* Nothing but the bell may still be in the queue: who used it has waited for the rest. */
static void close_queue(struct rpc_hub *hub) {
    grpc_completion_queue_shutdown(hub->cq);
    grpc_event event;
    do event = grpc_completion_queue_next(hub->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    while (event.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(hub->cq);
}

/* gRPC itself is never shut down: grpc_shutdown() runs what its executor has queued on the calling thread, and one such
 * closure, the poller of half-closed sockets, sleeps for ten seconds (seen once in 50 endings, 1.51). What it holds
 * ends with the process. */
static void hub_free(struct rpc_hub *hub) {
    if (hub->bell != NULL) grpc_call_unref(hub->bell);
    if (hub->bell_channel != NULL) grpc_channel_destroy(hub->bell_channel);
    close_queue(hub);
    settle_loans(hub);
    free(hub->scratch);
    /* Where gRPC still reads a message, its loan and with it this hub must outlive the loop. */
    if (hub->loans_out == 0) free(hub);
}

static int hub_new(struct rpc_loop *loop, struct rpc_hub **out) {
    struct rpc_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) return CHARIOT_ENOMEM;
    silence();
    rpc_abseil_trust_locks();
    grpc_init();
    hub->loop = loop;
    hub->cq = grpc_completion_queue_create_for_next(NULL);
    int error = make_bell(hub);
    if (error != 0) {
        hub_free(hub);
        return error;
    }
    *out = hub;
    return 0;
}

int rpc_hub_attach(struct rpc_loop *loop, struct rpc_grpc *transport, struct rpc_hub **out) {
    struct rpc_hub *hub = loop->hub;
    if (hub == NULL) {
        int error = hub_new(loop, &hub);
        if (error != 0) return error;
    }
    rpc_standin_pause(loop);
    hub->users++;
    if (transport != NULL) {
        transport->next = hub->transports;
        hub->transports = transport;
    }
    loop->hub = *out = hub;
    loop->hub_ops = &rpc_hub_ops;
    return rpc_standin_resume(loop);
}

void rpc_hub_detach(struct rpc_hub *hub, struct rpc_grpc *transport) {
    struct rpc_loop *loop = hub->loop;
    rpc_standin_pause(loop);
    struct rpc_grpc **at = &hub->transports;
    while (transport != NULL && *at != transport) at = &(*at)->next;
    if (transport != NULL) *at = transport->next;
    if (--hub->users == 0) {
        loop->hub = NULL;
        hub_free(hub);
    }
    rpc_standin_resume(loop);
}
