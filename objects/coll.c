/* Collections and their elements as this PE knows them. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/balance.h"
#include "objects/location.h"
#include "objects/meter.h"
#include "objects/move.h"
#include "objects/pe.h"
#include "objects/section.h"

struct obj_coll *obj_coll_get(const struct chariot_pe *pe, uint64_t id) {
    return obj_map_get(&pe->collections, obj_key1(id));
}

static struct obj_coll *coll_new(uint64_t id, uint32_t type, uint8_t kind, uint8_t ndims) {
    struct obj_coll *coll = calloc(1, sizeof *coll);
    if (coll == NULL) return NULL;
    coll->id = id;
    coll->type = type;
    coll->kind = kind;
    coll->ndims = ndims;
    coll->root = obj_id_pe(id);
    return coll;
}

/* Single chares come to be on one PE alone, so they count apart. */
static struct obj_key creator_of(uint64_t id) {
    return obj_key2(obj_id_pe(id), obj_kind_is_single(obj_id_kind(id)) ? 1 : 0);
}

/* Partial collections come to be in no order that all PEs see. */
static int note_newest(struct chariot_pe *pe, uint64_t id) {
    if (obj_id_is_partial(id)) return 0;
    obj_map_remove(&pe->newest, creator_of(id));
    return obj_map_add(&pe->newest, creator_of(id), (void *)(uintptr_t)(obj_id_number(id) + 1));
}

struct obj_coll *obj_coll_add(struct chariot_pe *pe, uint64_t id, uint32_t type, uint8_t kind, uint8_t ndims) {
    struct obj_coll *coll = coll_new(id, type, kind, ndims);
    if (coll == NULL || note_newest(pe, id) != 0 || obj_map_add(&pe->collections, obj_key1(id), coll) != 0) {
        free(coll);
        return NULL;
    }
    return coll;
}

bool obj_coll_is_gone(const struct chariot_pe *pe, uint64_t id) {
    uint32_t kind = obj_id_kind(id);
    if (id & OBJ_ID_EARLY && obj_id_is_partial(id)) return obj_map_get(&pe->graves, obj_key1(id)) != NULL;
    if (obj_id_is_partial(id)) return obj_coll_get(pe, id) == NULL; /* its PEs knew it before its ref was handed out */
    if (kind != CHARIOT_GROUP && kind != CHARIOT_ARRAY_OF && kind != CHARIOT_SINGLE) return false;
    const struct obj_map *living = kind == CHARIOT_SINGLE ? &pe->singles : &pe->collections;
    uintptr_t end = (uintptr_t)obj_map_get(&pe->newest, creator_of(id));
    return obj_id_number(id) < end && obj_map_get(living, obj_key1(id)) == NULL;
}

static void fail_waiting(void *value, void *ctx) {
    struct chariot_pe *pe = ctx;
    struct obj_waiting *waiting = value;
    obj_undeliverable_all(pe, &waiting->queue);
    obj_waiting_free(waiting);
}

void obj_elem_destroy_object(struct chariot_pe *pe, struct chariot_elem *elem) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    void *object = elem->object;
    obj_channel_elem_gone(pe, elem); /* first: the object may hold the last handles of its channels */
    elem->object = NULL;
    pe->destroyed = true;
    if (object == NULL || type->destroy == NULL) return;
    rpc_turn_lend(&pe->node.turn);
    type->destroy(pe, type, object);
    rpc_turn_take(&pe->node.turn);
}

void obj_elem_free(struct chariot_pe *pe, struct chariot_elem *elem) {
    OBJ_METER(pe, obj_meter_forget(pe, elem));
    obj_channel_elem_gone(pe, elem);
    obj_section_leave_all(pe, elem);
    bool in_step = elem->synced || (elem->move != NULL && elem->move->in_step);
    if (in_step && !pe->ending) obj_balance_ops.on_gone(pe, elem);
    obj_move_free(pe, elem->move);
    while (elem->constructed != NULL) {
        struct obj_reply_wait *wait = elem->constructed;
        elem->constructed = wait->next;
        free(wait);
    }
    pe->num_elems--;
    free(elem);
}

void obj_elem_destroy_single(struct chariot_pe *pe, struct chariot_elem *elem) {
    obj_map_remove(&pe->singles, obj_key1(elem->index[1]));
    obj_elem_destroy_object(pe, elem);
    obj_elem_constructed(pe, elem); /* nobody waits for ever */
    obj_elem_free(pe, elem);
}

void obj_coll_destroy_objects(struct chariot_pe *pe, struct obj_coll *coll) {
    if (coll->kind == CHARIOT_SECTION) return;
    for (size_t i = 0; i < coll->num_members; i++) {
        if (coll->members[i] != NULL) obj_elem_destroy_object(pe, coll->members[i]->elem);
    }
}

static void free_elems(struct chariot_pe *pe, struct obj_coll *coll) {
    obj_coll_destroy_objects(pe, coll);
    for (size_t i = 0; i < coll->num_members; i++) {
        if (coll->members[i] == NULL) continue;
        struct chariot_elem *elem = coll->members[i]->elem;
        if (!pe->ending) obj_elem_constructed(pe, elem); /* nobody waits for ever */
        obj_elem_free(pe, elem);
    }
}

void obj_coll_free(struct chariot_pe *pe, struct obj_coll *coll) {
    if (coll->section != NULL)
        obj_section_free(coll);
    else
        free_elems(pe, coll);
    free(coll->members);
    obj_map_deinit(&coll->chosen_by);
    obj_map_deinit(&coll->by_index);
    obj_map_each(&coll->waiting, fail_waiting, pe);
    obj_map_deinit(&coll->waiting);
    pe->location->on_gone(pe, coll);
    obj_map_deinit(&coll->located);
    obj_map_deinit(&coll->arriving);
    obj_away_free(coll);
    rpc_msg_queue_clear(&coll->kept);
    rpc_msg_queue_clear(&coll->held);
    free(coll);
}

/* ---------------------------------------------------------------- elements */

struct chariot_elem *obj_elem_find(struct chariot_pe *pe, uint64_t id, const uint64_t index[3]) {
    if (obj_kind_is_single(obj_id_kind(id))) return obj_map_get(&pe->singles, obj_key1(id));
    struct obj_coll *coll = obj_coll_get(pe, id);
    return coll == NULL ? NULL : obj_map_get(&coll->by_index, obj_key3(index));
}

/* The record that single chares of one type share on this PE; the elements themselves are in pe->singles. */
struct obj_coll *obj_coll_single(struct chariot_pe *pe, uint32_t type) {
    if (pe->single_of_type[type] == NULL) {
        pe->single_of_type[type] = coll_new(0, type, CHARIOT_SINGLE, 1);
        if (pe->single_of_type[type] != NULL) pe->single_of_type[type]->root = pe->node.pe;
    }
    return pe->single_of_type[type];
}

int obj_member_add(struct obj_coll *coll, struct obj_member *member) {
    if (coll->num_members == coll->cap_members) {
        size_t cap = coll->cap_members == 0 ? 1 : 2 * coll->cap_members;
        struct obj_member **members = realloc(coll->members, cap * sizeof(struct obj_member *));
        if (members == NULL) return CHARIOT_ENOMEM;
        coll->members = members;
        coll->cap_members = cap;
    }
    member->coll = coll;
    member->place = (uint32_t)coll->num_members;
    coll->members[coll->num_members++] = member;
    coll->num_living++;
    return 0;
}

struct obj_member *obj_member_of(struct chariot_elem *elem, uint64_t id) {
    if (id != 0 && elem->own.coll->id == id) return &elem->own;
    struct obj_member *member = elem->sections;
    while (member != NULL && member->coll->id != id) member = member->next;
    return member;
}

static int place(struct obj_coll *coll, struct chariot_elem *elem) {
    int rc = obj_map_add(&coll->by_index, obj_key3(elem->index), elem);
    if (rc != 0) return rc;
    rc = obj_member_add(coll, &elem->own);
    if (rc != 0) obj_map_remove(&coll->by_index, obj_key3(elem->index));
    return rc;
}

struct chariot_elem *obj_elem_new(struct chariot_pe *pe, struct obj_coll *coll, uint64_t id, const uint64_t index[3]) {
    struct chariot_elem *elem = calloc(1, sizeof *elem);
    if (elem == NULL) return NULL;
    elem->own.coll = coll;
    elem->own.elem = elem;
    memcpy(elem->index, index, sizeof elem->index);
    elem->constructing = true;
    int rc;
    if (coll->id == 0) {
        elem->index[1] = id; /* a single chare: index is (0,), its id, and where it was placed */
        rc = note_newest(pe, id);
        if (rc == 0) rc = obj_map_add(&pe->singles, obj_key1(id), elem);
    } else {
        rc = place(coll, elem);
    }
    if (rc == 0) {
        pe->num_elems++;
        return elem;
    }
    free(elem);
    return NULL;
}

void obj_elem_remove(struct chariot_pe *pe, struct chariot_elem *elem) {
    struct obj_coll *coll = elem->own.coll;
    struct obj_member *last = coll->members[--coll->num_members];
    obj_map_remove(&coll->by_index, obj_key3(elem->index));
    coll->members[elem->own.place] = last;
    last->place = elem->own.place;
    coll->num_living--;
    elem->object = NULL;
    obj_elem_free(pe, elem);
}

void obj_elem_create(struct chariot_pe *pe, struct obj_coll *coll, uint64_t id, const uint64_t index[3], uint64_t seen,
                     bool at_sync, struct chariot_msg *args) {
    struct chariot_elem *elem = obj_elem_new(pe, coll, id, index);
    if (elem == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    elem->own.broadcasts = seen;
    elem->at_sync = at_sync || coll->at_sync;
    const struct chariot_type *type = pe->types[coll->type];
    OBJ_METER(pe, obj_meter_note_create(pe, elem, args));
    *pe->runs = RPC_NOW_METHOD(coll->type, OBJ_METHOD_CONSTRUCTOR);
    rpc_turn_lend(&pe->node.turn);
    int rc = type->create(pe, type, elem, args, &elem->object);
    rpc_turn_take(&pe->node.turn);
    *pe->runs = 0;
    OBJ_METER_END(pe);
    if (rc < 0 && !pe->ending) {
        char line[256];
        snprintf(line, sizeof line, "chariot: PE %u: constructor of %s failed: %s\n", pe->node.pe, type->name,
                 chariot_error_text(rc));
        obj_end_abort(pe, 1, line);
    }
    if (rc == 0) elem->constructing = false;
    if (coll->id != 0) {
        obj_wait_release(pe, &coll->waiting, obj_key3(elem->index));
        obj_broadcast_catch_up(pe, elem);
    }
}

void obj_elem_constructed(struct chariot_pe *pe, struct chariot_elem *elem) {
    elem->constructing = false;
    while (elem->constructed != NULL) {
        struct obj_reply_wait *wait = elem->constructed;
        elem->constructed = wait->next;
        obj_reply_take(pe, &wait->reply, NULL);
        free(wait);
    }
}

void chariot_constructed(struct chariot_pe *pe, struct chariot_elem *elem) {
    OBJ_API(pe);
    obj_elem_constructed(pe, elem);
}

void obj_elem_ref(const struct chariot_elem *elem, struct chariot_ref *out) {
    const struct obj_coll *coll = elem->own.coll;
    bool single = coll->id == 0;
    *out = (struct chariot_ref){
        .collection = single ? elem->index[1] : coll->id,
        .index = {elem->index[0], single ? 0 : elem->index[1], elem->index[2]},
        .type = coll->type,
        .kind = single ? (uint8_t)obj_id_kind(elem->index[1]) : coll->kind,
        .ndims = coll->ndims,
    };
}

void chariot_elem_ref(const struct chariot_elem *elem, struct chariot_ref *out) {
    obj_elem_ref(elem, out);
}

bool chariot_is_leaving(const struct chariot_elem *elem) {
    return obj_move_is_wanted(elem->move);
}

void chariot_set_migratable(struct chariot_elem *elem, bool migratable) {
    elem->stays = !migratable;
}

bool chariot_is_migratable(const struct chariot_elem *elem) {
    return !elem->stays;
}

void *chariot_elem_object(const struct chariot_elem *elem) {
    return elem->object;
}

struct chariot_elem *chariot_elem_local(struct chariot_pe *pe, const struct chariot_ref *ref) {
    OBJ_API(pe);
    return obj_elem_find(pe, ref->collection, ref->index);
}

struct visit {
    void (*fn)(struct chariot_elem *elem, void *ctx);
    void *ctx;
};

static void visit_elem(void *value, void *ctx) {
    struct visit *visit = ctx;
    visit->fn(value, visit->ctx);
}

static void visit_coll(void *value, void *ctx) {
    const struct obj_coll *coll = value;
    for (size_t i = 0; coll->kind != CHARIOT_SECTION && i < coll->num_members; i++) {
        if (coll->members[i] != NULL) visit_elem(coll->members[i]->elem, ctx);
    }
}

void obj_elem_each(struct chariot_pe *pe, void (*fn)(struct chariot_elem *elem, void *ctx), void *ctx) {
    struct visit visit = {fn, ctx};
    obj_map_each(&pe->singles, visit_elem, &visit);
    obj_map_each(&pe->collections, visit_coll, &visit);
}

void chariot_elem_each(struct chariot_pe *pe, void (*fn)(struct chariot_elem *elem, void *ctx), void *ctx) {
    obj_elem_each(pe, fn, ctx);
}
