/* The reduction engine. See reduce.h; what values become is in reduce_value.c. */
#include "objects/reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"

enum { COMBINE_AT = 32 }; /* parts that are gathered before they are combined */

/* What a PARTIAL message says before its value. PEs of a job run one build, so it travels as it lies in memory. */
struct partial_head {
    uint64_t count;
    uint32_t reducer;
    uint32_t num_values; /* 0 or 1 */
    struct chariot_target target;
};

/* ---------------------------------------------------------------- records */

static struct obj_key key_of(uint64_t id, enum obj_space space, uint64_t number) {
    return obj_key2(id, (uint64_t)space << 56 | number);
}

static struct obj_reduction *record(struct chariot_pe *pe, struct obj_key key) {
    struct obj_reduction *red = obj_map_get(&pe->reductions, key);
    if (red != NULL) return red;
    red = calloc(1, sizeof *red);
    if (red != NULL && obj_map_add(&pe->reductions, key, red) == 0) {
        red->key = key;
        return red;
    }
    free(red);
    obj_out_of_memory(pe);
    return NULL;
}

static void drop_values(struct obj_reduction *red) {
    for (size_t i = 0; i < red->num_values; i++) rpc_msg_unref(red->values[i]);
    red->num_values = 0;
}

static void free_record(void *value, void *ctx) {
    struct obj_reduction *red = value;
    (void)ctx;
    drop_values(red);
    free(red->values);
    free(red);
}

void obj_reduce_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->reductions, free_record, NULL);
    obj_map_deinit(&pe->reductions);
}

static void forget(struct chariot_pe *pe, struct obj_reduction *red) {
    obj_map_remove(&pe->reductions, red->key);
    free_record(red, NULL);
}

static void describe(struct obj_reduction *red, uint32_t reducer, const struct chariot_target *target) {
    if (red->known) return;
    red->known = true;
    red->reducer = reducer;
    red->target = *target;
}

/* ---------------------------------------------------------------- values */

static void reducer_failed(struct chariot_pe *pe, uint32_t reducer, int rc) {
    char line[160];
    snprintf(line, sizeof line, "chariot: PE %u: reducer %u failed: %s\n", pe->node.pe, reducer,
             chariot_error_text(rc));
    obj_end_abort(pe, 1, line);
}

/* Makes one value of all that are there, if they are at least `from`. */
static bool combine(struct chariot_pe *pe, struct obj_reduction *red, size_t from) {
    if (red->num_values < from) return true;
    struct chariot_msg *out = NULL;
    int rc = obj_reduce_combine(pe, red->reducer, red->num_values, red->values, &out);
    drop_values(red);
    if (rc != 0) {
        reducer_failed(pe, red->reducer, rc);
        return false;
    }
    red->values[red->num_values++] = out;
    return true;
}

static void add_value_take(struct chariot_pe *pe, struct obj_reduction *red, struct chariot_msg *value) {
    if (red->num_values == red->cap_values) {
        size_t cap = red->cap_values == 0 ? 4 : 2 * red->cap_values;
        struct chariot_msg **values = realloc(red->values, cap * sizeof(struct chariot_msg *));
        if (values == NULL) {
            rpc_msg_unref(value);
            obj_out_of_memory(pe);
            return;
        }
        red->values = values;
        red->cap_values = cap;
    }
    red->values[red->num_values++] = value;
    if (red->num_values >= COMBINE_AT && red->reducer != CHARIOT_REDUCE_GATHER) combine(pe, red, 2);
}

/* ---------------------------------------------------------------- passing on, completing */

static void pass_on(struct chariot_pe *pe, struct obj_reduction *red) {
    if (!combine(pe, red, 2)) return;
    struct partial_head head = {red->count, red->reducer, (uint32_t)red->num_values, red->target};
    struct chariot_msg *value = red->num_values == 0 ? NULL : red->values[0];
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new(sizeof head + 32 + (value ? value->size : 0)));
    chariot_put_bytes(&writer, &head, sizeof head);
    if (value != NULL) chariot_put_encoded(&writer, rpc_msg_payload(value), value->size);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_PARTIAL, &writer);
    if (msg == NULL) return;
    if (value != NULL) msg->flags |= value->flags & OBJ_FLAG_ERROR;
    msg->target = red->key.word[0];
    msg->seq = red->key.word[1];
    uint32_t root = obj_id_pe(msg->target);
    msg->root = root;
    red->sent = true;
    red->count = 0;
    drop_values(red);
    obj_send_take(pe, (uint32_t)chariot_tree_parent(pe->node.pe, root, pe->node.num_pes, OBJ_TREE_RADIX), msg);
}

static void give_count(struct chariot_pe *pe, uint64_t id, const struct chariot_msg *sum) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct obj_coll *coll = obj_coll_get(pe, id);
    chariot_reader_init(&reader, sum);
    if (coll == NULL || chariot_get_typed(&reader, CHARIOT_ARRAY, &value) != 0 || value.array.size != 16) return;
    int64_t counts[2];
    memcpy(counts, value.array.data, sizeof counts);
    obj_create_counted(pe, coll, (uint64_t)counts[0], (uint64_t)counts[1]);
}

static void give_all_take(struct chariot_pe *pe, struct obj_key key, struct chariot_msg *result) {
    if (result == NULL) result = obj_null_new(pe);
    if (result == NULL) return;
    uint8_t error = result->flags & OBJ_FLAG_ERROR;
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_RESULT, result);
    if (msg == NULL) return;
    msg->flags |= error;
    msg->target = key.word[0];
    msg->seq = key.word[1];
    msg->root = pe->node.pe;
    if (obj_kind_is_single(obj_id_kind(msg->target))) {
        obj_pe_queue_take(pe, msg);
        return;
    }
    msg->flags |= OBJ_FLAG_TREE;
    obj_send_down_take(pe, msg);
}

/* Sends the result where it is to go; takes it (NULL: null). */
static void give_take(struct chariot_pe *pe, struct obj_key key, const struct chariot_target *target,
                      struct chariot_msg *result) {
    switch (target->kind) {
    case CHARIOT_TO_FUTURE:
        obj_future_send_take(pe, target->future, result);
        return;
    case CHARIOT_TO_METHOD:
        obj_call_target_take(pe, target, result);
        return;
    case OBJ_TO_ALL:
        give_all_take(pe, key, result);
        return;
    case OBJ_TO_COUNT:
        if (result != NULL) give_count(pe, key.word[0], result);
        break;
    default:
        break;
    }
    rpc_msg_unref(result);
}

/* A lone value is combined too: the sum of True is 1. */
static void complete(struct chariot_pe *pe, struct obj_reduction *red) {
    if (!combine(pe, red, 1)) return;
    struct chariot_msg *result = NULL;
    if (red->num_values > 0) {
        result = red->values[0];
        red->num_values = 0;
    }
    bool error = result != NULL && (result->flags & OBJ_FLAG_ERROR) != 0;
    int rc = error ? 0 : obj_reduce_post(pe, red->reducer, &result);
    struct obj_key key = red->key;
    struct chariot_target target = red->target;
    uint32_t reducer = red->reducer;
    forget(pe, red);
    if (rc == 0) {
        give_take(pe, key, &target, result);
    } else {
        rpc_msg_unref(result);
        reducer_failed(pe, reducer, rc);
    }
}

static uint32_t all_children(struct chariot_pe *pe, uint32_t root) {
    uint32_t children[OBJ_TREE_RADIX];
    return (1u << chariot_tree_children(pe->node.pe, root, pe->node.num_pes, OBJ_TREE_RADIX, children)) - 1;
}

static void check_broadcast(struct chariot_pe *pe, struct obj_reduction *red) {
    uint32_t root = obj_id_pe(red->key.word[0]);
    if (!red->delivered || red->local_count < red->local_need || red->children != all_children(pe, root)) return;
    if (root == pe->node.pe) {
        complete(pe, red);
    } else {
        pass_on(pe, red);
        forget(pe, red);
    }
}

static void check_program(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    uint64_t number = red->key.word[1];
    if (coll->root == pe->node.pe) {
        if (coll->counted && red->count >= coll->total) complete(pe, red);
        return;
    }
    bool all_here = red->local_count >= coll->by_index.count && (red->children & coll->expected) == coll->expected;
    if (!all_here && number >= coll->sent_below) return;
    pass_on(pe, red);
    if (number >= coll->sent_below) coll->sent_below = number + 1;
    forget(pe, red);
}

/* ---------------------------------------------------------------- parts from elements */

void obj_reduce_begin(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t elements, uint32_t reducer,
                      const struct chariot_target *target) {
    struct obj_reduction *red = record(pe, key_of(id, OBJ_SPACE_BROADCAST, number));
    if (red == NULL) return;
    describe(red, reducer, target);
    red->delivered = true;
    red->local_need = elements;
    check_broadcast(pe, red);
}

void obj_reduce_answer_take(struct chariot_pe *pe, uint64_t id, uint64_t number, const uint64_t index[3], uint8_t ndims,
                            struct chariot_msg *value) {
    struct obj_reduction *red = obj_map_get(&pe->reductions, key_of(id, OBJ_SPACE_BROADCAST, number));
    if (red == NULL || !red->delivered) { /* the collection is gone */
        rpc_msg_unref(value);
        return;
    }
    struct chariot_ref contributor = {
        .collection = id, .index = {index[0], index[1], index[2]}, .kind = (uint8_t)obj_id_kind(id), .ndims = ndims};
    if (value != NULL && red->reducer == CHARIOT_REDUCE_GATHER) {
        int rc = obj_msg_encode(pe, &value);
        if (rc == 0) rc = obj_reduce_pre(pe, red->reducer, &contributor, &value);
        if (rc != 0) reducer_failed(pe, red->reducer, rc);
    }
    red->local_count++;
    red->count++;
    if (value != NULL) add_value_take(pe, red, value);
    check_broadcast(pe, red);
}

/* A single chare reduces with itself. */
static int contribute_alone_take(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *value,
                                 uint32_t reducer, const struct chariot_target *target) {
    struct chariot_msg *sum = NULL;
    int rc = value == NULL ? 0 : obj_reduce_combine(pe, reducer, 1, &value, &sum);
    if (rc == 0 && value != NULL) {
        rpc_msg_unref(value);
        value = sum;
        rc = obj_reduce_post(pe, reducer, &value);
    }
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    give_take(pe, obj_key2(elem->index[1], elem->reductions - 1), target, value);
    return 0;
}

static int contribute_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                           struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target,
                           uint64_t *number) {
    struct obj_coll *coll = elem->coll;
    struct chariot_ref contributor;
    obj_elem_ref(elem, &contributor);
    int rc = 0;
    if (!obj_reduce_known(pe, reducer) || (value == NULL) != (reducer == CHARIOT_REDUCE_NOP)) rc = CHARIOT_EINVAL;
    if (over != NULL && over->collection != contributor.collection) rc = CHARIOT_EINVAL;
    *number = elem->reductions;
    struct obj_reduction *red = NULL;
    if (rc == 0 && coll->id != 0) {
        red = record(pe, key_of(coll->id, OBJ_SPACE_PROGRAM, *number));
        if (red == NULL)
            rc = CHARIOT_ENOMEM;
        else if (red->known && red->reducer != reducer)
            rc = CHARIOT_ESTATE;
    }
    if (rc == 0 && value != NULL) {
        obj_msg_mark(value);
        rc = obj_msg_encode(pe, &value);
        if (rc == 0) rc = obj_reduce_pre(pe, reducer, &contributor, &value);
    }
    if (rc != 0) {
        rpc_msg_unref(value);
        return rc;
    }
    elem->reductions++;
    if (red == NULL) return contribute_alone_take(pe, elem, value, reducer, target);
    if (coll->reductions < elem->reductions) coll->reductions = elem->reductions;
    describe(red, reducer, target);
    red->local_count++;
    red->count++;
    if (value != NULL) add_value_take(pe, red, value);
    check_program(pe, coll, red);
    return 0;
}

int chariot_contribute_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                            struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target) {
    OBJ_API(pe);
    uint64_t number;
    return contribute_take(pe, elem, over, value, reducer, target, &number);
}

/* ---------------------------------------------------------------- parts from other PEs */

static int child_bit(struct chariot_pe *pe, uint32_t root, uint32_t child) {
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = chariot_tree_children(pe->node.pe, root, pe->node.num_pes, OBJ_TREE_RADIX, children);
    for (uint32_t i = 0; i < count; i++) {
        if (children[i] == child) return (int)i;
    }
    return -1;
}

/* The value behind the head, as a message of its own. */
static struct chariot_msg *value_of(struct chariot_pe *pe, const struct chariot_msg *msg,
                                    const struct chariot_reader *rest) {
    struct chariot_writer writer;
    size_t size = (size_t)(rest->end - rest->at);
    chariot_writer_init_take(&writer, rpc_msg_new(size + 32));
    chariot_put_encoded(&writer, rest->at, size);
    struct chariot_msg *value;
    if (chariot_writer_finish(&writer, &value) != 0) {
        obj_out_of_memory(pe);
        return NULL;
    }
    value->flags |= msg->flags & OBJ_FLAG_ERROR;
    return value;
}

void obj_reduce_on_partial(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value bytes;
    struct partial_head head;
    int child = child_bit(pe, obj_id_pe(msg->target), msg->from);
    chariot_reader_init(&reader, msg);
    if (chariot_get_typed(&reader, CHARIOT_BYTES, &bytes) != 0 || bytes.bytes.size != sizeof head) return;
    memcpy(&head, bytes.bytes.data, sizeof head);
    enum obj_space space = (enum obj_space)(msg->seq >> 56);
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (child < 0 || space > OBJ_SPACE_BROADCAST || !obj_reduce_known(pe, head.reducer)) return;
    if (coll == NULL && space == OBJ_SPACE_PROGRAM) {
        obj_wait_take(pe, &pe->orphans, obj_key1(msg->target), rpc_msg_ref(msg));
        return;
    }
    struct obj_reduction *red = record(pe, obj_key2(msg->target, msg->seq));
    if (red == NULL) return;
    describe(red, head.reducer, &head.target);
    red->children |= 1u << child;
    red->count += head.count;
    if (head.num_values > 0) {
        struct chariot_msg *value = value_of(pe, msg, &reader);
        if (value == NULL) return;
        add_value_take(pe, red, value);
    }
    if (space == OBJ_SPACE_BROADCAST)
        check_broadcast(pe, red);
    else
        check_program(pe, coll, red);
}

/* ---------------------------------------------------------------- a changing collection */

struct recheck {
    uint64_t id;
    struct obj_reduction *found;
};

static void find_complete(void *value, void *ctx) {
    struct obj_reduction *red = value;
    struct recheck *look = ctx;
    if (red->key.word[0] != look->id || red->key.word[1] >> 56 != OBJ_SPACE_PROGRAM) return;
    if (look->found == NULL || red->key.word[1] < look->found->key.word[1]) look->found = red;
}

void obj_reduce_recheck(struct chariot_pe *pe, struct obj_coll *coll) {
    for (;;) {
        struct recheck look = {.id = coll->id};
        obj_map_each(&pe->reductions, find_complete, &look);
        if (!coll->counted || look.found == NULL || look.found->count < coll->total) return;
        complete(pe, look.found);
    }
}

void obj_reduce_expect_me(struct chariot_pe *pe, struct obj_coll *coll) {
    if (coll->root == pe->node.pe || coll->expected != 0) return;
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_EXPECT, 0);
    if (msg == NULL) return;
    msg->target = coll->id;
    obj_send_take(pe, (uint32_t)chariot_tree_parent(pe->node.pe, coll->root, pe->node.num_pes, OBJ_TREE_RADIX), msg);
}

void obj_reduce_on_expect(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL) {
        obj_wait_take(pe, &pe->orphans, obj_key1(msg->target), rpc_msg_ref(msg));
        return;
    }
    int child = child_bit(pe, coll->root, msg->from);
    if (child < 0) return;
    if (coll->num_elems == 0) obj_reduce_expect_me(pe, coll);
    coll->expected |= 1u << child;
}

/* ---------------------------------------------------------------- allreduce */

int chariot_allreduce_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                           struct chariot_msg *value, uint32_t reducer, struct chariot_future **future) {
    OBJ_API(pe);
    uint64_t id = elem->coll->id != 0 ? elem->coll->id : elem->index[1];
    struct obj_key key = key_of(id, OBJ_SPACE_PROGRAM, elem->reductions);
    struct chariot_future *waits = obj_map_get(&pe->allreduces, key);
    if (waits == NULL) {
        waits = obj_future_new(pe, 1); /* this reference is the table's */
        if (waits == NULL || obj_map_add(&pe->allreduces, key, waits) != 0) {
            obj_future_unref(waits);
            rpc_msg_unref(value);
            return CHARIOT_ENOMEM;
        }
    }
    *future = obj_future_ref(waits);
    struct chariot_target target = {.kind = OBJ_TO_ALL};
    uint64_t number;
    int rc = contribute_take(pe, elem, over, value, reducer, &target, &number);
    if (rc == 0) return 0;
    obj_future_unref(*future);
    *future = NULL;
    return rc;
}

void obj_reduce_on_result(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_future *waits = obj_map_remove(&pe->allreduces, obj_key2(msg->target, msg->seq));
    if (waits == NULL) return;
    obj_future_deposit_take(pe, waits, rpc_msg_ref(msg));
    obj_future_unref(waits);
}
