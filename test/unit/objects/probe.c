#include "test/unit/objects/probe.h"

#include <CUnit/CUnit.h>

struct probe probe;

static int64_t first_int(const struct chariot_msg *args) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, args);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &value) != 0 || value.count == 0) return -1;
    return chariot_get_typed(&reader, CHARIOT_INT, &value) == 0 ? value.integer : -1;
}

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    probe.num_created++;
    *object = &probe;
    return probe.on_create == NULL ? 0 : probe.on_create(pe, elem, args);
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    probe.num_destroyed++;
    if (probe.on_destroy != NULL) probe.on_destroy(pe);
}

static int called(struct chariot_call *call) {
    CU_ASSERT_TRUE_FATAL(probe.num_calls < PROBE_MAX_CALLS);
    probe.calls[probe.num_calls++] = (struct probe_call){.pe = chariot_my_pe(call->pe),
                                                         .method = call->method,
                                                         .index = index_of(call->elem).at[0],
                                                         .arg = first_int(call->args)};
    return probe.on_call == NULL ? 0 : probe.on_call(call);
}

static int say(struct chariot_call *call) {
    int rc = called(call);
    if (rc == 0 && call->result == NULL) call->result = value_int(10 * index_of(call->elem).at[0]);
    return rc;
}

static int fail(struct chariot_call *call) {
    int rc = called(call);
    return rc == 0 ? CHARIOT_EUSER : rc;
}

static int later(struct chariot_call *call) {
    probe.later = call->reply;
    int rc = called(call);
    return rc == 0 ? CHARIOT_LATER : rc;
}

static const struct chariot_method methods[PROBE_NUM_METHODS] = {
    {"hear", called}, {"say", say}, {"fail", fail}, {"later", later}};
static const struct chariot_type probe_type = {.name = "Probe",
                                               .methods = methods,
                                               .num_methods = PROBE_NUM_METHODS,
                                               .create = create,
                                               .destroy = destroy,
                                               .reads_objects = true};

void probe_open(uint32_t num_pes) {
    probe = (struct probe){0};
    world_open(&probe.world, (struct rpc_sim_config){.num_pes = num_pes, .through_wire = true});
    probe.type = world_register(&probe.world, &probe_type);
    probe_settle();
}

struct chariot_pe *probe_pe(uint32_t pe) {
    return &probe.world.pes[pe];
}

void probe_settle(void) {
    for (uint32_t i = 0; i < probe.world.num_pes; i++) world_wake(&probe.world, i);
    world_settle(&probe.world);
}

void probe_close(void) {
    world_close(&probe.world);
}

static struct chariot_ref create_it(uint32_t pe, struct chariot_create how) {
    struct chariot_ref ref = {0};
    how.type = probe.type;
    CU_ASSERT_EQUAL(chariot_create_take(probe_pe(pe), &how, NULL, &ref), 0);
    return ref;
}

struct chariot_ref probe_single(uint32_t pe, int64_t on_pe) {
    return create_it(pe, (struct chariot_create){.kind = CHARIOT_SINGLE, .on_pe = on_pe});
}

struct chariot_ref probe_group(uint32_t pe) {
    return create_it(pe, (struct chariot_create){.kind = CHARIOT_GROUP});
}

struct chariot_ref probe_array(uint32_t pe, int64_t size) {
    return create_it(pe, (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {size}});
}

struct chariot_ref probe_sparse(uint32_t pe) {
    return probe_array(pe, 0);
}

struct chariot_ref probe_elem(const struct chariot_ref *ref, int64_t index) {
    struct chariot_ref elem = {0};
    const struct chariot_index at = {.ndims = 1, .at = {index}};
    CU_ASSERT_EQUAL(chariot_ref_element(ref, &at, &elem), 0);
    return elem;
}

void probe_hear(uint32_t pe, const struct chariot_ref *ref, int64_t arg) {
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(pe), ref, PROBE_HEAR, args_of(arg), CHARIOT_WANT_NOTHING, NULL), 0);
}

struct chariot_future *probe_ask(uint32_t pe, const struct chariot_ref *ref, uint32_t method, enum chariot_want want) {
    struct chariot_future *future = chariot_future_new(probe_pe(pe), 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(pe), ref, method, args_of(-2), want, future), 0);
    probe_settle();
    CU_ASSERT_TRUE_FATAL(chariot_future_ready(future));
    return future;
}

size_t probe_count(int64_t index, int64_t arg) {
    size_t count = 0;
    for (size_t i = 0; i < probe.num_calls; i++) {
        count += (index < 0 || probe.calls[i].index == index) && probe.calls[i].arg == arg;
    }
    return count;
}
