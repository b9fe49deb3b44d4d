/* What PE 0 keeps of the pool: bags with what nobody has yet, the ring of those, and the list of the idle (pool.h). */
#include "objects/pool.h"

#include <stdlib.h>

#include "objects/pe.h"

enum { AHEAD_BYTES = 1 << 16 /* of items in one message, about */ };

/* ---------------------------------------------------------------- bags */

void obj_bag_enter(struct obj_pool *pool, struct obj_bag *bag) {
    if (bag->next != NULL) return;
    if (pool->ring == NULL) {
        pool->ring = bag->next = bag->prev = bag;
        return;
    }
    bag->next = pool->ring;
    bag->prev = pool->ring->prev;
    bag->prev->next = bag;
    bag->next->prev = bag;
}

void obj_bag_leave(struct obj_pool *pool, struct obj_bag *bag) {
    if (bag->next == NULL) return;
    if (pool->ring == bag) pool->ring = bag->next == bag ? NULL : bag->next;
    bag->prev->next = bag->next;
    bag->next->prev = bag->prev;
    bag->next = bag->prev = NULL;
}

struct obj_bag *obj_bag_new(struct chariot_pe *pe, uint64_t id, uint64_t limit) {
    struct obj_bag *bag = calloc(1, sizeof *bag);
    struct obj_holder *of = calloc(pe->node.num_pes, sizeof *of);
    if (bag == NULL || of == NULL || obj_map_add(&pe->pool.bags, obj_key1(id), bag) != 0) {
        free(bag);
        free(of);
        return NULL;
    }
    bag->id = id;
    bag->of = of;
    bag->limit = limit < 1 || limit > pe->node.num_pes ? pe->node.num_pes : (uint32_t)limit;
    bag->item_ns = -1;
    return bag;
}

void obj_bag_free(struct obj_bag *bag) {
    for (uint32_t i = 0; i < bag->num_definitions; i++) rpc_msg_unref(bag->definitions[i]);
    free(bag->definitions);
    rpc_msg_queue_clear(&bag->puts);
    free(bag->of);
    free(bag);
}

/* ---------------------------------------------------------------- items */

/* Up to `count` items from the first message, into a message of their own; *count: how many. NULL: out of memory. */
static struct chariot_msg *cut(struct chariot_pe *pe, struct obj_bag *bag, uint32_t *count) {
    struct chariot_msg *first = bag->puts.head;
    const uint8_t *payload = rpc_msg_payload(first), *begin = payload + bag->at;
    struct chariot_reader reader = {begin, payload + first->size, payload};
    uint32_t wanted = *count;
    const void *data;
    size_t size;
    for (*count = 0; *count < wanted && (*count == 0 || reader.at - begin < AHEAD_BYTES); (*count)++) {
        if (chariot_skip(&reader, &data, &size) != 0) break;
    }
    if (*count == 0) reader.at = reader.end; /* malformed: the desk will say so */
    if (*count == 0) *count = 1;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, rpc_msg_new((size_t)(reader.at - begin) + 16));
    chariot_put_encoded(&writer, begin, (size_t)(reader.at - begin));
    bag->at = (size_t)(reader.at - payload);
    first->method -= *count;
    return obj_msg_finish(pe, OBJ_KIND_POOL_WORK, &writer);
}

struct chariot_msg *obj_bag_items(struct chariot_pe *pe, struct obj_bag *bag, uint32_t *count) {
    struct chariot_msg *first = bag->puts.head, *work;
    if (*count >= first->method && bag->at == 0) { /* who handles it now holds it too, and looks at it no more */
        *count = first->method;
        return rpc_msg_queue_pop(&bag->puts);
    }
    if (*count > first->method) *count = first->method;
    work = cut(pe, bag, count);
    if (first->method > 0) return work;
    rpc_msg_unref(rpc_msg_queue_pop(&bag->puts));
    bag->at = 0;
    return work;
}

void obj_bag_put_back_take(struct obj_bag *bag, struct chariot_msg *msg) {
    struct rpc_msg_queue *puts = &bag->puts;
    if (bag->at > 0) { /* behind the one that is being given out */
        msg->next = puts->head->next;
        puts->head->next = msg;
        if (puts->tail == puts->head) puts->tail = msg;
    } else {
        msg->next = puts->head;
        puts->head = msg;
        if (puts->tail == NULL) puts->tail = msg;
    }
    puts->count++;
}

/* ---------------------------------------------------------------- the idle */

void obj_hand_idle(struct chariot_pe *pe, uint32_t who) {
    struct obj_pool *pool = &pe->pool;
    struct obj_hand *hand = &pool->hands[who];
    if (hand->idle) return;
    hand->idle = true;
    hand->prev = pe->node.num_pes;
    hand->next = pool->first_idle;
    if (hand->next < pe->node.num_pes) pool->hands[hand->next].prev = who;
    pool->first_idle = who;
}

void obj_hand_busy(struct chariot_pe *pe, uint32_t who) {
    struct obj_pool *pool = &pe->pool;
    struct obj_hand *hand = &pool->hands[who];
    if (!hand->idle) return;
    hand->idle = false;
    if (hand->next < pe->node.num_pes) pool->hands[hand->next].prev = hand->prev;
    if (hand->prev < pe->node.num_pes)
        pool->hands[hand->prev].next = hand->next;
    else
        pool->first_idle = hand->next;
}

bool obj_pool_open(struct chariot_pe *pe) {
    struct obj_pool *pool = &pe->pool;
    if (pool->hands != NULL) return true;
    pool->hands = calloc(pe->node.num_pes, sizeof *pool->hands);
    if (pool->hands == NULL) return false;
    pool->first_idle = pe->node.num_pes;
    for (uint32_t i = pe->node.num_pes; i-- > 0;) obj_hand_idle(pe, i);
    return true;
}
