/* objects/runtime.c: a face's own methods of the runtime, beside exit and myPe. */
#include "objects/runtime.h"

#include "test/scenarios/values.h"
#include "test/scenarios/world.h"
#include "test/unit/unit.h"

static int created, destroyed, greeted;

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    created++;
    *object = &created;
    return 0;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    destroyed++;
    CU_ASSERT_PTR_EQUAL(object, &created);
}

static int on_exit_call(struct chariot_call *call) {
    chariot_exit(call->pe, 7);
    return 0;
}

static int on_greet(struct chariot_call *call) {
    greeted++;
    CU_ASSERT_PTR_EQUAL(call->object, &created);
    return 0;
}

static const struct chariot_method methods[] = {{"exit", on_exit_call}, {"myPe", on_greet}, {"greet", on_greet}};
static const struct chariot_type face = {
    .name = "face.Runtime", .methods = methods, .num_methods = 3, .create = create, .destroy = destroy};

static void a_face_adds_methods_to_the_runtime(void) {
    struct world world;
    struct chariot_ref runtime;
    created = destroyed = greeted = 0;
    world_open(&world, (struct rpc_sim_config){.num_pes = 3});
    for (uint32_t i = 0; i < 3; i++) CU_ASSERT_EQUAL(chariot_runtime_extend(&world.pes[i], &face), 0);
    CU_ASSERT_EQUAL(created, 0);
    world_start(&world);
    CU_ASSERT_EQUAL(created, 3);
    chariot_ref_runtime(&world.pes[1], -1, &runtime);
    CU_ASSERT_EQUAL(chariot_send_take(&world.pes[1], &runtime, 2, NULL, CHARIOT_WANT_NOTHING, NULL), 0);
    world_settle(&world);
    CU_ASSERT_EQUAL(greeted, 3);
    CU_ASSERT_EQUAL(chariot_send_take(&world.pes[1], &runtime, CHARIOT_RUNTIME_EXIT, NULL, CHARIOT_WANT_NOTHING, NULL),
                    0);
    world_settle(&world);
    CU_ASSERT_EQUAL(world.pes[2].status, 7);
    world_close(&world);
    CU_ASSERT_EQUAL(destroyed, 3);
}

static void a_type_that_is_no_runtime_is_refused(void) {
    struct world world;
    struct chariot_type other = face;
    world_open(&world, (struct rpc_sim_config){.num_pes = 1});
    other.num_methods = 1;
    CU_ASSERT_EQUAL(chariot_runtime_extend(&world.pes[0], &other), CHARIOT_EINVAL);
    other = face;
    other.methods = (const struct chariot_method[]){{"myPe", on_greet}, {"exit", on_exit_call}};
    other.num_methods = 2;
    CU_ASSERT_EQUAL(chariot_runtime_extend(&world.pes[0], &other), CHARIOT_EINVAL);
    other = face;
    other.create = NULL;
    CU_ASSERT_EQUAL(chariot_runtime_extend(&world.pes[0], &other), CHARIOT_EINVAL);
    world_start(&world);
    CU_ASSERT_EQUAL(chariot_runtime_extend(&world.pes[0], &face), CHARIOT_ESTATE);
    world_close(&world);
}

UNIT_MAIN("objects/runtime", UNIT(a_face_adds_methods_to_the_runtime), UNIT(a_type_that_is_no_runtime_is_refused))
