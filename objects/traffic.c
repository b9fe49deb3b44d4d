/* Who sent how much to whom: see traffic.h. Edges stand in the order in which they came to be. */
#include "objects/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "objects/map.h"

enum { ROOM_AT_FIRST = 64 };

static uint64_t hash_of(const struct obj_name *from, const struct obj_name *to) {
    uint64_t a = obj_key_hash(obj_key3(from->index)) + from->coll;
    uint64_t b = obj_key_hash(obj_key3(to->index)) + to->coll;
    return obj_key_mix(obj_key_mix(a) + b);
}

static bool is_same(const struct obj_name *a, const struct obj_name *b) {
    return a->coll == b->coll && memcmp(a->index, b->index, sizeof a->index) == 0;
}

/* Where the edge's number stands, or is to stand. */
static uint32_t *place_of(const struct obj_traffic *traffic, const struct obj_name *from, const struct obj_name *to) {
    size_t mask = 2 * traffic->room - 1;
    for (size_t at = hash_of(from, to) & mask;; at = (at + 1) & mask) {
        uint32_t *place = &traffic->places[at];
        if (*place == 0) return place;
        const struct obj_edge *edge = &traffic->edges[*place - 1];
        if (is_same(&edge->from, from) && is_same(&edge->to, to)) return place;
    }
}

static bool grow(struct obj_traffic *traffic) {
    size_t room = traffic->room == 0 ? ROOM_AT_FIRST : 2 * traffic->room;
    if (room > OBJ_TRAFFIC_MAX_EDGES) return false;
    struct obj_edge *edges = realloc(traffic->edges, room * sizeof *edges);
    if (edges == NULL) return false;
    traffic->edges = edges;
    uint32_t *places = calloc(2 * room, sizeof *places);
    if (places == NULL) return false;
    free(traffic->places);
    traffic->places = places;
    traffic->room = room;
    for (uint32_t i = 0; i < traffic->count; i++) *place_of(traffic, &edges[i].from, &edges[i].to) = i + 1;
    return true;
}

static struct obj_edge *edge_of(struct obj_traffic *traffic, const struct obj_name *from, const struct obj_name *to) {
    uint32_t *place = traffic->room == 0 ? NULL : place_of(traffic, from, to);
    if (place != NULL && *place != 0) return &traffic->edges[*place - 1];
    if (traffic->count == traffic->room) {
        if (!grow(traffic)) return NULL;
        place = place_of(traffic, from, to);
    }
    struct obj_edge *edge = &traffic->edges[traffic->count++];
    *edge = (struct obj_edge){.from = *from, .to = *to};
    *place = (uint32_t)traffic->count;
    return edge;
}

void obj_traffic_add(struct obj_traffic *traffic, const struct obj_name *from, const struct obj_name *to,
                     uint64_t bytes) {
    struct obj_edge *edge = edge_of(traffic, from, to);
    if (edge == NULL) {
        traffic->lost++;
        return;
    }
    edge->messages++;
    edge->bytes += bytes;
}

void obj_traffic_clear(struct obj_traffic *traffic) {
    if (traffic->places != NULL) memset(traffic->places, 0, 2 * traffic->room * sizeof *traffic->places);
    traffic->count = 0;
    traffic->lost = 0;
}

void obj_traffic_deinit(struct obj_traffic *traffic) {
    free(traffic->edges);
    free(traffic->places);
    *traffic = (struct obj_traffic){0};
}
