#include "test/scenarios/wander.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lb/location.h"
#include "objects/section.h"
#include "rpc/sim_flight.h"
#include "test/scenarios/world.h"

enum { MAX_WATCHED = 16, MAX_TYPES = 8 };

struct movable {
    struct chariot_type type; /* first: what it is called with */
    const struct chariot_type *was;
    struct chariot_method *methods; /* the same, whose calls are watched; owned */
    struct wander *wander;
};

struct watched {
    uint64_t coll, index[3];
};

struct wander {
    struct world *world;
    struct rpc_random random;
    uint64_t left, moves;
    struct movable types[MAX_TYPES];
    uint32_t num_types;
    struct obj_map packed; /* object: struct movable, whose object has left, and is about to be destroyed there */
    struct obj_map on_way; /* the same, until it is unpacked */
    struct watched watched[MAX_WATCHED]; /* the last ones that were moved */
    uint32_t num_watched, next_watched;
    const char *fault;
};

static uint64_t moves_of_worlds;

void wander_begin(uint64_t moves) {
    moves_of_worlds = moves;
}

void wander_end(void) {
    moves_of_worlds = 0;
}

static uint64_t moves_asked_for(void) {
    const char *asked = getenv("CHARIOT_WANDER");
    return asked != NULL ? strtoull(asked, NULL, 10) : moves_of_worlds;
}

bool wander_is_on(void) {
    return moves_asked_for() > 0;
}

struct wander *wander_new(struct world *world, uint64_t seed) {
    if (!wander_is_on() || world->num_pes < 2) return NULL;
    struct wander *wander = calloc(1, sizeof *wander);
    assert(wander != NULL);
    wander->world = world;
    wander->left = moves_asked_for();
    rpc_random_init(&wander->random, seed ^ 0x5eed);
    return wander;
}

static uint64_t draw(struct wander *wander, uint64_t below) {
    return rpc_random_draw(&wander->random) % below;
}

static void found(struct wander *wander, const char *fault) {
    if (wander->fault == NULL) wander->fault = fault;
}

/* ---------------------------------------------------------------- objects change hands */

static struct obj_key key_of(const void *object) {
    return obj_key1((uint64_t)(uintptr_t)object);
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    struct movable *movable = (struct movable *)(uintptr_t)type;
    struct wander *wander = movable->wander;
    if (object != NULL) {
        if (obj_map_get(&wander->on_way, key_of(object)) != NULL) found(wander, "an element leaves two PEs at once");
        int rc = obj_map_add(&wander->packed, key_of(object), movable);
        rc |= obj_map_add(&wander->on_way, key_of(object), movable);
        assert(rc == 0);
    }
    return chariot_put_bytes(writer, &object, sizeof object);
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct wander *wander = ((const struct movable *)type)->wander;
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &value);
    if (rc != 0 || value.bytes.size != sizeof *object) return CHARIOT_EMALFORMED;
    memcpy(object, value.bytes.data, sizeof *object);
    wander->moves++;
    if (*object == NULL || obj_map_remove(&wander->on_way, key_of(*object)) != NULL) return 0;
    found(wander, "an element arrives twice");
    return CHARIOT_EMALFORMED;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    const struct movable *movable = (const struct movable *)type;
    if (obj_map_remove(&movable->wander->packed, key_of(object)) != NULL) return;
    if (movable->was->destroy != NULL) movable->was->destroy(pe, type, object);
}

static int reach(struct chariot_call *call) {
    const struct movable *movable = (const struct movable *)call->pe->types[call->elem->own.coll->type];
    const char *fault = wander_fault_of_call(call);
    if (fault != NULL) found(movable->wander, fault);
    return movable->was->methods[call->method].invoke(call);
}

const struct chariot_type *wander_type(struct wander *wander, const struct chariot_type *type) {
    assert(wander->num_types < MAX_TYPES);
    struct movable *movable = &wander->types[wander->num_types++];
    struct chariot_method *methods = calloc(type->num_methods + 1, sizeof *methods);
    assert(methods != NULL);
    for (uint32_t i = 0; i < type->num_methods; i++) {
        methods[i] = type->methods[i];
        methods[i].invoke = reach;
    }
    *movable = (struct movable){*type, type, methods, wander};
    movable->type.methods = methods;
    movable->type.destroy = destroy;
    movable->type.pack = pack;
    movable->type.unpack = unpack;
    return &movable->type;
}

void wander_free(struct wander *wander) {
    struct obj_map_slot slot;
    if (wander == NULL) return;
    for (size_t cursor = 0; obj_map_next(&wander->on_way, &cursor, &slot);) { /* the world ended first */
        const struct movable *movable = slot.value;
        void *object = (void *)(uintptr_t)slot.key.word[0];
        if (movable->was->destroy != NULL) movable->was->destroy(NULL, &movable->type, object);
    }
    for (uint32_t i = 0; i < wander->num_types; i++) free(wander->types[i].methods);
    obj_map_deinit(&wander->packed);
    obj_map_deinit(&wander->on_way);
    free(wander);
}

/* ---------------------------------------------------------------- moving */

/* An array that this PE knows; NULL: none was found. */
static const struct obj_coll *any_array(struct wander *wander, const struct chariot_pe *pe) {
    struct obj_map_slot slot;
    const struct obj_coll *array = NULL;
    uint64_t count = 0;
    for (size_t cursor = 0; obj_map_next(&pe->collections, &cursor, &slot);) {
        const struct obj_coll *coll = slot.value;
        if (coll->kind == CHARIOT_ARRAY_OF && coll->num_members > 0 && draw(wander, ++count) == 0) array = coll;
    }
    return array;
}

static void watch(struct wander *wander, const struct chariot_elem *elem) {
    struct watched *watched = &wander->watched[wander->next_watched++ % MAX_WATCHED];
    if (wander->num_watched < MAX_WATCHED) wander->num_watched++;
    watched->coll = elem->own.coll->id;
    memcpy(watched->index, elem->index, sizeof watched->index);
}

static void move_one(struct wander *wander) {
    uint32_t at = (uint32_t)draw(wander, wander->world->num_pes);
    struct chariot_pe *pe = &wander->world->pes[at];
    const struct obj_coll *array = pe->ending ? NULL : any_array(wander, pe);
    if (array == NULL) return;
    struct chariot_elem *elem = array->members[draw(wander, array->num_members)]->elem;
    if (elem->constructing || chariot_migrate(pe, elem, (uint32_t)draw(wander, wander->world->num_pes)) != 0) return;
    wander->left--;
    watch(wander, elem);
    world_wake(wander->world, at);
}

void wander_step(struct wander *wander) {
    for (uint32_t i = 0; i < wander->num_watched; i++) {
        const char *fault = wander_fault_of(wander->world, wander->watched[i].coll, wander->watched[i].index);
        if (fault != NULL) found(wander, fault);
    }
    for (uint64_t tries = draw(wander, 4); tries > 0 && wander->left > 0; tries--) move_one(wander);
}

void wander_go_on(struct wander *wander, uint64_t moves) {
    if (wander != NULL) wander->left += moves;
}

uint64_t wander_moves(const struct wander *wander) {
    return wander == NULL ? 0 : wander->moves;
}

const char *wander_fault(const struct wander *wander) {
    return wander == NULL ? NULL : wander->fault;
}

/* ---------------------------------------------------------------- where elements live */

static bool is_anchored(const struct world *world, const struct chariot_elem *elem, const struct obj_seat *seat) {
    const struct chariot_pe *anchor = &world->pes[seat->anchor];
    const struct obj_coll *section = obj_coll_get(anchor, seat->section);
    if (anchor->ending) return true;
    if (section == NULL || seat->place >= section->num_members) return false;
    const struct obj_member *member = section->members[seat->place];
    return member != NULL && member->absent != NULL && member->absent->of == elem->own.coll->id &&
           memcmp(member->absent->index, elem->index, sizeof elem->index) == 0 &&
           member->reductions <= seat->reductions;
}

const char *wander_fault_of(const struct world *world, uint64_t coll, const uint64_t index[3]) {
    uint32_t owners = 0;
    for (uint32_t pe = 0; pe < world->num_pes; pe++) {
        const struct chariot_elem *elem = obj_elem_find(&world->pes[pe], coll, index);
        if (elem == NULL) continue;
        owners++;
        for (const struct obj_seat *seat = elem->seats; seat != NULL; seat = seat->next) {
            if (!is_anchored(world, elem, seat)) return "an element has a seat in a section that its anchor denies";
        }
    }
    return owners > 1 ? "an element lives on several PEs" : NULL;
}

const char *wander_fault_of_call(const struct chariot_call *call) {
    const struct obj_move *move = call->elem->move;
    bool may = !obj_move_is_wanted(move) || (move->roams && obj_move_came_along(move, call->args));
    return may ? NULL : "an element was reached where it was about to leave";
}

struct look {
    const struct world *world;
    const struct chariot_pe *pe;
    const char *fault;
};

static void look_at_way(void *value, void *ctx) {
    const struct lb_way *way = value;
    struct look *look = ctx;
    if (way->holds || way->held.head != NULL || way->news != NULL) look->fault = "a way holds messages for ever";
    if (way->kind == LB_LEFT) look->fault = "a PE is still asked about what has left it";
    if (way->kind == LB_HOME && obj_elem_find(&look->world->pes[way->to], way->coll, way->index) == NULL)
        look->fault = "a home is wrong about where an element lives";
}

static void look_at_elem(struct look *look, const struct obj_coll *coll, const struct chariot_elem *elem) {
    const struct obj_move *move = elem->move;
    struct chariot_pe *pe = (struct chariot_pe *)(uintptr_t)look->pe;
    uint32_t home = obj_location_home(pe, coll, elem->index);
    bool holds = move != NULL && (move->held.head != NULL || move->along.head != NULL || move->num_late > 0);
    if (holds || (move != NULL && move->waits != 0)) look->fault = "an element never settled";
    const char *fault = wander_fault_of(look->world, coll->id, elem->index);
    if (fault != NULL) look->fault = fault;
    const struct lb_way *way = lb_way_get(obj_coll_get(&look->world->pes[home], coll->id), elem->index);
    if (home == pe->node.pe ? way != NULL : way == NULL || way->to != pe->node.pe)
        look->fault = "a home does not know where an element lives";
}

static void look_at_coll(void *value, void *ctx) {
    struct obj_coll *coll = value;
    struct look *look = ctx;
    if (coll->kind == CHARIOT_GROUP) return;
    if (coll->away != NULL || coll->num_passing > 0) look->fault = "a PE waits for one that has left";
    obj_map_each(&coll->located, look_at_way, look);
    for (size_t i = 0; i < coll->num_members; i++) {
        const struct obj_member *member = coll->members[i];
        if (coll->kind == CHARIOT_ARRAY_OF) look_at_elem(look, coll, member->elem);
        if (member != NULL && member->absent != NULL && member->absent->early.head != NULL)
            look->fault = "an anchor lacks a contribution";
    }
}

const char *wander_fault_at_rest(const struct world *world) {
    struct look look = {.world = world};
    for (uint32_t pe = 0; pe < world->num_pes && look.fault == NULL; pe++) {
        look.pe = &world->pes[pe];
        if (!look.pe->ending) obj_map_each(&look.pe->collections, look_at_coll, &look);
    }
    return look.fault;
}
