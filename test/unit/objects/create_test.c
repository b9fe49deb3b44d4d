/* objects/create.c: what cannot be created is refused with a code; heads and insertions from other PEs are checked. */
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static int try(struct chariot_create how) {
    struct chariot_ref ref;
    how.type += probe.type;
    return chariot_create_take(probe_pe(0), &how, args_of(1), &ref);
}

static void what_cannot_be_is_refused(void) {
    const int64_t big = (int64_t)1 << 40;
    probe_open(3);
    CU_ASSERT_EQUAL(try((struct chariot_create){.type = 99, .kind = CHARIOT_GROUP}), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_SECTION}), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try((struct chariot_create){0}), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_SINGLE, .on_pe = 3}), CHARIOT_ERANGE);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_SINGLE, .on_pe = -2}), CHARIOT_ERANGE);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_ARRAY_OF}), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 7, .dims = {1}}), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {-1}}), CHARIOT_ERANGE);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {big, big}}),
                    CHARIOT_ERANGE);
    CU_ASSERT_EQUAL(try((struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 4, .dims = {big, 0, 0, 1}}),
                    CHARIOT_ERANGE);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_created, 0);
    CU_ASSERT_EQUAL(probe_pe(0)->run_queue.count, 0);
    probe_close();
}

/* ---------------------------------------------------------------- insertion */

static void insert(uint32_t pe, const struct chariot_ref *array, int64_t index, int64_t on_pe, int rc) {
    const struct chariot_index at = {.ndims = 1, .at = {index}};
    CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(pe), array, &at, args_of(index), on_pe, false), rc);
}

static void insertions_are_checked(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0), group = probe_group(0), forged = array;
    const struct chariot_index two = {.ndims = 2};
    insert(0, &group, 1, -1, CHARIOT_EINVAL);
    insert(0, &array, 1, 2, CHARIOT_ERANGE);
    insert(0, &array, 1, -2, CHARIOT_ERANGE);
    forged.collection = obj_id_make(CHARIOT_ARRAY_OF, 7, 1);
    insert(0, &forged, 1, -1, CHARIOT_EINVAL);
    forged.collection = group.collection; /* the kind says array, the id group */
    insert(0, &forged, 1, -1, CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(0), &array, &two, NULL, -1, false), CHARIOT_EINVAL);
    CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(0), &group), CHARIOT_EINVAL);
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_created, 2);
    probe_close();
}

static void an_element_lives_where_it_was_placed_and_all_find_it(void) {
    probe_open(4);
    struct chariot_ref array = probe_sparse(1);
    for (int64_t i = 0; i < 20; i++) insert(1, &array, i, i % 4, 0);
    probe_settle();
    for (int64_t i = 0; i < 20; i++) {
        struct chariot_ref elem = probe_elem(&array, i);
        for (uint32_t pe = 0; pe < 4; pe++) {
            probe_hear(pe, &elem, i);
            CU_ASSERT_EQUAL(chariot_elem_local(probe_pe(pe), &elem) != NULL, pe == i % 4);
        }
    }
    probe_settle();
    CU_ASSERT_EQUAL_FATAL(probe.num_calls, 80);
    for (size_t i = 0; i < 80; i++) CU_ASSERT_EQUAL(probe.calls[i].pe, probe.calls[i].index % 4);
    probe_close();
}

static void an_element_inserted_twice_ends_the_job(void) {
    static const int64_t on[][2] = {{-1, -1}, {0, 1}, {1, 0}, {2, 3}, {2, -1}, {-1, 2}, {4, 4}};
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        probe_open(5);
        struct chariot_ref array = probe_sparse(0);
        insert(0, &array, 5, on[i][0], 0);
        insert(1, &array, 5, on[i][1], 0);
        probe_settle();
        CU_ASSERT_PTR_NOT_NULL(
            strstr(probe.world.abort_text, "element (5,) was inserted twice into an array of Probe"));
        probe_close();
    }
}

/* By the time of COUNT the array is not known on PE 1 yet: what waits there is issued before. */
static void an_insertion_before_the_array_is_known_is_an_early_one(void) {
    probe_open(2);
    struct chariot_ref array = probe_sparse(0);
    insert(1, &array, 3, -1, 0);
    CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(0), &array), 0);
    probe_hear(0, &array, 9);
    probe_settle();
    CU_ASSERT_EQUAL(probe_count(3, 9), 1);
    struct obj_coll *root = obj_coll_get(probe_pe(0), array.collection);
    CU_ASSERT_TRUE(root->settled);
    CU_ASSERT_EQUAL(root->total, 1);
    CU_ASSERT_EQUAL(root->total_created, 1);
    probe_close();
}

static void an_array_may_grow_after_it_was_done(void) {
    probe_open(3);
    struct chariot_ref array = probe_sparse(2);
    insert(2, &array, 0, -1, 0);
    CU_ASSERT_EQUAL(chariot_done_inserting(probe_pe(2), &array), 0);
    probe_settle();
    for (int64_t i = 1; i < 9; i++) insert((uint32_t)i % 3, &array, i, -1, 0);
    probe_settle();
    chariot_future_unref(probe_ask(0, &array, PROBE_SAY, CHARIOT_WANT_VALUE));
    CU_ASSERT_EQUAL(probe.num_calls, 9);
    CU_ASSERT_EQUAL(obj_coll_get(probe_pe(2), array.collection)->total, 9);
    probe_close();
}

/* ---------------------------------------------------------------- constructors */

static struct chariot_elem *late;

static int constructs_later(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args) {
    late = elem;
    return CHARIOT_LATER;
}

static void creation_is_awaited_until_the_constructor_has_ended(void) {
    probe_open(2);
    probe.on_create = constructs_later;
    struct chariot_ref single = probe_single(0, 1);
    struct chariot_future *future = chariot_future_new(probe_pe(0), 2);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(0), &single, future), 0);
    CU_ASSERT_EQUAL(chariot_await_created(probe_pe(0), &single, future), 0);
    probe_hear(0, &single, 1); /* other messages are not held up */
    probe_settle();
    CU_ASSERT_EQUAL(probe.num_calls, 1);
    CU_ASSERT_FALSE(chariot_future_ready(future));
    chariot_constructed(probe_pe(1), late);
    probe_settle();
    CU_ASSERT_TRUE(chariot_future_ready(future));
    chariot_future_unref(future);
    probe_close();
}

static int cannot_construct(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args) {
    return CHARIOT_ERANGE;
}

static void a_constructor_that_fails_ends_the_job_and_no_more_are_run(void) {
    probe_open(1);
    probe.on_create = cannot_construct;
    probe_array(0, 100);
    probe_settle();
    CU_ASSERT_STRING_EQUAL(probe.world.abort_text, "chariot: PE 0: constructor of Probe failed: value out of range\n");
    CU_ASSERT_EQUAL(probe.num_created, 1);
    probe_close();
}

/* ---------------------------------------------------------------- what other PEs may say */

struct head {
    uint32_t type, ndims, sparse, at_sync;
    uint64_t total;
    uint64_t map;
    int64_t dims[CHARIOT_MAX_DIMS];
};

static void creation(uint64_t id, const void *head, size_t size) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, head, size);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    msg->kind = OBJ_KIND_CREATE;
    msg->flags = OBJ_FLAG_TREE;
    msg->target = id;
    msg->root = msg->from = obj_id_pe(id);
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
}

static void heads_that_make_no_sense_are_refused(void) {
    probe_open(2);
    const struct head good = {.type = probe.type, .ndims = 1, .dims = {4}};
    struct head head = good;
    size_t known = probe_pe(0)->collections.count;
    uint64_t array = obj_id_make(CHARIOT_ARRAY_OF, 1, 77), group = obj_id_make(CHARIOT_GROUP, 1, 78);
    creation(array, &good, sizeof good - 1);
    creation(obj_id_make(CHARIOT_SINGLE, 1, 77), &good, sizeof good);
    creation(obj_id_make(0, 1, 77), &good, sizeof good);
    head.type = 99;
    creation(array, &head, sizeof head);
    head = good;
    head.ndims = 0;
    creation(array, &head, sizeof head);
    head.ndims = 9;
    creation(array, &head, sizeof head);
    head = good;
    head.dims[0] = -5;
    creation(array, &head, sizeof head);
    head = good;
    head.sparse = 1; /* with a size */
    creation(array, &head, sizeof head);
    head = good;
    head.ndims = 2;
    head.dims[0] = head.dims[1] = INT64_MAX;
    creation(array, &head, sizeof head);
    head.ndims = 2;
    creation(group, &head, sizeof head);
    head = good;
    head.map = group;
    creation(group, &head, sizeof head);
    head.map = array; /* no group */
    creation(array, &head, sizeof head);
    head.map = obj_id_make(CHARIOT_GROUP, 2, 1); /* of a PE that is not in the job */
    creation(array, &head, sizeof head);
    CU_ASSERT_EQUAL(probe_pe(0)->collections.count, known);
    CU_ASSERT_EQUAL(probe.num_created, 0);
    creation(array, &good, sizeof good);
    creation(array, &good, sizeof good); /* once */
    CU_ASSERT_EQUAL(probe_pe(0)->collections.count, known + 1);
    CU_ASSERT_EQUAL(probe.num_created, 2); /* those of PE 0; PE 1, the root, never said it */
    probe_close();
}

static void arrives(struct chariot_msg *msg, enum obj_kind kind, uint64_t target) {
    msg->kind = (uint8_t)kind;
    msg->target = target;
    msg->from = 1;
    obj_upcalls.on_message_take(probe_pe(0), msg);
    probe_settle();
}

static void forged_singles_and_insertions_are_refused(void) {
    probe_open(2);
    struct chariot_ref group = probe_group(0), single = probe_single(0, 0);
    probe_settle();
    size_t created = probe.num_created;
    arrives(args_of(1), OBJ_KIND_CREATE_ONE, single.collection); /* is there already */
    arrives(args_of(1), OBJ_KIND_CREATE_ONE, group.collection);
    struct chariot_msg *msg = args_of(1);
    msg->method = 99; /* no such type */
    arrives(msg, OBJ_KIND_CREATE_ONE, obj_id_make(CHARIOT_SINGLE, 1, 5));
    msg = args_of(1);
    msg->hops = 1;
    arrives(msg, OBJ_KIND_INSERT, group.collection);
    CU_ASSERT_EQUAL(probe.num_created, created);
    CU_ASSERT_EQUAL(probe.world.aborts, 0);
    probe_close();
}

UNIT_MAIN("objects/create", UNIT(what_cannot_be_is_refused), UNIT(insertions_are_checked),
          UNIT(an_element_lives_where_it_was_placed_and_all_find_it), UNIT(an_element_inserted_twice_ends_the_job),
          UNIT(an_insertion_before_the_array_is_known_is_an_early_one), UNIT(an_array_may_grow_after_it_was_done),
          UNIT(creation_is_awaited_until_the_constructor_has_ended),
          UNIT(a_constructor_that_fails_ends_the_job_and_no_more_are_run), UNIT(heads_that_make_no_sense_are_refused),
          UNIT(forged_singles_and_insertions_are_refused))
