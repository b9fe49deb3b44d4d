/* Elements that move all the time and talk through channels: with each other, with themselves, with chares that stay
 * where they are. Each message is read once, in its order, whatever both ends do meanwhile: open, close, wait, move;
 * and senders get their room back. Afterwards nothing is left of it. */
#include <stdlib.h>
#include <string.h>

#include "lb/location.h"
#include "objects/channel.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

enum { MAX_PES = 9, MAX_CELLS = 8, MAX_CHARES = MAX_CELLS + MAX_PES + 1, LINES = 24, HEAVY = 10 << 20, LARGE = 70000 };

/* The n-th channel between two chares, which may be one. */
struct line {
    int chare[2];
};

struct side {
    struct chariot_channel *channel; /* NULL: not open, or let go */
    struct chariot_waiter waiter;
    int64_t sent, received;
    bool closed, over; /* by itself; it was told that no more comes */
};

struct talker {
    int number, opened; /* lines that it has passed */
    struct chariot_pe *pe;
    struct side sides[LINES];
};

/* What is known of a side wherever its chare is. */
struct tally {
    int64_t sent, received;
    bool closed;
};

static struct {
    struct world world;
    struct rpc_random random;
    uint32_t type, num_pes, num_cells, num_chares;
    struct chariot_ref cells, posts, single;
    struct line lines[LINES];
    struct tally tallies[MAX_CHARES][LINES];
    int64_t moves, refused, carried, wrong;
    bool cells_gone;
    bool forgetful; /* what unpacks takes no ends */
} now;

static uint64_t draw(uint64_t below) {
    return rpc_random_draw(&now.random) % below;
}

static bool is_wrong(bool wrong, const char *what) {
    if (wrong && now.wrong++ < 3) printf("\n%s", what);
    return wrong;
}

/* ---------------------------------------------------------------- chares */

static struct chariot_ref chare(int number) {
    struct chariot_ref ref = now.single;
    int64_t at = number;
    if (number == (int)(now.num_cells + now.num_pes)) return ref;
    bool cell = number < (int)now.num_cells;
    if (!cell) at -= now.num_cells;
    CU_ASSERT_EQUAL(chariot_ref_element(cell ? &now.cells : &now.posts, &(struct chariot_index){1, {at}}, &ref), 0);
    return ref;
}

static int number_of(const struct chariot_elem *elem) {
    struct chariot_ref ref;
    chariot_elem_ref(elem, &ref);
    if (ref.kind == CHARIOT_SINGLE) return (int)(now.num_cells + now.num_pes);
    int at = (int)index_of(elem).at[0];
    return ref.kind == CHARIOT_GROUP ? (int)now.num_cells + at : at;
}

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    struct talker *talker = calloc(1, sizeof *talker);
    if (talker == NULL) return CHARIOT_ENOMEM;
    talker->number = number_of(elem);
    talker->pe = pe;
    *object = talker;
    return 0;
}

static void unmake(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct talker *talker = object;
    for (int i = 0; i < LINES; i++) {
        chariot_waiter_forget(&talker->sides[i].waiter);
        chariot_channel_unref(talker->sides[i].channel);
    }
    free(talker);
}

/* The talker as it is, and the ids of its ends. */
static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    const struct talker *talker = object;
    for (int i = 0; i < LINES; i++) {
        const struct side *side = &talker->sides[i];
        if (side->channel != NULL) now.carried += (int64_t)side->channel->unread.count;
        chariot_put_int(writer, side->channel == NULL ? 0 : (int64_t)chariot_channel_id(side->channel));
    }
    return chariot_put_bytes(writer, talker, sizeof *talker);
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    uint64_t ids[LINES];
    for (int i = 0; i < LINES; i++) {
        if (chariot_get_typed(reader, CHARIOT_INT, &value) != 0) return CHARIOT_EMALFORMED;
        ids[i] = (uint64_t)value.integer;
    }
    if (chariot_get_typed(reader, CHARIOT_BYTES, &value) != 0 || !chariot_reader_done(reader))
        return CHARIOT_EMALFORMED;
    struct talker *talker = malloc(sizeof *talker);
    if (talker == NULL) return CHARIOT_ENOMEM;
    memcpy(talker, value.bytes.data, sizeof *talker);
    talker->pe = pe;
    for (int i = 0; i < LINES; i++) {
        bool takes = ids[i] != 0 && !now.forgetful;
        talker->sides[i].channel = takes ? chariot_channel_by_id(pe, elem, ids[i]) : NULL;
        is_wrong(takes && talker->sides[i].channel == NULL, "an end was lost on the way");
    }
    now.moves++;
    *object = talker;
    return 0;
}

static const struct chariot_type talker_type = {
    .name = "Talker", .create = make, .destroy = unmake, .pack = pack, .unpack = unpack};

/* ---------------------------------------------------------------- talking */

/* A message may be an object as long as it stays on its PE. */
struct word {
    int64_t value;
};

static int encode(void *ctx, struct chariot_msg **msg) {
    const struct word *word = chariot_msg_object(*msg);
    struct chariot_writer writer;
    if (word == NULL || (*msg)->size > 0) return 0;
    chariot_writer_init_take(&writer, *msg);
    chariot_put_int(&writer, word->value);
    return chariot_writer_finish(&writer, msg);
}

static struct chariot_msg *say(const struct talker *talker, int other, int64_t value) {
    struct chariot_ref ref = chare(other);
    if (draw(2) == 0 && chariot_ref_place(talker->pe, &ref) == CHARIOT_HERE) {
        struct word *word = malloc(sizeof *word);
        struct chariot_msg *msg = chariot_msg_new(0);
        CU_ASSERT_TRUE_FATAL(word != NULL && msg != NULL);
        word->value = value;
        chariot_msg_set_object(msg, word, free);
        return msg;
    }
    struct chariot_msg *msg = value_int(value);
    if (draw(20) != 0) return msg;
    static const char large[LARGE];
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, msg);
    chariot_put_bytes(&writer, large, sizeof large);
    CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static int64_t heard(struct chariot_msg *msg) {
    const struct word *word = msg->size == 0 ? chariot_msg_object(msg) : NULL;
    struct chariot_reader reader;
    struct chariot_value value, rest;
    if (word != NULL) return word->value;
    chariot_reader_init(&reader, msg);
    if (chariot_get_typed(&reader, CHARIOT_INT, &value) != 0) return -1;
    if (chariot_reader_done(&reader)) return value.integer;
    bool whole = chariot_get_typed(&reader, CHARIOT_BYTES, &rest) == 0 && rest.bytes.size == LARGE;
    return whole ? value.integer : -2;
}

static int other_of(const struct talker *talker, int i) {
    return now.lines[i].chare[now.lines[i].chare[0] == talker->number];
}

static int64_t word_of(int from, int line, int64_t count) {
    return (from * 1000 + line) * 100000 + count;
}

static void send_some(struct talker *talker, int i, uint64_t count) {
    struct side *side = &talker->sides[i];
    for (; count > 0 && side->channel != NULL && chariot_channel_has_room(side->channel); count--) {
        int other = other_of(talker, i);
        struct chariot_msg *msg = say(talker, other, word_of(talker->number, i, side->sent));
        int rc = chariot_channel_send_take(side->channel, msg, HEAVY);
        if (rc == CHARIOT_EGONE || rc == CHARIOT_ECLOSED) {
            is_wrong(rc == CHARIOT_EGONE && !now.cells_gone, "a living chare is thought dead");
            return;
        }
        CU_ASSERT_TRUE(rc == 0 || rc == CHARIOT_CHANNEL_FULL);
        now.tallies[talker->number][i].sent = ++side->sent;
    }
}

static void receive_some(struct talker *talker, int i, uint64_t count) {
    struct side *side = &talker->sides[i];
    int rc = 0;
    for (; count > 0 && side->channel != NULL && rc == 0; count--) {
        struct chariot_msg *msg;
        rc = chariot_channel_receive(side->channel, &msg);
        if (rc == 0) {
            int64_t word = word_of(other_of(talker, i), i, side->received++);
            if (is_wrong(heard(msg) != word, "a message was lost, doubled or out of order"))
                printf(": %lld and not %lld", (long long)heard(msg), (long long)word);
            now.tallies[talker->number][i].received = side->received;
        }
        chariot_msg_unref(msg);
    }
    if (rc >= 0) return;
    side->over = true;
    const struct tally *other = &now.tallies[other_of(talker, i)][i];
    bool known = rc == CHARIOT_ECLOSED ? other->closed : rc == CHARIOT_EGONE && now.cells_gone;
    is_wrong(!known, "an end was told that the other is no more");
    is_wrong(rc == CHARIOT_ECLOSED && side->received != other->sent, "an end closed before all was read");
}

static void on_wake(struct chariot_pe *pe, void *ctx) {
    struct talker *talker = ctx;
    for (int i = 0; i < LINES; i++) receive_some(talker, i, draw(3));
}

static void wait_on(struct talker *talker, int i) {
    struct side *side = &talker->sides[i];
    if (side->channel == NULL || side->waiter.list_ != NULL) return;
    side->waiter = (struct chariot_waiter){.fn = on_wake, .ctx = talker};
    CU_ASSERT_EQUAL(chariot_channel_wait(side->channel, draw(2) == 0 ? CHARIOT_CHANNEL_RECEIVE : CHARIOT_CHANNEL_READY,
                                         &side->waiter),
                    0);
}

static void let_go(struct talker *talker, int i) {
    struct side *side = &talker->sides[i];
    if (side->channel == NULL) return;
    chariot_waiter_forget(&side->waiter);
    chariot_channel_unref(side->channel);
    side->channel = NULL;
    side->closed = now.tallies[talker->number][i].closed = true;
}

/* Ends are opened in the order of the lines, so that the n-th between two meet. */
static void open_next(struct talker *talker, struct chariot_elem *elem) {
    while (talker->opened < LINES) {
        int i = talker->opened++;
        if (now.lines[i].chare[0] != talker->number && now.lines[i].chare[1] != talker->number) continue;
        struct chariot_ref to = chare(other_of(talker, i));
        CU_ASSERT_EQUAL(chariot_channel_open(talker->pe, elem, &to, &talker->sides[i].channel), 0);
        return;
    }
}

/* ---------------------------------------------------------------- what happens */

/* NULL: it is on its way. */
static struct chariot_elem *find(int number, struct chariot_pe **pe) {
    struct chariot_ref ref = chare(number);
    for (uint32_t p = 0; p < now.num_pes; p++) {
        *pe = &now.world.pes[p];
        struct chariot_elem *elem = chariot_elem_local(*pe, &ref);
        if (elem != NULL && elem->object != NULL) return elem;
    }
    return NULL;
}

static bool waits(const struct talker *talker) {
    for (int i = 0; i < LINES; i++) {
        if (talker->sides[i].waiter.list_ != NULL) return true;
    }
    return false;
}

static void move(struct chariot_pe *pe, struct chariot_elem *elem, struct talker *talker) {
    uint32_t to = (uint32_t)draw(now.num_pes);
    if (talker->number >= (int)now.num_cells) return;
    if (waits(talker)) {
        char why[200];
        CU_ASSERT_EQUAL(chariot_may_migrate(pe, elem, to, why, sizeof why), CHARIOT_ESTATE);
        CU_ASSERT_STRING_EQUAL(why, "Talker cannot move to another PE: something waits on one of its channels");
        now.refused++;
        return;
    }
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem, to), 0);
}

/* One who was about to move when it began to wait stays. */
static void on_unreceived(void *ctx, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error) {
    is_wrong(strstr(error_of(error), "something waits on one of its channels") == NULL, error_of(error));
}

static void act(void) {
    struct chariot_pe *pe;
    struct chariot_elem *elem = find((int)draw(now.num_chares), &pe);
    if (elem == NULL) return;
    struct talker *talker = elem->object;
    int i = (int)draw(LINES);
    uint64_t what = draw(100);
    if (what < 20)
        open_next(talker, elem);
    else if (what < 23)
        let_go(talker, i);
    else if (what < 26)
        wait_on(talker, i);
    else if (what < 60)
        move(pe, elem, talker);
    else if (what < 80)
        for (i = 0; i < LINES; i++) send_some(talker, i, draw(5));
    else
        for (i = 0; i < LINES; i++) receive_some(talker, i, draw(8));
    world_wake(&now.world, pe->node.pe);
}

static void let_pass(uint64_t steps) {
    while (steps-- > 0) {
        world_step(&now.world);
        rpc_sim_advance(now.world.sim, RPC_FOREVER_NS);
    }
}

static void each_talker(void (*fn)(struct talker *talker, struct chariot_elem *elem)) {
    for (int number = 0; number < (int)now.num_chares; number++) {
        struct chariot_pe *pe;
        struct chariot_elem *elem = find(number, &pe);
        if (elem == NULL) continue;
        fn(elem->object, elem);
        world_wake(&now.world, pe->node.pe);
    }
    world_settle(&now.world);
}

static void open_all(struct talker *talker, struct chariot_elem *elem) {
    while (talker->opened < LINES) open_next(talker, elem);
}

static void read_all(struct talker *talker, struct chariot_elem *elem) {
    for (int i = 0; i < LINES; i++) {
        chariot_waiter_forget(&talker->sides[i].waiter);
        receive_some(talker, i, UINT64_MAX);
    }
}

static void let_all_go(struct talker *talker, struct chariot_elem *elem) {
    for (int i = 0; i < LINES; i++) let_go(talker, i);
}

/* ---------------------------------------------------------------- what must be so */

static void check_side(struct talker *talker, int i) {
    const struct side *side = &talker->sides[i];
    const struct tally *other = &now.tallies[other_of(talker, i)][i];
    if (side->channel == NULL) return;
    is_wrong(side->received != other->sent, "messages are missing");
    is_wrong(!chariot_channel_has_room(side->channel), "a sender never got its room back");
    is_wrong(side->over != other->closed, "an end does not know that the other was closed");
}

static void check_all(struct talker *talker, struct chariot_elem *elem) {
    for (int i = 0; i < LINES; i++) check_side(talker, i);
}

static void check_gone(struct talker *talker, struct chariot_elem *elem) {
    for (int i = 0; i < LINES; i++) {
        const struct side *side = &talker->sides[i];
        bool dead = other_of(talker, i) < (int)now.num_cells;
        if (side->channel != NULL && dead) is_wrong(!side->over, "nobody was told that a chare was destroyed");
    }
}

static void check_nothing_left(void) {
    for (uint32_t p = 0; p < now.num_pes; p++) {
        const struct chariot_pe *pe = &now.world.pes[p];
        is_wrong(pe->channels.count > 0 || pe->channel_peers.count > 0, "records of closed channels are left");
        is_wrong(pe->channel_strays.count > 0, "messages of no channel are left");
    }
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
}

/* ---------------------------------------------------------------- whole runs */

static void draw_lines(void) {
    for (int i = 0; i < LINES; i++) {
        struct line *line = &now.lines[i];
        line->chare[0] = (int)draw(now.num_cells);
        line->chare[1] = (int)draw(draw(2) == 0 ? now.num_cells : now.num_chares);
        if (draw(6) == 0) line->chare[1] = line->chare[0];
        if (draw(4) == 0 && i > 0) *line = now.lines[i - 1];
    }
}

static void create(struct chariot_create how, struct chariot_ref *out) {
    how.type = now.type;
    CU_ASSERT_EQUAL(chariot_create_take(&now.world.pes[0], &how, NULL, out), 0);
    world_wake(&now.world, 0);
}

static void begin(uint32_t num_pes, uint64_t seed) {
    memset(&now, 0, sizeof now);
    rpc_random_init(&now.random, seed);
    now.num_pes = num_pes;
    now.num_cells = 1 + (uint32_t)draw(MAX_CELLS);
    now.num_chares = now.num_cells + num_pes + 1;
    int64_t delay = draw(3) == 0 ? 1000 : 5000000;
    world_open(&now.world,
               (struct rpc_sim_config){.num_pes = num_pes, .seed = seed, .max_delay_ns = delay, .through_wire = true});
    now.world.budget = 1 + (int)draw(64);
    now.type = world_register(&now.world, &talker_type);
    for (uint32_t p = 0; p < num_pes; p++) {
        now.world.pes[p].face = (struct chariot_face){.encode = encode, .on_unreceived_error = on_unreceived};
    }
    world_start(&now.world);
    create((struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {now.num_cells}}, &now.cells);
    create((struct chariot_create){.kind = CHARIOT_GROUP}, &now.posts);
    create((struct chariot_create){.kind = CHARIOT_SINGLE, .on_pe = (int64_t)draw(num_pes)}, &now.single);
    world_settle(&now.world);
    draw_lines();
}

static void talk(int actions) {
    for (; actions > 0 && now.wrong == 0; actions--) {
        act();
        let_pass(draw(4));
    }
}

static bool end_run(uint32_t num_pes, uint64_t seed) {
    if (now.wrong > 0)
        printf("\n%u PEs, seed %llu, %u cells, %lld moves: %lld wrong\n", num_pes, (unsigned long long)seed,
               now.num_cells, (long long)now.moves, (long long)now.wrong);
    world_close(&now.world);
    return now.wrong == 0;
}

static bool run(uint32_t num_pes, uint64_t seed, int64_t *carried, int64_t *refused) {
    begin(num_pes, seed);
    talk(250);
    world_settle(&now.world);
    each_talker(open_all);
    for (int rounds = 0; rounds < 3; rounds++) each_talker(read_all);
    each_talker(check_all);
    each_talker(let_all_go);
    check_nothing_left();
    *carried += now.carried;
    *refused += now.refused;
    return end_run(num_pes, seed);
}

static void channels_go_with_elements_that_move(void) {
    int64_t carried = 0, refused = 0;
    for (uint64_t seed = 0; seed < script_seeds(100); seed++) {
        CU_ASSERT_TRUE(run(2 + (uint32_t)(seed % (MAX_PES - 1)), seed, &carried, &refused));
    }
    CU_ASSERT_TRUE(carried > 0 && refused > 0);
}

static bool run_and_destroy(uint32_t num_pes, uint64_t seed) {
    begin(num_pes, seed);
    talk(120);
    now.cells_gone = true;
    CU_ASSERT_EQUAL(chariot_destroy(&now.world.pes[0], &now.cells, NULL), 0);
    world_wake(&now.world, 0);
    talk(40);
    world_settle(&now.world);
    for (uint32_t p = 0; p < num_pes; p++)
        is_wrong(obj_coll_get(&now.world.pes[p], now.cells.collection) != NULL, "an array lives on");
    each_talker(open_all);
    each_talker(read_all);
    each_talker(check_gone);
    each_talker(let_all_go);
    is_wrong(!world_is_clean(&now.world), "something is left behind");
    is_wrong(now.world.aborts > 0, now.world.abort_text);
    return end_run(num_pes, seed);
}

static void the_others_hear_that_elements_are_destroyed(void) {
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) {
        CU_ASSERT_TRUE(run_and_destroy(2 + (uint32_t)(seed % (MAX_PES - 1)), seed));
    }
}

/* ---------------------------------------------------------------- handles */

/* Cells 0 and 1 on PE 0, and cell 0's end of a channel between them, with a message unread. */
static struct chariot_channel *one_line(struct chariot_elem **elem) {
    struct chariot_pe *pe;
    now.lines[0] = (struct line){{0, 1}};
    for (int i = 1; i < LINES; i++) now.lines[i] = (struct line){{2, 2}};
    for (int number = 0; number < 2; number++) {
        *elem = find(number, &pe);
        open_next((*elem)->object, *elem);
        send_some((*elem)->object, 0, 1);
    }
    world_wake(&now.world, 0);
    world_settle(&now.world);
    *elem = find(0, &pe);
    return ((struct talker *)(*elem)->object)->sides[0].channel;
}

static void begin_pair(void) {
    uint64_t seed = 0;
    for (bool fits = false; !fits; seed++) {
        if (seed > 0) world_close(&now.world);
        begin(2, seed);
        struct chariot_pe *pe[2];
        fits = now.num_cells >= 4 && find(0, &pe[0]) != NULL && find(1, &pe[1]) != NULL && pe[0] == pe[1];
    }
}

static void settle_on(uint32_t to) {
    struct chariot_pe *pe;
    struct chariot_elem *elem = find(0, &pe);
    CU_ASSERT_EQUAL(chariot_migrate(pe, elem, to), 0);
    world_wake(&now.world, pe->node.pe);
    world_settle(&now.world);
}

static void a_handle_that_was_left_behind_is_dead(void) {
    struct chariot_elem *elem;
    struct chariot_msg *msg;
    begin_pair();
    struct chariot_channel *old = chariot_channel_ref(one_line(&elem));
    uint64_t id = chariot_channel_id(old);
    CU_ASSERT_PTR_NULL(chariot_channel_by_id(&now.world.pes[0], elem, id + 1));
    CU_ASSERT_PTR_NULL(chariot_channel_by_id(&now.world.pes[0], elem, 0));
    settle_on(1);
    CU_ASSERT_EQUAL(chariot_channel_id(old), 0);
    CU_ASSERT_EQUAL(chariot_channel_send_take(old, value_int(1), 0), CHARIOT_ESTATE);
    CU_ASSERT_EQUAL(chariot_channel_receive(old, &msg), CHARIOT_ESTATE);
    settle_on(0); /* it has the same id here again, and is another */
    struct chariot_pe *pe;
    elem = find(0, &pe);
    struct chariot_channel *end = chariot_channel_by_id(pe, elem, id);
    CU_ASSERT_TRUE(end != NULL && end != old);
    CU_ASSERT_EQUAL(chariot_channel_receive(old, &msg), CHARIOT_ESTATE);
    CU_ASSERT_EQUAL(chariot_channel_receive(end, &msg), 0);
    chariot_msg_unref(msg);
    chariot_channel_unref(end);
    chariot_channel_unref(old);
    CU_ASSERT_TRUE(end == ((struct talker *)elem->object)->sides[0].channel);
    each_talker(let_all_go);
    check_nothing_left();
    CU_ASSERT_TRUE(end_run(2, 0));
}

static void an_end_that_unpack_does_not_take_is_closed(void) {
    struct chariot_elem *elem;
    struct chariot_pe *pe;
    begin_pair();
    one_line(&elem);
    now.forgetful = true;
    settle_on(1);
    now.tallies[0][0].closed = true;
    each_talker(read_all);
    struct talker *other = find(1, &pe)->object;
    CU_ASSERT_TRUE(other->sides[0].over);
    CU_ASSERT_EQUAL(other->sides[0].received, 1);
    each_talker(let_all_go);
    check_nothing_left();
    CU_ASSERT_TRUE(end_run(2, 0));
}

UNIT_MAIN("scenarios/migrate_channel", UNIT(a_handle_that_was_left_behind_is_dead),
          UNIT(an_end_that_unpack_does_not_take_is_closed), UNIT(channels_go_with_elements_that_move),
          UNIT(the_others_hear_that_elements_are_destroyed))
