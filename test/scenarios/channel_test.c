/* Channels on simulated PEs: chares that come to be at random times open ends to each other at random times, talk both
 * ways, wait in every way there is, and let go; or are destroyed in the midst of it. */
#include <stdlib.h>
#include <string.h>

#include "objects/channel.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { CHARES = 12, LINES = 40, MESSAGES = 30, HEAVY = 10 << 20 };

/* The n-th channel between two chares, which may be one. */
struct line {
    int a, b;
};

/* One chare's end of a line. */
struct end {
    struct talker *talker;
    int line;
    struct chariot_channel *channel;
    struct chariot_waiter receiver, sender;
    int64_t sent, received;
    bool deaf; /* it has been told that no more will come */
};

struct talker {
    struct chariot_pe *pe;
    struct chariot_elem *elem;
    int number, opened;
    struct end ends[LINES];
};

static struct {
    struct rpc_random random;
    uint32_t type;
    struct chariot_ref even, odd; /* chares by number: two sparse arrays */
    struct line lines[LINES];
    bool doomed; /* the odd ones are destroyed while all talk */
    bool destroyed;
    int left; /* ends that have not done all */
} now;        /* one run at a time */

static int64_t draw(int64_t below) {
    return (int64_t)(rpc_random_draw(&now.random) % (uint64_t)below);
}

static struct chariot_ref chare(int number) {
    const struct chariot_index at = {.ndims = 1, .at = {number}};
    struct chariot_ref ref;
    CU_ASSERT_EQUAL_FATAL(chariot_ref_element(number % 2 ? &now.odd : &now.even, &at, &ref), 0);
    return ref;
}

/* ---------------------------------------------------------------- talking */

/* What the chare at the other end says: its number, the line, how many-th. */
static int64_t word(int from, int line, int64_t count) {
    return (from * 1000 + line) * 1000 + count;
}

static int other_of(const struct end *end) {
    const struct line *line = &now.lines[end->line];
    return line->a == end->talker->number ? line->b : line->a;
}

static bool is_survivor(const struct end *end) {
    return !now.doomed || end->talker->number % 2 == 0;
}

static bool is_cut_off(const struct end *end) {
    return now.doomed && other_of(end) % 2 == 1;
}

static void look_if_done(struct end *end) {
    bool all = end->sent == MESSAGES && end->received == MESSAGES;
    if (end->channel == NULL || (!all && !end->deaf) || end->sender.list_ != NULL) return;
    chariot_channel_unref(end->channel);
    end->channel = NULL;
    if (is_survivor(end)) now.left--;
}

static void receive(struct chariot_pe *pe, void *ctx);
static void send_some(struct chariot_pe *pe, void *ctx);

static void later(struct chariot_pe *pe, void (*fn)(struct chariot_pe *, void *), void *ctx) {
    CU_ASSERT_EQUAL(chariot_after(pe, draw(20000000), fn, ctx), 0);
}

static void no_more(struct end *end, int rc) {
    CU_ASSERT_TRUE(rc == CHARIOT_EGONE || rc == CHARIOT_ECLOSED || rc == CHARIOT_ESTATE);
    if (is_survivor(end)) CU_ASSERT_TRUE(is_cut_off(end) || rc == CHARIOT_ECLOSED);
    end->deaf = true;
    chariot_waiter_forget(&end->sender);
}

/* It is told, or comes by, and takes what is there, or some of it. */
static void receive(struct chariot_pe *pe, void *ctx) {
    struct end *end = ctx;
    int rc = 0;
    while (end->channel != NULL && end->received < MESSAGES && rc == 0 && draw(5) > 0) {
        struct chariot_msg *msg;
        CU_ASSERT_TRUE(end->channel->unread.count * HEAVY <= OBJ_CHANNEL_WINDOW + HEAVY);
        rc = chariot_channel_receive(end->channel, &msg);
        if (rc == 0) CU_ASSERT_EQUAL(int_of(msg), word(other_of(end), end->line, end->received++));
        chariot_msg_unref(msg);
    }
    if (rc < 0) no_more(end, rc);
    look_if_done(end);
    if (end->channel == NULL || end->received == MESSAGES) return;
    if (draw(3) == 0) {
        later(pe, receive, end);
        return;
    }
    enum chariot_channel_event event = draw(2) ? CHARIOT_CHANNEL_RECEIVE : CHARIOT_CHANNEL_READY;
    CU_ASSERT_EQUAL(chariot_channel_wait(end->channel, event, &end->receiver), 0);
}

static void send_some(struct chariot_pe *pe, void *ctx) {
    struct end *end = ctx;
    int rc = 0;
    while (end->channel != NULL && end->sent < MESSAGES && rc == 0 && draw(8) > 0) {
        rc = chariot_channel_send_take(end->channel, value_int(word(end->talker->number, end->line, end->sent)), HEAVY);
        if (rc >= 0) end->sent++;
    }
    if (rc < 0) no_more(end, rc);
    if (end->channel != NULL && rc == CHARIOT_CHANNEL_FULL) {
        CU_ASSERT_EQUAL(chariot_channel_wait(end->channel, CHARIOT_CHANNEL_ROOM, &end->sender), 0);
    } else if (rc == 0 && end->sent < MESSAGES && end->channel != NULL) {
        later(pe, send_some, end);
    }
    look_if_done(end);
}

/* Opens the next of its ends, in the order of the lines. */
static void open_next(struct chariot_pe *pe, void *ctx) {
    struct talker *talker = ctx;
    while (talker->opened < LINES) {
        int i = talker->opened++;
        const struct line *line = &now.lines[i];
        if (line->a != talker->number && line->b != talker->number) continue;
        struct end *end = &talker->ends[i];
        *end = (struct end){.talker = talker, .line = i};
        end->receiver = (struct chariot_waiter){.fn = receive, .ctx = end};
        end->sender = (struct chariot_waiter){.fn = send_some, .ctx = end};
        struct chariot_ref to = chare(other_of(end));
        CU_ASSERT_EQUAL_FATAL(chariot_channel_open(pe, talker->elem, &to, &end->channel), 0);
        send_some(pe, end);
        receive(pe, end);
        if (draw(2)) continue;
        later(pe, open_next, talker);
        return;
    }
}

/* ---------------------------------------------------------------- chares */

static struct talker talkers[CHARES]; /* beyond their chares: timers point to them */

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    struct talker *talker = &talkers[index_of(elem).at[0]];
    *talker = (struct talker){.pe = pe, .elem = elem, .number = (int)index_of(elem).at[0]};
    *object = talker;
    if (draw(2))
        open_next(pe, talker);
    else
        later(pe, open_next, talker);
    return 0;
}

/* Its ends are dead; their handles go when what waits on them has been called. */
static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct talker *talker = object;
    talker->opened = LINES;
}

static const struct chariot_type type = {.name = "Talker", .create = make, .destroy = unmake};

/* ---------------------------------------------------------------- the program */

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
}

static void insert(struct chariot_pe *pe, void *ctx) {
    int number = (int)(intptr_t)ctx;
    const struct chariot_index at = {.ndims = 1, .at = {number}};
    if (now.destroyed && number % 2) return;
    CU_ASSERT_EQUAL(
        chariot_insert_take(pe, number % 2 ? &now.odd : &now.even, &at, NULL, draw(chariot_num_pes(pe)), false), 0);
}

static void destroy_odd(struct chariot_pe *pe, void *ctx) {
    now.destroyed = true;
    CU_ASSERT_EQUAL(chariot_destroy(pe, &now.odd, NULL), 0);
}

static void draw_lines(void) {
    for (int i = 0; i < LINES; i++) {
        struct line *line = &now.lines[i];
        *line = (struct line){(int)draw(CHARES), (int)draw(CHARES)};
        if (draw(4) == 0) line->b = line->a;
        if (draw(4) == 0 && i > 0) *line = now.lines[i - 1];
        if (!now.doomed || line->a % 2 == 0) now.left++;
        if (line->a != line->b && (!now.doomed || line->b % 2 == 0)) now.left++;
    }
}

static void look(struct chariot_pe *pe, void *ctx) {
    struct script *script = ctx;
    if (now.left > 0) {
        CU_ASSERT_EQUAL(chariot_after(pe, 100000000, look, script), 0);
        return;
    }
    chariot_exit(pe, 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    const struct chariot_create how = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1};
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.even), 0);
    CU_ASSERT_EQUAL(chariot_create_take(pe, &how, NULL, &now.odd), 0);
    draw_lines();
    for (intptr_t i = 0; i < CHARES; i++) {
        if (draw(2))
            insert(pe, (void *)i);
        else
            later(pe, insert, (void *)i);
    }
    if (now.doomed) later(pe, destroy_odd, NULL);
    CU_ASSERT_EQUAL(chariot_after(pe, 1000000000, look, script), 0);
}

/* All were let go of, and all have heard of it. Where chares were destroyed, what the dead hold is left to them. */
static void nothing_is_left(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
    CU_ASSERT_EQUAL(now.left, 0);
    for (uint32_t i = 0; !now.doomed && i < world->num_pes; i++) {
        CU_ASSERT_EQUAL(world->pes[i].channels.count, 0);
        CU_ASSERT_EQUAL(world->pes[i].channel_peers.count, 0);
    }
}

static void run(uint32_t num_pes, uint64_t seed, bool doomed) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.doomed = doomed;
    struct script script = {.prepare = prepare, .play = play, .verify = nothing_is_left};
    script_run(&script, num_pes, seed);
}

static const uint32_t sizes[] = {1, 2, 3, 7, 16};
enum { NUM_SIZES = sizeof sizes / sizeof sizes[0] };

static void all_is_heard_once_and_in_order(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) run(sizes[i], seed, false);
    }
}

static void nobody_waits_for_a_chare_that_was_destroyed(void) {
    for (int i = 0; i < NUM_SIZES; i++) {
        for (uint64_t seed = 0; seed < script_seeds(100); seed++) run(sizes[i], seed, true);
    }
}

UNIT_MAIN("scenarios/channel", UNIT(all_is_heard_once_and_in_order), UNIT(nobody_waits_for_a_chare_that_was_destroyed))
