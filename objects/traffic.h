/* objects/traffic.h: what elements of this PE sent to others in a phase of load (load.h): a table from pairs of
 * elements to messages and bytes. Counted are calls of one element and data in channels, where code of an element sends
 * them; broadcasts, values of futures and contributions have no one receiver. */
#ifndef CHARIOT_OBJECTS_TRAFFIC_H
#define CHARIOT_OBJECTS_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

/* An element of whatever PE, as refs name it. */
struct obj_name {
    uint64_t coll, index[3];
};

struct obj_edge {
    struct obj_name from, to;
    uint64_t messages, bytes;
};

enum { OBJ_TRAFFIC_MAX_EDGES = 1 << 18 };

struct obj_traffic {
    struct obj_edge *edges; /* owned */
    uint32_t *places;       /* owned: a hash table of 2 * room numbers of edges, each and one; 0: none */
    size_t count, room;     /* room: a power of two, or 0 */
    uint64_t lost;          /* messages that are not in it: there were too many pairs, or there was no memory */
};

void obj_traffic_add(struct obj_traffic *traffic, const struct obj_name *from, const struct obj_name *to,
                     uint64_t bytes);
void obj_traffic_clear(struct obj_traffic *traffic);
void obj_traffic_deinit(struct obj_traffic *traffic);

#endif
