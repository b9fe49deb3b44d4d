/* What the values of a reduction become: built-in reducers in C, the face's help, the program's reducers, gather.
 *
 * Gather: each contribution becomes an entry, (where it came from, value); partial results are entries after each
 * other; the result is the list of values by index, and by collection where a section has several. */
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/meter.h"
#include "objects/reduce.h"
#include "objects/reduce_builtin.h"

static const struct chariot_reducer *of_program(struct chariot_pe *pe, uint32_t reducer) {
    if (reducer < CHARIOT_REDUCE_FIRST_USER) return NULL;
    return pe->reducers[reducer - CHARIOT_REDUCE_FIRST_USER];
}

bool obj_reduce_known(struct chariot_pe *pe, uint32_t reducer) {
    return reducer <= CHARIOT_REDUCE_GATHER ||
           (reducer >= CHARIOT_REDUCE_FIRST_USER && reducer - CHARIOT_REDUCE_FIRST_USER < pe->num_reducers);
}

const char *obj_reduce_name(const struct chariot_pe *pe, uint32_t reducer) {
    static const char *const builtin[] = {"nop",         "sum",        "product",     "max",   "min",
                                          "logical_and", "logical_or", "logical_xor", "gather"};
    uint32_t added = reducer - CHARIOT_REDUCE_FIRST_USER;
    if (reducer <= CHARIOT_REDUCE_GATHER) return builtin[reducer];
    return reducer >= CHARIOT_REDUCE_FIRST_USER && added < pe->num_reducers ? pe->reducers[added]->name : "?";
}

/* ---------------------------------------------------------------- gather */

struct entry_head {
    uint64_t collection;
    uint64_t index[3];
    uint32_t ndims;
    uint32_t kind;
};

struct entry {
    uint64_t collection;
    struct chariot_index at;
    const void *data;
    size_t size;
};

static int entry_make(const struct chariot_ref *from, struct chariot_msg **value) {
    struct entry_head head = {
        from->collection, {from->index[0], from->index[1], from->index[2]}, from->ndims, from->kind};
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, &head, sizeof head);
    if ((*value)->size == 0)
        chariot_put_null(&writer);
    else
        chariot_put_encoded(&writer, rpc_msg_payload(*value), (*value)->size);
    rpc_msg_unref(*value);
    *value = NULL;
    return chariot_writer_finish(&writer, value);
}

static int concatenate(size_t count, struct chariot_msg *const *values, struct chariot_msg **out) {
    struct chariot_writer writer;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) size += values[i]->size + 16;
    chariot_writer_init_take(&writer, rpc_msg_new(size));
    for (size_t i = 0; i < count; i++) chariot_put_encoded(&writer, rpc_msg_payload(values[i]), values[i]->size);
    return chariot_writer_finish(&writer, out);
}

/* Collections in the order in which their PE made them, whatever their kinds; those of different PEs by PE. */
static int by_creation(uint64_t a, uint64_t b) {
    if (obj_id_pe(a) != obj_id_pe(b)) return obj_id_pe(a) < obj_id_pe(b) ? -1 : 1;
    return obj_id_count(a) < obj_id_count(b) ? -1 : 1;
}

static int by_index(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->collection != y->collection) return by_creation(x->collection, y->collection);
    for (uint32_t i = 0; i < x->at.ndims; i++) {
        if (x->at.at[i] != y->at.at[i]) return x->at.at[i] < y->at.at[i] ? -1 : 1;
    }
    return 0;
}

static int read_entry(struct chariot_reader *reader, struct entry *entry) {
    struct chariot_value bytes;
    struct entry_head head;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &bytes);
    if (rc != 0) return rc;
    if (bytes.bytes.size != sizeof head) return CHARIOT_EMALFORMED;
    memcpy(&head, bytes.bytes.data, sizeof head);
    if (head.ndims > CHARIOT_MAX_DIMS) return CHARIOT_EMALFORMED;
    struct chariot_ref ref = {.collection = head.collection,
                              .kind = (uint8_t)head.kind,
                              .ndims = (uint8_t)head.ndims,
                              .index = {head.index[0], head.index[1], head.index[2]}};
    entry->collection = head.collection;
    chariot_ref_index(&ref, &entry->at);
    return chariot_skip(reader, &entry->data, &entry->size);
}

static int read_entries(const struct chariot_msg *msg, struct entry **entries, size_t *count) {
    struct chariot_reader reader;
    size_t cap = 0;
    *entries = NULL;
    *count = 0;
    if (msg == NULL) return 0;
    chariot_reader_init(&reader, msg);
    while (!chariot_reader_done(&reader)) {
        if (*count == cap) {
            cap = cap == 0 ? 64 : 2 * cap;
            struct entry *more = realloc(*entries, cap * sizeof *more);
            if (more == NULL) return CHARIOT_ENOMEM;
            *entries = more;
        }
        int rc = read_entry(&reader, &(*entries)[*count]);
        if (rc != 0) return rc;
        ++*count;
    }
    return 0;
}

static int gather_post(struct chariot_msg **value) {
    struct entry *entries;
    size_t count;
    int rc = read_entries(*value, &entries, &count);
    if (rc == 0) {
        if (count > 1) qsort(entries, count, sizeof *entries, by_index);
        struct chariot_writer writer;
        chariot_writer_init_take(&writer, rpc_msg_new(*value == NULL ? 16 : (*value)->size));
        chariot_put_list(&writer, count);
        for (size_t i = 0; i < count; i++) chariot_put_encoded(&writer, entries[i].data, entries[i].size);
        struct chariot_msg *list = NULL;
        rc = chariot_writer_finish(&writer, &list);
        if (rc == 0) {
            rpc_msg_unref(*value);
            *value = list;
        }
    }
    free(entries);
    return rc;
}

/* ---------------------------------------------------------------- the three steps */

/* What user code made: one value, with a payload, since it travels on. */
static int checked(struct chariot_pe *pe, int rc, struct chariot_msg **value) {
    if (rc != 0) return rc;
    if (*value == NULL) return CHARIOT_EINVAL;
    obj_msg_mark(*value);
    return obj_msg_encode(pe, value);
}

int obj_reduce_pre(struct chariot_pe *pe, uint32_t reducer, const struct chariot_ref *contributor,
                   struct chariot_msg **value) {
    if (reducer == CHARIOT_REDUCE_GATHER) return entry_make(contributor, value);
    const struct chariot_reducer *own = of_program(pe, reducer);
    if (own == NULL || own->pre == NULL) return 0;
    OBJ_METER_ROW(pe, OBJ_ROW_REDUCER, RPC_TIMELINE_REDUCTION);
    rpc_turn_lend(&pe->node.turn);
    int rc = own->pre(pe, own, contributor, value);
    rpc_turn_take(&pe->node.turn);
    OBJ_METER_END(pe);
    return checked(pe, rc, value);
}

int obj_reduce_post(struct chariot_pe *pe, uint32_t reducer, struct chariot_msg **value) {
    if (*value != NULL && ((*value)->flags & OBJ_FLAG_ERROR) != 0) return 0;
    if (reducer == CHARIOT_REDUCE_GATHER) return gather_post(value);
    const struct chariot_reducer *own = of_program(pe, reducer);
    if (own == NULL || own->post == NULL || *value == NULL) return 0;
    OBJ_METER_ROW(pe, OBJ_ROW_REDUCER, RPC_TIMELINE_REDUCTION);
    rpc_turn_lend(&pe->node.turn);
    int rc = own->post(pe, own, value);
    rpc_turn_take(&pe->node.turn);
    OBJ_METER_END(pe);
    return checked(pe, rc, value);
}

static int combine_by_face(struct chariot_pe *pe, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                           struct chariot_msg **out) {
    const struct chariot_reducer *own = of_program(pe, reducer);
    if (own == NULL && pe->face.combine == NULL) return CHARIOT_ETYPE;
    struct chariot_msg *made = NULL;
    OBJ_METER_ROW(pe, own != NULL ? OBJ_ROW_REDUCER : OBJ_ROW_REDUCTION, RPC_TIMELINE_REDUCTION);
    rpc_turn_lend(&pe->node.turn);
    int rc = own != NULL ? own->combine(pe, own, count, values, &made)
                         : pe->face.combine(pe->face.ctx, reducer, count, values, &made);
    rpc_turn_take(&pe->node.turn);
    OBJ_METER_END(pe);
    rc = checked(pe, rc, &made);
    if (rc == 0)
        *out = made;
    else
        rpc_msg_unref(made);
    return rc;
}

static int combine_builtin(struct chariot_pe *pe, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                           struct chariot_msg **out) {
    OBJ_METER_ROW(pe, OBJ_ROW_REDUCTION, RPC_TIMELINE_REDUCTION);
    int rc = obj_reduce_builtin(reducer, count, values, out);
    OBJ_METER_END(pe);
    return rc;
}

int obj_reduce_combine(struct chariot_pe *pe, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                       struct chariot_msg **out) {
    if (reducer == CHARIOT_REDUCE_GATHER) return concatenate(count, values, out);
    for (size_t i = 0; i < count; i++) {
        if (values[i]->flags & OBJ_FLAG_ERROR) {
            *out = rpc_msg_ref(values[i]);
            return 0;
        }
    }
    int rc = reducer < CHARIOT_REDUCE_GATHER ? combine_builtin(pe, reducer, count, values, out) : 1;
    return rc == 1 ? combine_by_face(pe, reducer, count, values, out) : rc;
}
