#include "objects/map.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/error.h"

enum { MIN_SLOTS = 8 };

/* splitmix64's finaliser (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t obj_key_hash(struct obj_key key) {
    uint64_t hash = mix(key.word[0] + 0x9e3779b97f4a7c15u);
    if ((key.word[1] | key.word[2]) != 0) hash = mix(hash ^ mix(key.word[1] + 1) ^ (mix(key.word[2] + 2) << 1));
    return hash;
}

static bool same(struct obj_key a, struct obj_key b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1] && a.word[2] == b.word[2];
}

/* The slot of key, or the free one where it would go. */
static size_t probe(const struct obj_map *map, struct obj_key key) {
    size_t at = obj_key_hash(key) & map->mask;
    while (map->slots[at].value != NULL && !same(map->slots[at].key, key)) at = (at + 1) & map->mask;
    return at;
}

void *obj_map_get(const struct obj_map *map, struct obj_key key) {
    return map->mask == 0 ? NULL : map->slots[probe(map, key)].value;
}

static int grow(struct obj_map *map) {
    size_t slots = map->mask == 0 ? MIN_SLOTS : 2 * (map->mask + 1);
    struct obj_map bigger = {.slots = calloc(slots, sizeof *bigger.slots), .count = map->count, .mask = slots - 1};
    if (bigger.slots == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; map->mask != 0 && i <= map->mask; i++) {
        if (map->slots[i].value != NULL) bigger.slots[probe(&bigger, map->slots[i].key)] = map->slots[i];
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
    size_t at = probe(map, key);
    assert(map->slots[at].value == NULL);
    map->slots[at] = (struct obj_map_slot){key, value};
    map->count++;
    return 0;
}

void *obj_map_remove(struct obj_map *map, struct obj_key key) {
    if (map->mask == 0) return NULL;
    size_t hole = probe(map, key);
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
