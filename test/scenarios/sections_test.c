/* Sections on simulated PEs, step by step: made in each way, called, reduced over, destroyed. Random programs of them
 * against a model: section_test.c. */
#include <stdlib.h>
#include <string.h>

#include "sections/sections.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

static struct {
    uint32_t type, other;
    struct chariot_ref array, group, some, sections[3], all;
    int64_t reduced;
} now;

static int make(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

static int on_index(struct chariot_call *call) {
    call->result = value_int(index_of(call->elem).at[0]);
    return 0;
}

/* args: the section, the future's id. */
static int on_reduce(struct chariot_call *call) {
    struct chariot_ref over;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = (uint64_t)arg_ref(call->args, &over)};
    return chariot_contribute_take(call->pe, call->elem, &over, value_int(index_of(call->elem).at[0]),
                                   CHARIOT_REDUCE_SUM, &target);
}

static int on_minus(struct chariot_call *call) {
    call->result = value_int(-index_of(call->elem).at[0]);
    return 0;
}

static int choose(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error) {
    int64_t at = index_of(elem).at[0], width = int_of(rule);
    int rc = chariot_choose(choice, at / width);
    return rc == 0 && at % 5 == 0 ? chariot_choose(choice, 0) : rc;
}

static const struct chariot_method methods[] = {{"index", on_index}, {"reduce", on_reduce}};
static const struct chariot_type type = {
    .name = "Cell", .methods = methods, .num_methods = 2, .create = make, .choose = choose};
static const struct chariot_method other_methods[] = {{"other", on_reduce}, {"index", on_minus}};
static const struct chariot_type other = {.name = "Other", .methods = other_methods, .num_methods = 2, .create = make};

static void prepare(struct script *script, struct world *world) {
    now.type = world_register(world, &type);
    now.other = world_register(world, &other);
}

static void clean(struct script *script, struct world *world) {
    CU_ASSERT_TRUE(world_is_clean(world));
    for (uint32_t pe = 0; pe < world->num_pes; pe++) CU_ASSERT_EQUAL(world->pes[pe].reductions.count, 0);
}

static void create(struct chariot_pe *pe, const struct chariot_create *how, struct chariot_ref *out) {
    CU_ASSERT_EQUAL(chariot_create_take(pe, how, NULL, out), 0);
}

static void refs_of(struct chariot_future *done, size_t count, struct chariot_ref *refs) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    CU_ASSERT_FALSE_FATAL(chariot_msg_is_error(chariot_future_value(done, 0)));
    chariot_reader_init(&reader, chariot_future_value(done, 0));
    CU_ASSERT_EQUAL_FATAL(chariot_get_typed(&reader, CHARIOT_LIST, &value), 0);
    CU_ASSERT_EQUAL_FATAL(value.count, count);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(chariot_get(&reader, &value), 0);
        CU_ASSERT_EQUAL_FATAL(chariot_ref_read(&value, &refs[i], &method), 0);
    }
}

static void has_ints(struct chariot_future *done, size_t count, const int64_t *expected) {
    int64_t ints[64];
    CU_ASSERT_EQUAL(ints_of(chariot_future_value(done, 0), ints, 64), count);
    CU_ASSERT_EQUAL(memcmp(ints, expected, count * sizeof *ints), 0);
}
#define HAS_INTS(done, ...)                                                                                            \
    has_ints(done, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

static void ask(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *next) {
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, 0, NULL, CHARIOT_WANT_VALUE, next), 0);
}

static void reduce(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *next) {
    struct chariot_msg *args = args_ref(ref, (int64_t)chariot_future_id(next));
    CU_ASSERT_EQUAL(chariot_send_take(pe, ref, 1, args, CHARIOT_WANT_NOTHING, NULL), 0);
}

/* ---------------------------------------------------------------- one after the other */

static void begin(struct chariot_pe *pe, struct chariot_future *next) {
    const struct chariot_create array = {.type = now.type, .kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {12}};
    const struct chariot_create group = {.type = now.other, .kind = CHARIOT_GROUP};
    const struct chariot_range range = {.start = -10, .stop = 11, .step = 3, .has_start = true, .has_stop = true};
    create(pe, &array, &now.array);
    create(pe, &group, &now.group);
    CU_ASSERT_EQUAL(chariot_section_slice(pe, &now.array, 1, &range, next), 0);
}

static void split_by_lists(struct chariot_pe *pe, struct chariot_future *next) {
    const struct chariot_index first[] = {{1, {11}}, {1, {0}}, {1, {11}}}, second[] = {{1, {0}}};
    const struct chariot_indices lists[] = {{first, 3}, {second, 1}};
    CU_ASSERT_EQUAL(chariot_section_split(pe, &now.array, 2, lists, next), 0);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    const struct chariot_ref parts[] = {now.sections[0], now.group};
    switch (step) {
    case 0:
        begin(pe, next);
        break;
    case 1:
        refs_of(done, 1, now.sections);
        CU_ASSERT_TRUE(chariot_ref_is_section(now.sections));
        ask(pe, now.sections, next);
        break;
    case 2:
        HAS_INTS(done, 2, 5, 8);
        reduce(pe, now.sections, next);
        break;
    case 3:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), 15);
        split_by_lists(pe, next);
        break;
    case 4:
        refs_of(done, 2, now.sections);
        ask(pe, &now.sections[0], next);
        break;
    case 5:
        HAS_INTS(done, 0, 11);
        CU_ASSERT_EQUAL(chariot_section_combine(pe, parts, 2, next), 0);
        break;
    case 6:
        refs_of(done, 1, &now.all);
        ask(pe, &now.all, next);
        break;
    case 7: {
        int64_t expected[64] = {0, 11};
        for (uint32_t i = 0; i < chariot_num_pes(pe); i++) expected[2 + i] = -(int64_t)i;
        has_ints(done, 2 + chariot_num_pes(pe), expected);
        CU_ASSERT_EQUAL(chariot_section_choose_take(pe, &now.array, 3, value_int(4), next), 0);
        break;
    }
    case 8:
        refs_of(done, 3, now.sections);
        ask(pe, &now.sections[0], next);
        break;
    case 9:
        HAS_INTS(done, 0, 1, 2, 3, 5, 10);
        CU_ASSERT_EQUAL(chariot_section_choose_take(pe, &now.array, 2, value_int(4), next), 0);
        break;
    case 10:
        CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(done, 0)),
                               "ValueError: Cell[8] chose a section that does not exist: there are 2, numbered from 0");
        CU_ASSERT_EQUAL(chariot_destroy(pe, &now.array, next), 0);
        break;
    case 11:
        ask(pe, &now.all, next);
        break;
    case 12:
        CU_ASSERT_EQUAL(ints_of(chariot_future_value(done, 0), (int64_t[64]){0}, 64), chariot_num_pes(pe));
        CU_ASSERT_EQUAL(chariot_destroy(pe, &now.all, next), 0);
        break;
    case 13:
        ask(pe, &now.all, next);
        break;
    default:
        CU_ASSERT_STRING_EQUAL(error_of(chariot_future_value(done, 0)),
                               "RuntimeError: the chare or collection was destroyed");
        chariot_exit(pe, 0);
    }
}

static void each_way_of_making_works(void) {
    for (uint32_t num_pes = 1; num_pes <= 17; num_pes += 4) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            memset(&now, 0, sizeof now);
            struct script script = {.prepare = prepare, .play = play, .verify = clean};
            script_run(&script, num_pes, seed);
        }
    }
}

/* ---------------------------------------------------------------- at once */

static void play_at_once(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                         struct chariot_future *next) {
    const uint32_t pes[] = {5, 2, 5, 3};
    const struct chariot_create some = {.type = now.type, .kind = CHARIOT_GROUP, .pes = pes, .num_pes = 4};
    const struct chariot_create group = {.type = now.type, .kind = CHARIOT_GROUP};
    const struct chariot_index list[] = {{1, {1}}, {1, {4}}};
    const struct chariot_indices lists[] = {{list, 2}};
    const struct chariot_range range = {.start = 3, .step = 1, .has_start = true};
    switch (step) {
    case 0:
        create(pe, &some, &now.some);
        ask(pe, &now.some, next);
        break;
    case 1:
        HAS_INTS(done, 2, 3, 5);
        reduce(pe, &now.some, next);
        break;
    case 2:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), 10);
        create(pe, &group, &now.group);
        CU_ASSERT_EQUAL(chariot_section_of_group(pe, &now.group, 1, lists, now.sections), 0);
        reduce(pe, now.sections, next);
        break;
    case 3:
        CU_ASSERT_EQUAL(int_of(chariot_future_value(done, 0)), 5);
        CU_ASSERT_EQUAL(chariot_section_slice(pe, &now.some, 1, &range, next), 0);
        break;
    case 4:
        refs_of(done, 1, now.sections);
        ask(pe, now.sections, next);
        break;
    case 5:
        HAS_INTS(done, 3, 5);
        CU_ASSERT_EQUAL(chariot_destroy(pe, &now.some, next), 0);
        break;
    default:
        chariot_exit(pe, 0);
    }
}

static void groups_need_not_be_waited_for(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        memset(&now, 0, sizeof now);
        struct script script = {.prepare = prepare, .play = play_at_once, .verify = clean};
        script_run(&script, 7, seed);
    }
}

UNIT_MAIN("scenarios/sections", UNIT(each_way_of_making_works), UNIT(groups_need_not_be_waited_for))
