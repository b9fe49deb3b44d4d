/* The reduction engine. See reduce.h; the public side is in contribute.c, what values become in reduce_value.c. */
#include "objects/reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/pieces.h"
#include "objects/section.h"
#include "objects/span.h"

/* ---------------------------------------------------------------- records */

struct obj_key obj_reduce_key(uint64_t id, enum obj_space space, uint64_t number) {
    return obj_key2(id, (uint64_t)space << 56 | number);
}

struct obj_reduction *obj_reduce_record(struct chariot_pe *pe, struct obj_key key) {
    struct obj_reduction *red = obj_map_get(&pe->reductions, key);
    if (red != NULL) return red;
    red = calloc(1, sizeof *red);
    if (red != NULL && obj_map_add(&pe->reductions, key, red) == 0) {
        red->key = key;
        obj_span_use(pe, key.word[0]);
        return red;
    }
    free(red);
    obj_out_of_memory(pe);
    return NULL;
}

void obj_reduce_free(struct chariot_pe *pe, struct obj_reduction *red) {
    obj_span_let_go(pe, red->key.word[0]);
    obj_parts_deinit(&red->parts);
    for (uint32_t i = 0; i < OBJ_TREE_RADIX; i++) rpc_msg_unref(red->growing[i].value);
    free(red);
}

static void free_record(void *value, void *ctx) {
    obj_reduce_free(ctx, value);
}

void obj_reduce_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->reductions, free_record, pe);
    obj_map_deinit(&pe->reductions);
    obj_map_each(&pe->streams, free_record, pe);
    obj_map_deinit(&pe->streams);
    obj_pieces_free_all(pe);
}

void obj_reduce_forget(struct chariot_pe *pe, struct obj_reduction *red) {
    obj_map_remove(&pe->reductions, red->key);
    obj_reduce_free(pe, red);
}

void obj_reduce_describe(struct obj_reduction *red, uint32_t reducer, const struct chariot_target *target) {
    if (red->known) return;
    red->known = true;
    red->reducer = reducer;
    red->target = *target;
}

/* ---------------------------------------------------------------- passing on, completing */

static void reducer_failed(struct chariot_pe *pe, uint32_t reducer, int rc) {
    char line[160];
    if (rc == CHARIOT_ENOMEM) {
        obj_out_of_memory(pe);
        return;
    }
    snprintf(line, sizeof line, "chariot: PE %u: reducer %.60s failed: %s\n", pe->node.pe, obj_reduce_name(pe, reducer),
             chariot_error_text(rc));
    obj_end_abort(pe, 1, line);
}

struct chariot_msg *obj_reduce_put_tail(struct chariot_pe *pe, enum obj_kind kind, struct chariot_msg *value,
                                        const struct obj_partial_tail *tail) {
    uint8_t error = value == NULL ? 0 : value->flags & OBJ_FLAG_ERROR;
    struct chariot_msg *msg = obj_msg_own_take(pe, kind, value);
    if (msg == NULL) return NULL;
    if (rpc_msg_reserve(&msg, msg->size + sizeof *tail) != 0) {
        rpc_msg_unref(msg);
        obj_out_of_memory(pe);
        return NULL;
    }
    memcpy(rpc_msg_payload(msg) + msg->size, tail, sizeof *tail);
    msg->size += sizeof *tail;
    msg->flags |= error;
    return msg;
}

static void send_up(struct chariot_pe *pe, struct obj_reduction *red, bool first) {
    int rc = obj_parts_combine(pe, red->reducer, &red->parts, 2);
    struct chariot_msg *value = rc == 0 ? obj_parts_give(&red->parts) : NULL;
    const struct obj_partial_tail tail = {red->count, red->reducer, value != NULL, red->target};
    struct obj_key key = red->key;
    obj_reduce_forget(pe, red);
    if (rc != 0) {
        reducer_failed(pe, tail.reducer, rc);
        return;
    }
    if (first && obj_pieces_serve(pe, key.word[0], tail.reducer, value)) {
        obj_pieces_send_take(pe, key, value, &tail);
        return;
    }
    struct chariot_msg *msg = obj_reduce_put_tail(pe, OBJ_KIND_PARTIAL, value, &tail);
    if (msg == NULL) return;
    msg->target = key.word[0];
    msg->seq = key.word[1];
    msg->root = obj_span_root(pe, key.word[0]);
    obj_span_send_up_take(pe, key.word[0], msg);
}

/* To the tree parent, with all that is here; the record is forgotten. first: of the program's, nothing has left yet. */
static void pass_on(struct chariot_pe *pe, struct obj_reduction *red, bool first) {
    uint64_t id = red->key.word[0];
    obj_span_use(pe, id); /* the record may be its last user */
    send_up(pe, red, first);
    obj_span_let_go(pe, id);
}

/* A lone value is combined too: the sum of True is 1. */
static void give_result(struct chariot_pe *pe, struct obj_reduction *red) {
    uint32_t reducer = red->reducer;
    struct obj_key key = red->key;
    struct chariot_target target = red->target;
    int rc = obj_parts_combine(pe, reducer, &red->parts, 1);
    struct chariot_msg *result = rc == 0 ? obj_parts_give(&red->parts) : NULL;
    obj_reduce_forget(pe, red);
    if (rc == 0) rc = obj_reduce_post(pe, reducer, &result);
    if (rc == 0) {
        obj_reduce_give_take(pe, key, &target, result);
    } else {
        rpc_msg_unref(result);
        reducer_failed(pe, reducer, rc);
    }
}

static void complete(struct chariot_pe *pe, struct obj_reduction *red) {
    uint64_t id = red->key.word[0];
    obj_span_use(pe, id); /* the record may be its last user */
    give_result(pe, red);
    obj_span_let_go(pe, id);
}

static uint32_t all_children(struct chariot_pe *pe, uint64_t id) {
    uint32_t children[OBJ_TREE_RADIX];
    return (1u << obj_span_children(pe, id, children)) - 1;
}

static void check_broadcast(struct chariot_pe *pe, struct obj_reduction *red) {
    uint64_t id = red->key.word[0];
    if (!red->delivered || red->local_count < red->local_need || red->children != all_children(pe, id)) return;
    if (obj_span_root(pe, id) == pe->node.pe) {
        complete(pe, red);
    } else {
        pass_on(pe, red, false);
    }
}

static void complete_program(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    uint64_t number = red->key.word[1];
    if (coll->reduced <= number) coll->reduced = number + 1;
    complete(pe, red);
}

void obj_reduce_check(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red) {
    uint64_t number = red->key.word[1];
    if (red->num_growing > 0) {
        obj_pieces_start(pe, coll, red);
        return;
    }
    if (coll->root == pe->node.pe) {
        if (coll->counted && red->count >= obj_section_need(coll, number)) complete_program(pe, coll, red);
        return;
    }
    bool all_here = red->local_count >= coll->num_living && (red->children & coll->expected) == coll->expected;
    if (coll->filling || (!all_here && number >= coll->sent_below)) return;
    bool first = number >= coll->sent_below;
    if (first) coll->sent_below = number + 1;
    pass_on(pe, red, first);
}

/* ---------------------------------------------------------------- parts from elements */

bool obj_reduce_add_value_take(struct chariot_pe *pe, struct obj_reduction *red, uint64_t position,
                               struct chariot_msg *value) {
    int rc = value == NULL ? 0 : obj_parts_add_take(pe, red->reducer, &red->parts, position, value);
    if (rc != 0) reducer_failed(pe, red->reducer, rc);
    return rc == 0;
}

void obj_reduce_begin(struct chariot_pe *pe, uint64_t id, uint64_t number, uint64_t elements, uint32_t reducer,
                      const struct chariot_target *target) {
    struct obj_reduction *red = obj_reduce_record(pe, obj_reduce_key(id, OBJ_SPACE_BROADCAST, number));
    if (red == NULL) return;
    obj_reduce_describe(red, reducer, target);
    red->delivered = true;
    red->local_need = elements;
    check_broadcast(pe, red);
}

void obj_reduce_excuse(struct chariot_pe *pe, uint64_t id, uint64_t number) {
    struct obj_reduction *red = obj_map_get(&pe->reductions, obj_reduce_key(id, OBJ_SPACE_BROADCAST, number));
    if (red == NULL || !red->delivered || red->local_need == 0) return;
    red->local_need--;
    check_broadcast(pe, red);
}

/* A result as it travels: with a payload, in a gather with the index it belongs to. */
static int prepare_answer(struct chariot_pe *pe, uint32_t reducer, const struct chariot_ref *from,
                          struct chariot_msg **value) {
    int rc = obj_msg_encode(pe, value);
    return rc == 0 && reducer == CHARIOT_REDUCE_GATHER ? obj_reduce_pre(pe, reducer, from, value) : rc;
}

void obj_reduce_answer_take(struct chariot_pe *pe, uint64_t id, uint64_t number, const struct chariot_ref *from,
                            struct chariot_msg *value) {
    struct obj_key key = obj_reduce_key(id, OBJ_SPACE_BROADCAST, number);
    struct obj_reduction *red = obj_map_get(&pe->reductions, key);
    int rc = 0;
    if (red != NULL && value != NULL) {
        uint32_t reducer = red->reducer;
        rc = prepare_answer(pe, reducer, from, &value);
        if (rc != 0) reducer_failed(pe, reducer, rc);
        red = obj_map_get(&pe->reductions, key); /* user code ran */
    }
    if (rc != 0 || red == NULL || !red->delivered) { /* or the collection is gone */
        rpc_msg_unref(value);
        return;
    }
    red->count++;
    if (obj_reduce_add_value_take(pe, red, red->local_count++, value)) check_broadcast(pe, red);
}

int obj_reduce_add_take(struct chariot_pe *pe, struct obj_coll *coll, uint64_t number, uint32_t place,
                        struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target) {
    struct obj_reduction *red = obj_reduce_record(pe, obj_reduce_key(coll->id, OBJ_SPACE_PROGRAM, number));
    if (red == NULL || (red->known && red->reducer != reducer)) {
        rpc_msg_unref(value);
        return red == NULL ? CHARIOT_ENOMEM : CHARIOT_ESTATE;
    }
    obj_reduce_describe(red, reducer, target);
    red->local_count++;
    red->count++;
    if (obj_reduce_add_value_take(pe, red, place, value)) obj_reduce_check(pe, coll, red);
    return 0;
}

/* ---------------------------------------------------------------- parts from other PEs */

int obj_reduce_read_tail(struct chariot_pe *pe, const struct chariot_msg *msg, struct obj_partial_tail *tail) {
    if (msg->size < sizeof *tail) return CHARIOT_EMALFORMED;
    memcpy(tail, rpc_msg_payload(msg) + msg->size - sizeof *tail, sizeof *tail);
    bool has_value = msg->size > sizeof *tail;
    if (tail->num_values != has_value || !obj_reduce_known(pe, tail->reducer)) return CHARIOT_EMALFORMED;
    return obj_target_is_valid(pe, &tail->target) ? 0 : CHARIOT_EMALFORMED;
}

struct chariot_msg *obj_reduce_value_of(struct chariot_msg *msg, const struct obj_partial_tail *tail) {
    if (tail->num_values == 0) return NULL;
    msg->size -= sizeof *tail;
    msg->flags &= OBJ_FLAG_ERROR;
    return rpc_msg_ref(msg);
}

void obj_reduce_disagreed(struct chariot_pe *pe, const struct obj_coll *coll, const struct chariot_msg *msg,
                          const struct obj_reduction *red, uint32_t there) {
    char line[400];
    snprintf(line, sizeof line,
             "chariot: elements of %.100s on PE %u and PE %u passed different reducers, %.60s and %.60s, to one "
             "reduction: all must pass the same\n",
             coll == NULL ? "a collection" : pe->types[coll->type]->name, pe->node.pe, msg->from,
             obj_reduce_name(pe, red->reducer), obj_reduce_name(pe, there));
    obj_end_abort(pe, 1, line);
}

static void add_partial(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_msg *msg, int child,
                        const struct obj_partial_tail *tail) {
    struct obj_reduction *red = obj_reduce_record(pe, obj_key2(msg->target, msg->seq));
    if (red == NULL) return;
    if (red->known && red->reducer != tail->reducer) {
        obj_reduce_disagreed(pe, coll, msg, red, tail->reducer);
        return;
    }
    obj_reduce_describe(red, tail->reducer, &tail->target);
    red->children |= 1u << child;
    red->count += tail->count;
    if (!obj_reduce_add_value_take(pe, red, OBJ_PART_OF_CHILD + (uint64_t)child, obj_reduce_value_of(msg, tail)))
        return;
    if (coll == NULL)
        check_broadcast(pe, red);
    else
        obj_reduce_check(pe, coll, red);
}

void obj_reduce_add_to_gone(struct chariot_pe *pe, const struct chariot_msg *msg, const struct obj_partial_tail *tail) {
    struct obj_reduction *red = obj_reduce_record(pe, obj_key2(msg->target, msg->seq));
    if (red == NULL) return;
    obj_reduce_describe(red, tail->reducer, &tail->target);
    if (obj_span_root(pe, msg->target) != pe->node.pe) pass_on(pe, red, false);
}

void obj_reduce_on_partial(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_partial_tail tail;
    uint64_t space = msg->seq >> 56;
    int child = obj_span_child(pe, msg->target, msg->from);
    if (child < 0 || space > OBJ_SPACE_BROADCAST || obj_reduce_read_tail(pe, msg, &tail) != 0) {
        obj_refuse(pe, msg);
        return;
    }
    struct obj_coll *coll = space == OBJ_SPACE_BROADCAST ? NULL : obj_coll_get(pe, msg->target);
    if (coll == NULL && space == OBJ_SPACE_PROGRAM && obj_coll_is_gone(pe, msg->target))
        obj_reduce_add_to_gone(pe, msg, &tail);
    else if (coll == NULL && space == OBJ_SPACE_PROGRAM)
        obj_orphan(pe, msg);
    else
        add_partial(pe, coll, msg, child, &tail);
}

/* ---------------------------------------------------------------- a changing collection */

/* In their order; but one may be ready before one below it, whose parts from others are still under way. */
void obj_reduce_recheck(struct chariot_pe *pe, struct obj_coll *coll) {
    struct obj_reduction *red;
    for (uint64_t from = 0; !pe->ending && (red = obj_reduce_lowest(pe, coll->id, from)) != NULL;) {
        from = red->key.word[1] + 1;
        obj_reduce_check(pe, coll, red);
    }
}

void obj_reduce_drop(struct chariot_pe *pe, const struct obj_coll *coll) {
    struct obj_reduction *red;
    obj_pieces_drop(pe, coll);
    while (coll->root != pe->node.pe && (red = obj_reduce_lowest(pe, coll->id, 0)) != NULL) {
        obj_parts_deinit(&red->parts);
        pass_on(pe, red, false);
    }
}

/* What an EXPECT message says, in its method field. */
enum { EXPECT_PART = 0, EXPECT_NONE };

static void tell_parent(struct chariot_pe *pe, struct obj_coll *coll, uint32_t what, uint64_t contributed) {
    if (coll->root == pe->node.pe) return;
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_EXPECT, 0);
    if (msg == NULL) return;
    msg->target = coll->id;
    msg->method = what;
    msg->seq = contributed;
    obj_span_send_up_take(pe, coll->id, msg);
}

void obj_reduce_expect_me(struct chariot_pe *pe, struct obj_coll *coll) {
    if (coll->expected == 0) tell_parent(pe, coll, EXPECT_PART, 0);
}

void obj_reduce_left(struct chariot_pe *pe, struct obj_coll *coll) {
    obj_reduce_recheck(pe, coll); /* first: what has been contributed goes before */
    if (coll->num_living == 0 && coll->expected == 0) tell_parent(pe, coll, EXPECT_NONE, 0);
}

void obj_reduce_joined(struct chariot_pe *pe, struct obj_coll *coll, uint64_t contributed) {
    if (coll->root == pe->node.pe || contributed <= coll->sent_below) return;
    coll->sent_below = contributed;
    obj_reduce_recheck(pe, coll);
    tell_parent(pe, coll, EXPECT_PART, contributed);
}

void obj_reduce_on_expect(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    int child = obj_span_child(pe, msg->target, msg->from);
    if (child < 0) {
        obj_refuse(pe, msg);
        return;
    }
    if (coll == NULL) {
        obj_orphan(pe, msg);
        return;
    }
    if (msg->method == EXPECT_NONE) {
        coll->expected &= ~(1u << child);
        obj_reduce_left(pe, coll);
        return;
    }
    if (coll->num_living == 0) obj_reduce_expect_me(pe, coll);
    coll->expected |= 1u << child;
    obj_reduce_joined(pe, coll, msg->seq);
}
