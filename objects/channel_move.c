/* Channels of an element that moves to another PE: what they are travels in its state, and they are made again there.
 */
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/channel.h"

/* PEs of a job run one build, so these travel as they lie in memory. */
struct pair_state {
    struct chariot_ref remote;
    uint32_t made;
    uint32_t num_ends; /* which follow */
};

struct end_state {
    uint64_t id, peer;
    uint64_t sent, sent_weight, acked_weight;
    uint64_t received, untold_weight;
    uint64_t num_unread; /* messages, which follow: each what it weighs, and its payload */
    uint32_t number;
    uint8_t over, closed, dropped, silent;
};
enum { SILENT_HERE = 1, SILENT_THERE = 2 }; /* bits of `silent`: which end sends no more */

/* ---------------------------------------------------------------- whether they may */

bool obj_channel_is_waited_for(const struct chariot_elem *elem) {
    for (const struct obj_channel_pair *pair = elem->channels; pair != NULL; pair = pair->next) {
        for (const struct chariot_channel *end = pair->ends; end != NULL; end = end->next) {
            if (end->waiting > 0) return true;
        }
    }
    return false;
}

/* What was sent as an object gets a payload. Writing it is the user's code: the end stays meanwhile; one that is not
 * open yet is held by nobody. It may go then, with its pair: *next and *after come behind them. */
static int encode_end(struct chariot_channel *end, struct chariot_channel **next, struct obj_channel_pair **after) {
    end->refs++;
    int rc = obj_msg_encode_all(end->pe, &end->unread);
    *next = end->next;
    *after = end->pair->next;
    if (end->id != 0)
        obj_channel_unref(end);
    else
        end->refs--;
    return rc;
}

int obj_channel_encode(struct chariot_elem *elem) {
    int rc = 0;
    for (struct obj_channel_pair *pair = elem->channels, *after; pair != NULL; pair = after) {
        after = pair->next;
        for (struct chariot_channel *end = pair->ends, *next; end != NULL && rc == 0; end = next) {
            next = end->next;
            if (end->unread.head != NULL) rc = encode_end(end, &next, &after);
        }
    }
    return rc;
}

/* ---------------------------------------------------------------- leaving */

static void put_end(struct chariot_writer *writer, const struct chariot_channel *end) {
    const struct end_state state = {
        .id = end->id,
        .peer = end->peer,
        .sent = end->sent,
        .sent_weight = end->sent_weight,
        .acked_weight = end->acked_weight,
        .received = end->received,
        .untold_weight = end->untold_weight,
        .num_unread = end->unread.count,
        .number = end->number,
        .over = end->over,
        .closed = end->closed,
        .dropped = end->dropped,
        .silent = (uint8_t)((end->finished ? SILENT_HERE : 0) | (end->ended ? SILENT_THERE : 0)),
    };
    chariot_put_bytes(writer, &state, sizeof state);
    for (const struct chariot_msg *msg = end->unread.head; msg != NULL; msg = msg->next) {
        chariot_put_int(writer, msg->method);
        chariot_put_bytes(writer, rpc_msg_payload(msg), msg->size);
    }
}

void obj_channel_put(struct chariot_writer *writer, const struct chariot_elem *elem) {
    for (const struct obj_channel_pair *pair = elem->channels; pair != NULL; pair = pair->next) {
        struct pair_state state = {.remote = pair->remote, .made = pair->made};
        for (const struct chariot_channel *end = pair->ends; end != NULL; end = end->next) state.num_ends++;
        chariot_put_bytes(writer, &state, sizeof state);
        for (const struct chariot_channel *end = pair->ends; end != NULL; end = end->next) put_end(writer, end);
    }
}

/* Messages of ends that elem has not heard of yet. */
static void take_strays(struct chariot_pe *pe, const struct chariot_elem *elem, struct rpc_msg_queue *queue) {
    struct obj_map_slot slot;
    struct chariot_msg *msg;
    for (size_t cursor = 0; obj_map_next(&pe->channel_strays, &cursor, &slot);) {
        struct obj_waiting *waiting = slot.value;
        while (slot.key.word[1] == (uintptr_t)elem && (msg = rpc_msg_queue_pop(&waiting->queue)) != NULL) {
            rpc_msg_queue_push_take(queue, msg);
        }
    }
}

static void move_all(struct rpc_msg_queue *from, struct rpc_msg_queue *to) {
    struct chariot_msg *msg;
    while ((msg = rpc_msg_queue_pop(from)) != NULL) rpc_msg_queue_push_take(to, msg);
}

void obj_channel_leave(struct chariot_pe *pe, struct chariot_elem *elem, struct rpc_msg_queue *queue) {
    struct rpc_msg_queue packed = {0};
    if (pe->channel_strays.count > 0) take_strays(pe, elem, queue);
    while (elem->channels != NULL) {
        struct obj_channel_pair *pair = elem->channels;
        while (pair->ends != NULL) {
            move_all(&pair->ends->early, queue);
            move_all(&pair->ends->unread, &packed);
            obj_channel_forsake(pair->ends);
        }
        obj_channel_forget_pair(pe, pair);
    }
    rpc_msg_queue_clear(&packed); /* what hangs on them goes too, which may be the user's code */
}

/* ---------------------------------------------------------------- arriving */

static int get_state(struct chariot_reader *reader, void *state, size_t size) {
    struct chariot_value bytes;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &bytes);
    if (rc != 0 || bytes.bytes.size != size) return CHARIOT_EMALFORMED;
    memcpy(state, bytes.bytes.data, size);
    return 0;
}

static bool is_sound(const struct chariot_pe *pe, const struct chariot_elem *elem, const struct end_state *state) {
    if (state->id == 0 && state->peer == 0) return false;
    if (state->id != 0 && obj_map_get(&pe->channels, obj_key1(state->id)) != NULL) return false;
    if (state->peer != 0 && obj_channel_find((struct chariot_pe *)(uintptr_t)pe, state->peer, elem) != NULL)
        return false;
    if (obj_id_pe(state->id) >= pe->node.num_pes || obj_id_pe(state->peer) >= pe->node.num_pes) return false;
    return state->over <= OBJ_CHANNEL_DESTROYED && state->sent_weight >= state->acked_weight;
}

static int get_unread(struct chariot_channel *end, struct chariot_reader *reader) {
    struct chariot_value weight, bytes;
    int rc = chariot_get_typed(reader, CHARIOT_INT, &weight);
    if (rc == 0) rc = chariot_get_typed(reader, CHARIOT_BYTES, &bytes);
    if (rc != 0 || weight.integer < 0 || weight.integer > OBJ_CHANNEL_MAX_UNITS) return CHARIOT_EMALFORMED;
    struct chariot_msg *msg = obj_msg_new(end->pe, OBJ_KIND_CHANNEL_DATA, bytes.bytes.size);
    if (msg == NULL) return CHARIOT_ENOMEM;
    msg->method = (uint32_t)weight.integer;
    msg->size = bytes.bytes.size;
    if (msg->size > 0) memcpy(rpc_msg_payload(msg), bytes.bytes.data, msg->size);
    rpc_msg_queue_push_take(&end->unread, msg);
    return 0;
}

static void restore(struct chariot_channel *end, const struct end_state *state) {
    end->sent = state->sent;
    end->sent_weight = state->sent_weight;
    end->acked_weight = state->acked_weight;
    end->received = state->received;
    end->untold_weight = state->untold_weight;
    end->over = state->over;
    end->closed = state->closed != 0;
    end->dropped = state->dropped != 0;
    end->finished = (state->silent & SILENT_HERE) != 0;
    end->ended = (state->silent & SILENT_THERE) != 0;
}

static int get_end(struct chariot_pe *pe, struct obj_channel_pair *pair, struct chariot_reader *reader) {
    struct end_state state;
    int rc = get_state(reader, &state, sizeof state);
    if (rc != 0) return rc;
    if (!is_sound(pe, pair->elem, &state)) return CHARIOT_EMALFORMED;
    struct chariot_channel *end = obj_channel_end_new(pe, pair, state.number);
    if (end == NULL) return CHARIOT_ENOMEM;
    restore(end, &state);
    rc = obj_channel_name(end, state.id, state.peer);
    for (uint64_t left = state.num_unread; left > 0 && rc == 0; left--) rc = get_unread(end, reader);
    return rc;
}

int obj_channel_get(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_reader *reader) {
    int rc = 0;
    while (rc == 0 && !chariot_reader_done(reader)) {
        struct pair_state state;
        rc = get_state(reader, &state, sizeof state);
        if (rc != 0 || state.remote.whole || !obj_ref_is_valid(pe, &state.remote)) return CHARIOT_EMALFORMED;
        struct obj_channel_pair *pair = obj_channel_pair_of(pe, elem, &state.remote);
        if (pair == NULL) return CHARIOT_ENOMEM;
        pair->made = state.made;
        for (uint32_t left = state.num_ends; left > 0 && rc == 0; left--) rc = get_end(pe, pair, reader);
    }
    return rc;
}

void obj_channel_arrived(struct chariot_elem *elem) {
    for (struct obj_channel_pair *pair = elem->channels, *after; pair != NULL; pair = after) {
        after = pair->next;
        for (struct chariot_channel *end = pair->ends, *next; end != NULL; end = next) {
            next = end->next;
            if (!end->arrived) continue;
            end->arrived = false;
            obj_channel_unref(end);
        }
    }
}

/* ---------------------------------------------------------------- ends by id */

uint64_t chariot_channel_id(const struct chariot_channel *end) {
    return end->id;
}

struct chariot_channel *chariot_channel_by_id(struct chariot_pe *pe, struct chariot_elem *elem, uint64_t id) {
    OBJ_API(pe);
    struct chariot_channel *end = obj_map_get(&pe->channels, obj_key1(id));
    if (end == NULL || end->pair == NULL || end->pair->elem != elem || end->dropped) return NULL;
    return chariot_channel_ref(end);
}
