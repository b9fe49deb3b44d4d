/* objects/library.c: a library's table, checked whole before any of it is used. */
#include "objects/chariot.h"

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object) {
    return 0;
}

static int combine(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out) {
    return 0;
}

static const struct chariot_type a = {.name = "lib.A", .create = create}, b = {.name = "lib.B", .create = create},
                                 nameless = {.create = create}, ours = {.name = "Probe", .create = create};
static const struct chariot_reducer r = {.name = "lib.r", .combine = combine}, empty = {.name = "lib.empty"};

static struct chariot_library library_of(const struct chariot_type *const *types,
                                         const struct chariot_reducer *const *reducers) {
    return (struct chariot_library){
        .layout = CHARIOT_LAYOUT, .types = types, .num_types = 2, .reducers = reducers, .num_reducers = 1};
}

static void check(struct chariot_library library, int expected, const char *says) {
    struct chariot_pe *pe = probe_pe(0);
    uint32_t types = pe->num_types, reducers = pe->num_reducers;
    char why[200] = "";
    CU_ASSERT_EQUAL(chariot_library_check(pe, &library, why, sizeof why), expected);
    CU_ASSERT_STRING_EQUAL(why, says);
    CU_ASSERT_EQUAL(chariot_library_register(pe, &library, why, sizeof why), expected);
    if (expected != 0) CU_ASSERT_TRUE(pe->num_types == types && pe->num_reducers == reducers);
}

static void what_cannot_be_registered_whole_is_not_begun(void) {
    const struct chariot_type *const good[] = {&a, &b}, *const twice[] = {&a, &a}, *const half[] = {&a, &nameless},
                                     *const known[] = {&a, &ours};
    const struct chariot_reducer *const sound[] = {&r}, *const lacks[] = {&empty};
    probe_open(1);
    struct chariot_library other = library_of(good, sound);
    other.layout++;
    check(other, CHARIOT_EVERSION,
          "it was compiled against another version of chariot.h than " CHARIOT_VERSION ": compile it again");
    check(library_of(twice, sound), CHARIOT_EEXIST, "there is a chare type named lib.A already");
    check(library_of(known, sound), CHARIOT_EEXIST, "there is a chare type named Probe already");
    check(library_of(half, sound), CHARIOT_EINVAL, "its chare type ? lacks a name, a create or a method's function");
    check(library_of(good, lacks), CHARIOT_EINVAL, "its reducer lib.empty lacks a name or a combine");
    probe_close();
}

static void types_and_reducers_are_found_by_name(void) {
    const struct chariot_type *const good[] = {&a, &b};
    const struct chariot_reducer *const sound[] = {&r};
    uint32_t id;
    probe_open(1);
    struct chariot_pe *pe = probe_pe(0);
    CU_ASSERT_EQUAL(chariot_type_find(pe, "lib.B", &id), CHARIOT_ENOENT);
    CU_ASSERT_EQUAL(chariot_reducer_find(pe, "lib.r", &id), CHARIOT_ENOENT);
    check(library_of(good, sound), 0, "");
    CU_ASSERT_EQUAL(chariot_type_find(pe, "lib.B", &id), 0);
    CU_ASSERT_PTR_EQUAL(chariot_type_of(pe, id), &b);
    CU_ASSERT_EQUAL(chariot_reducer_find(pe, "lib.r", &id), 0);
    CU_ASSERT_TRUE(id >= CHARIOT_REDUCE_FIRST_USER);
    check(library_of(good, sound), CHARIOT_EEXIST, "there is a chare type named lib.A already");
    probe_close();
}

UNIT_MAIN("objects/library", UNIT(what_cannot_be_registered_whole_is_not_begun),
          UNIT(types_and_reducers_are_found_by_name))
