#include "objects/map.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/error.h"

enum { MIN_SLOTS = 8 };

static const struct obj_map_slot *seek(const struct obj_map *map, const struct obj_key *key,
                                       const struct obj_map_slot *slot) {
    while (slot->value != NULL && !obj_key_same(&slot->key, key))
        slot = slot == &map->slots[map->mask] ? map->slots : slot + 1;
    return slot;
}

/* The slot of key, or the free one where it would go. */
static struct obj_map_slot *probe(const struct obj_map *map, const struct obj_key *key) {
    return map->slots + (seek(map, key, &map->slots[obj_key_hash(*key) & map->mask]) - map->slots);
}

void *obj_map_get_on(const struct obj_map *map, const struct obj_key *key, const struct obj_map_slot *slot) {
    return seek(map, key, slot)->value;
}

static int grow(struct obj_map *map) {
    size_t slots = map->mask == 0 ? MIN_SLOTS : 2 * (map->mask + 1);
    struct obj_map bigger = {.slots = calloc(slots, sizeof *bigger.slots), .count = map->count, .mask = slots - 1};
    if (bigger.slots == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; map->mask != 0 && i <= map->mask; i++) {
        if (map->slots[i].value != NULL) *probe(&bigger, &map->slots[i].key) = map->slots[i];
    }
    free(map->slots);
    *map = bigger;
    return 0;
}

int obj_map_add(struct obj_map *map, struct obj_key key, void *value) {
    assert(value != NULL);
    if (map->mask == 0 || 4 * (map->count + 1) > 3 * (map->mask + 1)) {
        int rc = grow(map);
        if (rc != 0) return rc;
    }
    struct obj_map_slot *slot = probe(map, &key);
    assert(slot->value == NULL);
    *slot = (struct obj_map_slot){key, value};
    map->count++;
    return 0;
}

void *obj_map_remove(struct obj_map *map, struct obj_key key) {
    if (map->mask == 0) return NULL;
    size_t hole = (size_t)(probe(map, &key) - map->slots);
    void *value = map->slots[hole].value;
    if (value == NULL) return NULL;
    for (size_t at = (hole + 1) & map->mask; map->slots[at].value != NULL; at = (at + 1) & map->mask) {
        size_t wanted = obj_key_hash(map->slots[at].key) & map->mask;
        if (((at - wanted) & map->mask) >= ((at - hole) & map->mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}

bool obj_map_next(const struct obj_map *map, size_t *cursor, struct obj_map_slot *out) {
    for (size_t end = map->mask == 0 ? 0 : map->mask + 1; *cursor < end;) {
        *out = map->slots[(*cursor)++];
        if (out->value != NULL) return true;
    }
    return false;
}

void obj_map_each(const struct obj_map *map, void (*fn)(void *value, void *ctx), void *ctx) {
    for (size_t i = 0; map->mask != 0 && i <= map->mask; i++) {
        if (map->slots[i].value != NULL) fn(map->slots[i].value, ctx);
    }
}

void obj_map_deinit(struct obj_map *map) {
    free(map->slots);
    *map = (struct obj_map){0};
}
