/* What PEs hold on the heap. */
#include <assert.h>
#include <malloc.h>

#include "test/scenarios/growth.h"

enum { ELEMENTS_PER_PE = 64, ROUNDS = 3 };

/* Of the sanitizers, where the program is built with one: malloc is theirs then. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static double heap_bytes(void) {
    if (__sanitizer_get_current_allocated_bytes != NULL) return (double)__sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

/* Without the simulated network. */
static double held(const struct growth *growth) {
    return heap_bytes() - (double)rpc_sim_held_bytes(growth->world.sim);
}

static void create(struct growth *growth, enum chariot_kind kind, int64_t size, struct chariot_ref *ref) {
    const struct chariot_create how = {.type = growth->type, .kind = kind, .ndims = 1, .dims = {size}};
    int rc = chariot_create_take(&growth->world.pes[0], &how, NULL, ref);
    assert(rc == 0);
    world_wake(&growth->world, 0);
    world_settle(&growth->world);
}

/* The second group: the first may have made tables grow. */
static double weigh_group(struct growth *growth) {
    struct chariot_ref ref;
    double before = held(growth);
    create(growth, CHARIOT_GROUP, 0, &ref);
    return held(growth) - before;
}

static double weigh_array(struct growth *growth) {
    struct chariot_ref ref;
    double before = held(growth);
    create(growth, CHARIOT_ARRAY_OF, (int64_t)growth->num_pes * ELEMENTS_PER_PE, &ref);
    return (held(growth) - before) / ELEMENTS_PER_PE;
}

/* What stays behind when everything was done often. */
static double weigh_left_over(struct growth *growth) {
    growth_run_collectives(growth);
    double before = held(growth);
    for (int i = 0; i < ROUNDS; i++) growth_run_collectives(growth);
    return held(growth) - before;
}

void growth_weigh(uint32_t num_pes, struct growth_heap *heap) {
    struct growth growth;
    double before = heap_bytes(), per_pe = 1.0 / num_pes;
    growth_open(&growth, num_pes, &growth_steps);
    double of_test = num_pes * (double)GROWTH_BYTES_PER_PE;
    world_settle(&growth.world);
    heap->idle = (held(&growth) - before - of_test) * per_pe;
    heap->group = weigh_group(&growth) * per_pe;
    heap->element = weigh_array(&growth) * per_pe;
    heap->left_over = weigh_left_over(&growth) * per_pe;
    growth_close(&growth);
}
