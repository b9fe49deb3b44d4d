/* objects/map.h: a hash table from three words to a pointer: collections, elements, futures, reductions.
 *
 * Open addressing, linear probing, deletion by shifting back: no tombstones, so look-ups stay short. A value is never
 * NULL. Pointers to values stay good; the table owns nothing. */
#ifndef CHARIOT_OBJECTS_MAP_H
#define CHARIOT_OBJECTS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct obj_key {
    uint64_t word[3];
};

struct obj_map_slot {
    struct obj_key key;
    void *value;
};

struct obj_map {
    struct obj_map_slot *slots;
    size_t count;
    size_t mask; /* slots - 1; 0: none allocated */
};

static inline struct obj_key obj_key1(uint64_t a) {
    return (struct obj_key){{a, 0, 0}};
}
static inline struct obj_key obj_key2(uint64_t a, uint64_t b) {
    return (struct obj_key){{a, b, 0}};
}
static inline struct obj_key obj_key3(const uint64_t words[3]) {
    return (struct obj_key){{words[0], words[1], words[2]}};
}

/* splitmix64's finaliser (Steele, Lea, Flood 2014). */
static inline uint64_t obj_key_mix(uint64_t x) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
static inline uint64_t obj_key_hash(struct obj_key key) {
    uint64_t hash = obj_key_mix(key.word[0] + 0x9e3779b97f4a7c15u);
    if ((key.word[1] | key.word[2]) == 0) return hash;
    return obj_key_mix(hash ^ obj_key_mix(key.word[1] + 1) ^ (obj_key_mix(key.word[2] + 2) << 1));
}
static inline bool obj_key_same(const struct obj_key *a, const struct obj_key *b) {
    return ((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2])) == 0;
}

/* Where the first place is not key's. */
void *obj_map_get_on(const struct obj_map *map, const struct obj_key *key, const struct obj_map_slot *slot);
/* NULL: not there. Inline: several for each message. */
static inline void *obj_map_get(const struct obj_map *map, struct obj_key key) {
    if (map->mask == 0) return NULL;
    const struct obj_map_slot *slot = &map->slots[obj_key_hash(key) & map->mask];
    if (slot->value == NULL || obj_key_same(&slot->key, &key)) return slot->value;
    return obj_map_get_on(map, &key, slot);
}
/* The key must not be there. CHARIOT_ENOMEM. */
int obj_map_add(struct obj_map *map, struct obj_key key, void *value);
/* Gives the value, or NULL. */
void *obj_map_remove(struct obj_map *map, struct obj_key key);
/* Calls fn for each value, in no order; fn may not change the map. */
void obj_map_each(const struct obj_map *map, void (*fn)(void *value, void *ctx), void *ctx);
/* Walks the map in no order: *cursor is 0 at first; false: that was all. Begin again after a change. */
bool obj_map_next(const struct obj_map *map, size_t *cursor, struct obj_map_slot *out);
/* Frees the table, not the values. */
void obj_map_deinit(struct obj_map *map);

#endif
