/* What the PEs do: see watch.h. */
#include "objects/watch.h"

#include <stdlib.h>

#include "objects/layout.h"
#include "objects/meter.h"
#include "objects/runtime.h"

/* ---------------------------------------------------------------- this PE's row */

/* Of what lives here what the runtime itself has on each PE is no part. */
static int64_t count_chares(const struct chariot_pe *pe) {
    int64_t count = (int64_t)pe->num_elems;
    for (uint64_t number = 0; number < OBJ_NUM_RESIDENTS; number++) {
        const struct obj_coll *coll = obj_coll_get(pe, obj_id_make(CHARIOT_GROUP, 0, number));
        if (coll != NULL) count -= (int64_t)coll->num_living;
    }
    return count;
}

/* A PE that has been told to measure, and has not begun to, has had something to do ever since. */
static void look(const struct chariot_pe *pe, int64_t *measured_ns, int64_t *busy_ns, int64_t *calls) {
    const struct obj_watch *watch = &pe->watch;
    if (watch->measures) {
        obj_meter_look(pe, measured_ns, busy_ns, calls);
        *measured_ns += watch->more_measured_ns;
        *busy_ns += watch->more_busy_ns;
        *calls += watch->more_calls;
    } else {
        *measured_ns = *busy_ns = chariot_now_ns(pe) - watch->since_ns;
        *calls = 0;
    }
}

static void take_row(const struct chariot_pe *pe, struct obj_watch_row *row) {
    *row = (struct obj_watch_row){.sent = (int64_t)pe->quiet.mine.sent,
                                  .received = (int64_t)pe->quiet.mine.arrived,
                                  .waiting = (int64_t)pe->run_queue.count,
                                  .chares = count_chares(pe),
                                  .moved_in = (int64_t)pe->moved_in,
                                  .moved_out = (int64_t)pe->moved_out};
    look(pe, &row->watched_ns, &row->busy_ns, &row->calls);
}

static void put_row(struct chariot_writer *writer, uint32_t pe, const struct obj_watch_row *row) {
    chariot_put_int(writer, pe);
#define PUT(name) chariot_put_int(writer, row->name);
    OBJ_WATCH_FIELDS(PUT)
#undef PUT
}

static int get_int(struct chariot_reader *reader, int64_t *out) {
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &value);
    if (rc == 0) *out = value.integer;
    return rc;
}

/* Another PE's, from a message that may say anything. */
static int get_row(struct chariot_reader *reader, int64_t *pe, struct obj_watch_row *row) {
    int rc = get_int(reader, pe);
#define GET(name)                                                                                                      \
    if (rc == 0) rc = get_int(reader, &row->name);
    OBJ_WATCH_FIELDS(GET)
#undef GET
    return rc == 0 ? 0 : CHARIOT_EMALFORMED;
}

/* ---------------------------------------------------------------- measuring */

/* From what has been told to what the meter tells, which others may have switched on long ago. */
static void go_on(struct chariot_pe *pe) {
    struct obj_watch *watch = &pe->watch;
    int64_t so_far_ns = chariot_now_ns(pe) - watch->since_ns, measured_ns, busy_ns, calls;
    obj_meter_look(pe, &measured_ns, &busy_ns, &calls);
    watch->more_measured_ns = so_far_ns - measured_ns;
    watch->more_busy_ns = so_far_ns - busy_ns;
    watch->more_calls = -calls;
}

/* By the scheduler: a method that runs may look at the meter at any moment. */
static void measure(struct chariot_pe *pe, void *ctx) {
    (void)ctx;
    OBJ_API(pe);
    bool wanted = pe->watch.rounds != NULL;
    if (wanted == pe->watch.measures) return;
    if (obj_meter_watch(pe, wanted) != 0) {
        obj_out_of_memory(pe);
        return;
    }
    if (wanted) go_on(pe);
    pe->watch.measures = wanted;
}

static void measure_soon(struct chariot_pe *pe) {
    if (obj_post(pe, measure, NULL) != 0) obj_out_of_memory(pe);
}

/* ---------------------------------------------------------------- rounds */

static struct chariot_msg *word(struct chariot_pe *pe, struct chariot_writer *payload, enum obj_watch_call call,
                                const struct obj_watch_round *round) {
    struct chariot_msg *msg =
        payload == NULL ? obj_msg_new(pe, OBJ_KIND_CALL, 0) : obj_msg_finish(pe, OBJ_KIND_CALL, payload);
    if (msg == NULL) return NULL;
    msg->target = OBJ_WATCH_TARGET;
    msg->ndims = 1;
    msg->method = call;
    msg->root = round->root;
    msg->seq = round->number;
    return msg;
}

static void send_take(struct chariot_pe *pe, uint32_t to, struct chariot_msg *msg) {
    if (msg == NULL) return;
    msg->index[0] = to;
    obj_send_take(pe, to, msg);
}

/* To the tree children; gives how many there are. */
static uint32_t send_down(struct chariot_pe *pe, enum obj_watch_call call, const struct obj_watch_round *round) {
    uint32_t children[OBJ_TREE_RADIX], count = obj_tree_children(pe, pe->node.pe, round->root, children);
    for (uint32_t i = 0; i < count; i++) send_take(pe, children[i], word(pe, NULL, call, round));
    return count;
}

static struct obj_watch_round *find(struct chariot_pe *pe, uint32_t root) {
    struct obj_watch_round *round = pe->watch.rounds;
    while (round != NULL && round->root != root) round = round->next;
    return round;
}

/* NULL: out of memory, the job ends. */
static struct obj_watch_round *find_or_make(struct chariot_pe *pe, uint32_t root) {
    struct obj_watch_round *round = find(pe, root);
    if (round != NULL) return round;
    round = calloc(1, sizeof *round);
    if (round == NULL) {
        obj_out_of_memory(pe);
        return NULL;
    }
    if (pe->watch.rounds == NULL && !pe->watch.measures) pe->watch.since_ns = chariot_now_ns(pe);
    round->root = root;
    round->next = pe->watch.rounds;
    pe->watch.rounds = round;
    measure_soon(pe);
    return round;
}

static void drop_rows(struct obj_watch_round *round) {
    struct chariot_msg *unused;
    if (round->open && chariot_writer_finish(&round->rows, &unused) == 0) rpc_msg_unref(unused);
    round->open = false;
}

static void forget(struct chariot_pe *pe, struct obj_watch_round *round) {
    struct obj_watch_round **at = &pe->watch.rounds;
    while (*at != round) at = &(*at)->next;
    *at = round->next;
    drop_rows(round);
    free(round);
}

/* What has come of the round goes up; at the root it is there already. */
static void close_round(struct chariot_pe *pe, struct obj_watch_round *round) {
    if (!round->open) return;
    round->open = false;
    int64_t parent = obj_tree_parent(pe, round->root);
    if (parent >= 0) send_take(pe, (uint32_t)parent, word(pe, &round->rows, OBJ_WATCH_TOLD, round));
}

static void tell_watchers(struct chariot_pe *pe);

static void check_done(struct chariot_pe *pe, struct obj_watch_round *round) {
    if (round->unanswered > 0) return;
    if (round->root == pe->node.pe)
        tell_watchers(pe);
    else
        close_round(pe, round);
}

static void keep_row(struct chariot_pe *pe, struct obj_watch_round *round, int64_t of_pe,
                     const struct obj_watch_row *row) {
    if (round->root != pe->node.pe) {
        put_row(&round->rows, (uint32_t)of_pe, row);
        return;
    }
    pe->watch.rows[of_pe] = *row;
    pe->watch.rows[of_pe].told = true;
    pe->watch.rows[of_pe].taken_ns = chariot_now_ns(pe);
}

static void begin_round(struct chariot_pe *pe, struct obj_watch_round *round, uint64_t number) {
    struct obj_watch_row row;
    close_round(pe, round);
    round->number = number;
    if (round->root != pe->node.pe) {
        chariot_writer_init_take(&round->rows, NULL);
        round->open = true;
    }
    take_row(pe, &row);
    keep_row(pe, round, pe->node.pe, &row);
    round->unanswered = send_down(pe, OBJ_WATCH_TELL, round);
    check_done(pe, round);
}

/* ---------------------------------------------------------------- messages */

static void on_tell(struct chariot_pe *pe, const struct chariot_msg *msg) {
    struct obj_watch_round *round = find_or_make(pe, msg->root);
    if (round != NULL) begin_round(pe, round, msg->seq);
}

static int take_rows(struct chariot_pe *pe, struct obj_watch_round *round, const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct obj_watch_row row;
    int64_t of_pe;
    chariot_reader_init(&reader, msg);
    while (!chariot_reader_done(&reader)) {
        if (get_row(&reader, &of_pe, &row) != 0 || of_pe < 0 || of_pe >= pe->node.num_pes) return CHARIOT_EMALFORMED;
        keep_row(pe, round, of_pe, &row);
    }
    return 0;
}

/* Rows of a round before this one, of a PE that is slow, are better than none. */
static void on_told(struct chariot_pe *pe, const struct chariot_msg *msg) {
    struct obj_watch_round *round = find(pe, msg->root);
    if (round == NULL) return; /* forgotten meanwhile */
    bool now = msg->seq == round->number, root = round->root == pe->node.pe;
    if (msg->seq > round->number || (now && round->unanswered == 0)) {
        obj_refuse(pe, msg);
        return;
    }
    if ((root || round->open) && take_rows(pe, round, msg) != 0) obj_refuse(pe, msg);
    if (!now) return;
    round->unanswered--;
    check_done(pe, round);
}

static void on_forget(struct chariot_pe *pe, const struct chariot_msg *msg) {
    struct obj_watch_round *round = find(pe, msg->root);
    if (round == NULL) return;
    send_down(pe, OBJ_WATCH_FORGET, round);
    forget(pe, round);
    measure_soon(pe);
}

void obj_watch_handle_take(struct chariot_pe *pe, struct chariot_msg *msg) {
    bool astray = msg->index[0] != pe->node.pe, from_self = msg->root == pe->node.pe && msg->method != OBJ_WATCH_TOLD;
    if (astray || from_self || msg->method > OBJ_WATCH_FORGET)
        obj_refuse(pe, msg);
    else if (msg->method == OBJ_WATCH_TELL)
        on_tell(pe, msg);
    else if (msg->method == OBJ_WATCH_TOLD)
        on_told(pe, msg);
    else
        on_forget(pe, msg);
    rpc_msg_unref(msg);
}

/* ---------------------------------------------------------------- watchers */

static void set_due(struct chariot_pe *pe) {
    pe->watch.due_ns = INT64_MAX;
    for (const struct obj_watcher *one = pe->watch.watchers; one != NULL; one = one->next) {
        if (one->due_ns < pe->watch.due_ns) pe->watch.due_ns = one->due_ns;
    }
}

/* Those that wait have what there is. */
static void tell_watchers(struct chariot_pe *pe) {
    struct obj_watcher *next;
    for (struct obj_watcher *one = pe->watch.watchers; one != NULL; one = next) {
        next = one->next; /* it may go */
        if (!one->waits) continue;
        one->waits = false;
        one->on_rows(one);
    }
}

/* A watcher whose last round is not complete by now gets the rows that have come. */
void obj_watch_on_due(struct chariot_pe *pe) {
    int64_t now_ns = chariot_now_ns(pe);
    bool due = false;
    tell_watchers(pe);
    for (struct obj_watcher *one = pe->watch.watchers; one != NULL; one = one->next) {
        if (one->due_ns > now_ns) continue;
        one->due_ns += one->period_ns;
        if (one->due_ns <= now_ns) one->due_ns = now_ns + one->period_ns; /* we were away for long */
        one->waits = due = true;
    }
    set_due(pe);
    if (!due) return;
    struct obj_watch_round *round = find_or_make(pe, pe->node.pe);
    if (round != NULL) begin_round(pe, round, ++pe->watch.number);
}

int obj_watch_add(struct chariot_pe *pe, struct obj_watcher *watcher) {
    if (pe->watch.rows == NULL) pe->watch.rows = calloc(pe->node.num_pes, sizeof *pe->watch.rows);
    if (pe->watch.rows == NULL) return CHARIOT_ENOMEM;
    watcher->due_ns = chariot_now_ns(pe);
    watcher->waits = false;
    watcher->next = pe->watch.watchers;
    pe->watch.watchers = watcher;
    set_due(pe);
    return 0;
}

void obj_watch_remove(struct chariot_pe *pe, struct obj_watcher *watcher) {
    struct obj_watcher **at = &pe->watch.watchers;
    while (*at != watcher) at = &(*at)->next;
    *at = watcher->next;
    set_due(pe);
    if (pe->watch.watchers != NULL) return;
    struct obj_watch_round *round = find(pe, pe->node.pe);
    if (round != NULL) {
        send_down(pe, OBJ_WATCH_FORGET, round);
        forget(pe, round);
        measure_soon(pe);
    }
    free(pe->watch.rows);
    pe->watch.rows = NULL;
}

void obj_watch_deinit(struct chariot_pe *pe) {
    while (pe->watch.rounds != NULL) forget(pe, pe->watch.rounds);
    free(pe->watch.rows);
    pe->watch.rows = NULL;
}
