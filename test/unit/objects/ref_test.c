/* Refs: packing of indices, equality, hash, and the form in which they travel. */
#include "objects/ref.h"

#include "objects/value_format.h"
#include "rpc/msg.h"
#include "test/unit/unit.h"

static const struct chariot_ref array3 = {
    .collection = 0x8000010000000007u, .type = 5, .kind = CHARIOT_ARRAY_OF, .ndims = 3, .whole = 1};

static struct chariot_ref array_of(uint8_t ndims) {
    struct chariot_ref ref = array3;
    ref.ndims = ndims;
    return ref;
}

static bool index_equal(const struct chariot_index *a, const struct chariot_index *b) {
    return a->ndims == b->ndims && memcmp(a->at, b->at, a->ndims * sizeof a->at[0]) == 0;
}

static void index_of_every_dimension_comes_back(void) {
    static const int64_t wide[] = {0, 1, -1, INT64_MAX, INT64_MIN, 42};
    static const int64_t narrow[] = {0, 1, -1, INT32_MAX, INT32_MIN, 42};
    for (uint8_t ndims = 1; ndims <= CHARIOT_MAX_DIMS; ndims++) {
        struct chariot_ref whole = array_of(ndims), element;
        for (uint32_t turn = 0; turn < CHARIOT_MAX_DIMS; turn++) {
            struct chariot_index index = {.ndims = ndims}, back;
            for (uint32_t i = 0; i < ndims; i++) index.at[i] = (ndims <= 3 ? wide : narrow)[(i + turn) % 6];
            CU_ASSERT_EQUAL(chariot_ref_element(&whole, &index, &element), 0);
            CU_ASSERT_EQUAL(element.whole, 0);
            chariot_ref_index(&element, &back);
            CU_ASSERT(index_equal(&index, &back));
        }
    }
}

static void different_indices_have_different_words(void) {
    struct chariot_ref whole = array_of(6), a, b;
    for (uint32_t i = 0; i < 6; i++) {
        struct chariot_index index = {.ndims = 6, .at = {1, 1, 1, 1, 1, 1}};
        CU_ASSERT_EQUAL(chariot_ref_element(&whole, &index, &a), 0);
        index.at[i] = -1;
        CU_ASSERT_EQUAL(chariot_ref_element(&whole, &index, &b), 0);
        CU_ASSERT(!chariot_ref_equal(&a, &b));
        CU_ASSERT_NOT_EQUAL(chariot_ref_hash(&a), chariot_ref_hash(&b));
    }
}

static void index_beyond_32_bits_is_refused_from_four_dimensions_on(void) {
    struct chariot_ref out;
    for (uint8_t ndims = 4; ndims <= CHARIOT_MAX_DIMS; ndims++) {
        struct chariot_ref whole = array_of(ndims);
        struct chariot_index high = {.ndims = ndims}, low = {.ndims = ndims};
        high.at[ndims - 1] = (int64_t)INT32_MAX + 1;
        low.at[ndims - 1] = (int64_t)INT32_MIN - 1;
        CU_ASSERT_EQUAL(chariot_ref_element(&whole, &high, &out), CHARIOT_ERANGE);
        CU_ASSERT_EQUAL(chariot_ref_element(&whole, &low, &out), CHARIOT_ERANGE);
    }
}

static void element_of_another_number_of_dimensions_is_refused(void) {
    struct chariot_index index = {.ndims = 2};
    struct chariot_ref out, none = array_of(0);
    CU_ASSERT_EQUAL(chariot_ref_element(&array3, &index, &out), CHARIOT_EINVAL);
    index.ndims = 0;
    CU_ASSERT_EQUAL(chariot_ref_element(&none, &index, &out), CHARIOT_EINVAL);
    index.ndims = 7;
    none.ndims = 7;
    CU_ASSERT_EQUAL(chariot_ref_element(&none, &index, &out), CHARIOT_EINVAL);
}

static void single_chare_keeps_its_place_and_has_index_0(void) {
    struct chariot_ref single = {.collection = 9, .kind = CHARIOT_SINGLE, .ndims = 1, .index = {0, 0, 3}}, out;
    struct chariot_index index = {.ndims = 1};
    CU_ASSERT_EQUAL(chariot_ref_element(&single, &index, &out), CHARIOT_EINVAL);
    chariot_ref_collection(&single, &out);
    CU_ASSERT(chariot_ref_equal(&single, &out));
    CU_ASSERT_EQUAL(out.index[OBJ_SINGLE_PE_WORD], 3);
    index.at[0] = 77;
    chariot_ref_index(&single, &index);
    CU_ASSERT_EQUAL(index.ndims, 1);
    CU_ASSERT_EQUAL(index.at[0], 0);
}

static void collection_of_an_element_equals_the_collection(void) {
    struct chariot_index index = {.ndims = 3, .at = {1, 2, 3}};
    struct chariot_ref element, back;
    CU_ASSERT_EQUAL(chariot_ref_element(&array3, &index, &element), 0);
    CU_ASSERT(!chariot_ref_equal(&array3, &element));
    chariot_ref_collection(&element, &back);
    CU_ASSERT(chariot_ref_equal(&array3, &back));
    CU_ASSERT_EQUAL(chariot_ref_hash(&array3), chariot_ref_hash(&back));
}

static void type_takes_no_part_in_equality_and_whole_does(void) {
    struct chariot_ref other = array3, element0 = array3;
    other.type++;
    CU_ASSERT(chariot_ref_equal(&array3, &other));
    CU_ASSERT_EQUAL(chariot_ref_hash(&array3), chariot_ref_hash(&other));
    element0.whole = 0;
    CU_ASSERT(!chariot_ref_equal(&array3, &element0));
    CU_ASSERT_NOT_EQUAL(chariot_ref_hash(&array3), chariot_ref_hash(&element0));
}

/* Other PEs, builds and versions compute the same: homes of elements follow from it. */
static void hash_is_what_it_always_was(void) {
    const uint64_t words[OBJ_INDEX_WORDS] = {1, 2, 3};
    CU_ASSERT_EQUAL(obj_index_hash(0x8000010000000007u, words), 0xaa50974d9513bf70u);
}

static void hash_spreads_neighbours_evenly(void) {
    uint32_t buckets[64] = {0};
    for (uint64_t i = 0; i < 64 * 1000; i++) buckets[obj_index_hash(1, (uint64_t[]){i / 256, i % 256, 0}) % 64]++;
    for (int i = 0; i < 64; i++) CU_ASSERT(buckets[i] > 800 && buckets[i] < 1200);
}

static struct chariot_msg *write_ref(const struct chariot_ref *ref, int64_t method) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    if (method < 0)
        chariot_put_ref(&writer, ref);
    else
        chariot_put_method(&writer, ref, (uint32_t)method);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    return msg;
}

static void check_round_trip(const struct chariot_ref *ref, int64_t method) {
    struct chariot_msg *msg = write_ref(ref, method);
    struct chariot_reader reader;
    struct chariot_value value;
    struct chariot_ref back;
    uint32_t got;
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL(chariot_get_typed(&reader, CHARIOT_REF, &value), 0);
    CU_ASSERT(chariot_reader_done(&reader));
    CU_ASSERT_EQUAL(chariot_ref_read(&value, &back, &got), 0);
    CU_ASSERT_EQUAL(memcmp(&back, ref, sizeof back), 0);
    CU_ASSERT_EQUAL(got, method < 0 ? UINT32_MAX : (uint32_t)method);
    rpc_msg_unref(msg);
}

static void refs_and_methods_travel(void) {
    struct chariot_ref ref = array3;
    for (unsigned mask = 0; mask < 8; mask++)
        for (int kind = CHARIOT_MAIN; kind <= CHARIOT_SECTION; kind++) {
            for (unsigned i = 0; i < 3; i++) ref.index[i] = mask >> i & 1 ? UINT64_MAX - i : 0;
            ref.kind = (uint8_t)kind;
            ref.whole = mask == 0;
            check_round_trip(&ref, -1);
            check_round_trip(&ref, 0);
            check_round_trip(&ref, 0xfffffffe);
        }
}

static void malformed_refs_are_refused(void) {
    struct chariot_ref ref = array3, back;
    ref.index[1] = 5;
    struct chariot_msg *msg = write_ref(&ref, 3);
    struct chariot_value value = {.type = CHARIOT_REF};
    uint8_t body[64];
    uint32_t method;
    size_t size = msg->size - 2;
    memcpy(body, rpc_msg_payload(msg) + 2, size);
    rpc_msg_unref(msg);
    value.ref.data = body;
    for (value.ref.size = 0; value.ref.size <= size + 1; value.ref.size++)
        CU_ASSERT_EQUAL(chariot_ref_read(&value, &back, &method), value.ref.size == size ? 0 : CHARIOT_EMALFORMED);
    value.ref.size = size;
    const uint8_t wrong[][2] = {{0, 0}, {0, CHARIOT_SECTION + 1}, {1, CHARIOT_MAX_DIMS + 1}, {2, 0x20}, {2, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t right = body[wrong[i][0]];
        body[wrong[i][0]] = wrong[i][1];
        CU_ASSERT_EQUAL(chariot_ref_read(&value, &back, &method), CHARIOT_EMALFORMED);
        body[wrong[i][0]] = right;
    }
    value.type = CHARIOT_BYTES;
    CU_ASSERT_EQUAL(chariot_ref_read(&value, &back, &method), CHARIOT_ETYPE);
}

static void future_ids_travel(void) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    struct chariot_reader reader;
    struct chariot_value value;
    uint64_t id = 0;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_future(&writer, 0xfedcba9876543210u);
    chariot_put_null(&writer);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &msg), 0);
    chariot_reader_init(&reader, msg);
    CU_ASSERT_EQUAL(chariot_get(&reader, &value), 0);
    CU_ASSERT_EQUAL(chariot_future_read(&value, &id), 0);
    CU_ASSERT_EQUAL(id, 0xfedcba9876543210u);
    CU_ASSERT_EQUAL(chariot_get(&reader, &value), 0);
    CU_ASSERT_EQUAL(chariot_future_read(&value, &id), CHARIOT_ETYPE);
    rpc_msg_unref(msg);
}

UNIT_MAIN("objects/ref", UNIT(index_of_every_dimension_comes_back), UNIT(different_indices_have_different_words),
          UNIT(index_beyond_32_bits_is_refused_from_four_dimensions_on),
          UNIT(element_of_another_number_of_dimensions_is_refused), UNIT(single_chare_keeps_its_place_and_has_index_0),
          UNIT(collection_of_an_element_equals_the_collection), UNIT(type_takes_no_part_in_equality_and_whole_does),
          UNIT(hash_is_what_it_always_was), UNIT(hash_spreads_neighbours_evenly), UNIT(refs_and_methods_travel),
          UNIT(malformed_refs_are_refused), UNIT(future_ids_travel))
