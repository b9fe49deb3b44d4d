/* objects/pool.h: the pool: work that whichever PE is free does next.
 *
 * Work comes in bags. A bag belongs to the PE that opened it (its id says which) and holds items, each one value, and
 * definitions, which a PE gets once, before its first item. PE 0 schedules: it keeps what nobody does yet, and gives it
 * to the PEs; every PE, PE 0 too, has a desk with what it was given, and does it item by item.
 *
 *   owner --DEFINE, PUT, CLOSE--> PE 0 --KNOW, WORK, FORGET--> desk --DONE--> PE 0
 *   owner <--------------------------ANSWER-------------------- desk
 *
 * On demand: a PE is given more when it reports, and as much as is likely to take AHEAD_NS: one item of a bag that is
 * new or whose items take long, many where they are tiny. What was given to a PE that then does not report for
 * OVERDUE_NS, while another is idle, is asked back (RECALL, BACK), so that nobody's work waits behind a long item.
 *
 * All but ANSWER and TURN is handled as it arrives, ahead of the run queue and also by the stand-in: work is given out
 * while a method of PE 0 computes. So nothing here touches a face, but desk_turn(). */
#ifndef CHARIOT_OBJECTS_POOL_H
#define CHARIOT_OBJECTS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objects/chariot.h"
#include "objects/kinds.h"
#include "objects/map.h"
#include "rpc/msg.h"

/* What this PE was given. */
struct obj_desk {
    struct rpc_msg_queue work; /* KNOW, WORK and FORGET, in order; the first may be half done */
    size_t at;                 /* bytes of the first that are done */
    uint32_t left;             /* its items that are not begun */
    bool turning;              /* a TURN is in the run queue */
};

/* A bag as PE 0 knows it. */
struct obj_bag {
    uint64_t id;
    struct obj_bag *next, *prev; /* the ring of those with items that nobody has; NULL: not in it */
    struct rpc_msg_queue puts;
    size_t at;       /* bytes of the first that were given out */
    uint64_t queued; /* items that nobody has */
    uint64_t out;    /* items that PEs have */
    struct chariot_msg **definitions;
    uint32_t num_definitions;
    uint32_t limit, holders; /* PEs that may have items of it at a time, and that have */
    struct obj_holder {
        uint32_t known; /* definitions */
        uint32_t out;   /* items */
        uint32_t next;  /* the PE, plus 1, that came to know of the bag before this one; 0: none */
    } * of;             /* by PE */
    uint32_t last_told; /* the PE, plus 1, that came to know of it last */
    int64_t item_ns;    /* what one is likely to take; negative: not known yet */
    bool closing;       /* ends when all is done */
};

/* A PE as the scheduler sees it. */
struct obj_hand {
    uint32_t next, prev; /* the list of the idle; num_pes: end */
    bool idle;
    bool asked;       /* to give back what it has not begun, and has not said yet that it has looked */
    bool mute;        /* and has said nothing since: it gets no more */
    uint32_t out;     /* items that it has */
    int64_t load_ns;  /* what they are likely to take */
    int64_t since_ns; /* when it last reported, or got its first item */
};

struct obj_pool {
    struct chariot_pool_ops ops;
    struct obj_desk desk;
    uint64_t next_bag;
    /* PE 0 only, from the first use on: */
    struct obj_map bags;
    struct obj_bag *ring; /* the one whose turn it is */
    struct obj_hand *hands;
    uint32_t first_idle; /* the last that became so: it is awake */
    uint64_t out;        /* items that PEs have */
    int64_t alarm_ns;
    struct chariot_timer alarm; /* to look for the overdue; runs only while PEs have items */
};

/* Whether messages of this kind are handled as they arrive. */
static inline bool obj_pool_is_prompt(uint8_t kind) {
    return kind >= OBJ_KIND_POOL_DEFINE && kind <= OBJ_KIND_POOL_RECALL;
}
/* Whether msg may hold `method` items, at least one: each takes a byte. */
static inline bool obj_pool_has_items(const struct chariot_msg *msg) {
    return msg->method > 0 && msg->method <= msg->size;
}
/* pool.c */
void obj_pool_handle_take(struct chariot_pe *pe, struct chariot_msg *msg);
/* Time has passed without the scheduler's turning: looks for the overdue, where it is time for that. */
void obj_pool_look(struct chariot_pe *pe);
void obj_pool_deinit(struct chariot_pe *pe);

/* pool_bag.c, for pool.c. The scheduler's tables, made at the first use. False: out of memory. */
bool obj_pool_open(struct chariot_pe *pe);
/* Makes a bag and adds it to the map. NULL: out of memory. */
struct obj_bag *obj_bag_new(struct chariot_pe *pe, uint64_t id, uint64_t limit);
void obj_bag_free(struct obj_bag *bag); /* which is in no map and no ring */
/* Into the ring, as the last; out of it. No effect where it is so already. */
void obj_bag_enter(struct obj_pool *pool, struct obj_bag *bag);
void obj_bag_leave(struct obj_pool *pool, struct obj_bag *bag);
/* Takes up to *count items out, *count: how many, at least one; there are some. Gives them. NULL: out of memory. */
struct chariot_msg *obj_bag_items(struct chariot_pe *pe, struct obj_bag *bag, uint32_t *count);
/* Items that were given out before, ahead of all others. */
void obj_bag_put_back_take(struct obj_bag *bag, struct chariot_msg *msg);
/* Who has nothing to do, and who has. No effect where it is so already. */
void obj_hand_idle(struct chariot_pe *pe, uint32_t who);
void obj_hand_busy(struct chariot_pe *pe, uint32_t who);

#endif
