/* Channels: opening an end, meeting the other one, and every way in which that comes to an end. */
#include "objects/channel.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/client.h"

/* ---------------------------------------------------------------- pairs */

static struct obj_key key_of_pair(const struct chariot_elem *elem, const struct chariot_ref *remote) {
    return obj_key2((uintptr_t)elem, chariot_ref_hash(remote));
}

static struct obj_channel_pair *pair_new(struct chariot_pe *pe, struct chariot_elem *elem,
                                         const struct chariot_ref *remote) {
    struct obj_channel_pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL) return NULL;
    pair->elem = elem;
    pair->remote = *remote;
    struct obj_key key = key_of_pair(elem, remote);
    struct obj_channel_pair *same = obj_map_get(&pe->channel_pairs, key);
    if (same != NULL) {
        pair->same = same->same;
        same->same = pair;
    } else if (obj_map_add(&pe->channel_pairs, key, pair) != 0) {
        free(pair);
        return NULL;
    }
    pair->next = elem->channels;
    elem->channels = pair;
    return pair;
}

struct obj_channel_pair *obj_channel_pair_of(struct chariot_pe *pe, struct chariot_elem *elem,
                                             const struct chariot_ref *remote) {
    struct obj_channel_pair *pair = obj_map_get(&pe->channel_pairs, key_of_pair(elem, remote));
    while (pair != NULL && !chariot_ref_equal(&pair->remote, remote)) pair = pair->same;
    return pair != NULL ? pair : pair_new(pe, elem, remote);
}

static struct chariot_channel *numbered(const struct obj_channel_pair *pair, uint32_t number) {
    struct chariot_channel *end = pair->ends;
    while (end != NULL && end->number != number) end = end->next;
    return end;
}

/* ---------------------------------------------------------------- records */

struct chariot_channel *obj_channel_end_new(struct chariot_pe *pe, struct obj_channel_pair *pair, uint32_t number) {
    struct chariot_channel *end = calloc(1, sizeof *end);
    if (end == NULL) return NULL;
    *end = (struct chariot_channel){.pe = pe, .pair = pair, .number = number, .next = pair->ends};
    end->has_client = obj_is_client(pe, pair->remote.type) || obj_is_client(pe, pair->elem->own.coll->type);
    obj_waiters_init(&end->receivers);
    obj_waiters_init(&end->watchers);
    obj_waiters_init(&end->senders);
    pair->ends = end;
    return end;
}

static struct obj_key key_of_peer(uint64_t peer, const struct chariot_elem *elem) {
    return obj_key2(peer, (uintptr_t)elem);
}

struct chariot_channel *obj_channel_find(struct chariot_pe *pe, uint64_t peer, const struct chariot_elem *elem) {
    return obj_map_get(&pe->channel_peers, key_of_peer(peer, elem));
}

static void clear(struct chariot_channel *end) {
    rpc_msg_queue_clear(&end->unread);
    rpc_msg_queue_clear(&end->early);
}

/* One that was left behind has no id any more. */
static struct obj_key key_of_end(const struct chariot_channel *end) {
    return end->id != 0 ? obj_key1(end->id) : obj_key2((uintptr_t)end, 1);
}

static void end_free(struct chariot_channel *end) {
    clear(end);
    obj_map_remove(&end->pe->channels, key_of_end(end));
    free(end);
}

/* Takes the end away from its chare. */
static void detach(struct chariot_channel *end) {
    struct chariot_channel **at = &end->pair->ends;
    while (*at != end) at = &(*at)->next;
    *at = end->next;
    if (end->peer != 0) obj_map_remove(&end->pe->channel_peers, key_of_peer(end->peer, end->pair->elem));
    end->pair = NULL;
}

static void finish(struct chariot_channel *end) {
    struct chariot_pe *pe = end->pe;
    struct obj_channel_pair *pair = end->pair;
    detach(end);
    end_free(end);
    if (pair->ends == NULL && obj_is_client(pe, pair->remote.type)) obj_channel_forget_pair(pe, pair);
}

int obj_channel_name(struct chariot_channel *end, uint64_t id, uint64_t peer) {
    struct chariot_pe *pe = end->pe;
    if (id != 0 && obj_map_add(&pe->channels, obj_key1(id), end) != 0) return CHARIOT_ENOMEM;
    end->id = id;
    end->arrived = id != 0 && !end->dropped;
    end->refs = end->arrived ? 1 : 0;
    if (peer != 0 && obj_map_add(&pe->channel_peers, key_of_peer(peer, end->pair->elem), end) != 0)
        return CHARIOT_ENOMEM;
    end->peer = peer;
    return 0;
}

void obj_channel_forsake(struct chariot_channel *end) {
    detach(end);
    obj_map_remove(&end->pe->channels, key_of_end(end));
    end->id = 0;
    if (end->refs == 0)
        end_free(end);
    else
        obj_map_add(&end->pe->channels, key_of_end(end), end); /* there is room: one was removed */
}

/* ---------------------------------------------------------------- opening */

static void address(struct chariot_msg *msg, const struct chariot_ref *to) {
    msg->target = to->collection;
    memcpy(msg->index, to->index, sizeof msg->index);
    msg->ndims = to->ndims;
}

void obj_channel_send_take(struct chariot_channel *end, struct chariot_msg *msg) {
    const struct chariot_ref *to = &end->pair->remote;
    address(msg, to);
    msg->reply = end->id;
    obj_call_go_take(end->pe, msg);
}

static void send_open(struct chariot_channel *end) {
    struct chariot_ref self;
    struct chariot_writer writer;
    obj_elem_ref(end->pair->elem, &self);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_ref(&writer, &self);
    struct chariot_msg *msg = obj_msg_finish(end->pe, OBJ_KIND_CHANNEL_OPEN, &writer);
    if (msg == NULL) return;
    msg->seq = end->number;
    obj_channel_send_take(end, msg);
}

/* Gives the end its id, and its first handle. */
static int open_end(struct chariot_channel *end) {
    struct chariot_pe *pe = end->pe;
    uint64_t id = obj_id_make(0, pe->node.pe, pe->next_channel + 1);
    int rc = obj_map_add(&pe->channels, obj_key1(id), end);
    if (rc != 0) return rc;
    pe->next_channel++;
    end->id = id;
    end->refs++;
    send_open(end);
    return 0;
}

int chariot_channel_open(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *remote,
                         struct chariot_channel **channel) {
    OBJ_API(pe);
    if (remote->whole || !obj_ref_is_valid(pe, remote)) return CHARIOT_EINVAL;
    struct obj_channel_pair *pair = obj_channel_pair_of(pe, elem, remote);
    if (pair == NULL) return CHARIOT_ENOMEM;
    struct chariot_channel *end = numbered(pair, pair->made);
    bool heard = end != NULL;
    if (!heard) end = obj_channel_end_new(pe, pair, pair->made);
    if (end == NULL) return CHARIOT_ENOMEM;
    int rc = open_end(end);
    if (rc != 0) {
        if (!heard) finish(end);
        return rc;
    }
    pair->made++;
    *channel = end;
    return 0;
}

/* True and the opener's ref and number, if an OPEN is well-formed. */
static bool read_open(const struct chariot_pe *pe, const struct chariot_msg *msg, struct chariot_ref *from) {
    struct chariot_reader reader;
    struct chariot_value value;
    uint32_t method;
    chariot_reader_init(&reader, msg);
    if (chariot_get_typed(&reader, CHARIOT_REF, &value) != 0 || chariot_ref_read(&value, from, &method) != 0) {
        return false;
    }
    return obj_ref_is_valid(pe, from) && !from->whole && msg->seq < UINT32_MAX;
}

/* The end that an OPEN is about, heard of now. NULL: none can be, or no memory (*rc). */
static struct chariot_channel *heard_of(struct chariot_pe *pe, struct chariot_elem *elem,
                                        const struct chariot_ref *from, uint32_t number, int *rc) {
    *rc = CHARIOT_ENOMEM;
    struct obj_channel_pair *pair = obj_channel_pair_of(pe, elem, from);
    if (pair == NULL) return NULL;
    struct chariot_channel *end = numbered(pair, number);
    if (end != NULL && end->peer == 0) return end;
    if (end != NULL) {
        *rc = CHARIOT_EEXIST;
        return NULL;
    }
    end = obj_channel_end_new(pe, pair, number);
    if (end != NULL) end->dropped = number < pair->made; /* it was refused, too soon: what comes is passed over */
    return end;
}

void obj_channel_on_open(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_call_elem(pe, msg);
    if (elem == NULL) return;
    struct chariot_ref from;
    if (!read_open(pe, msg, &from) || obj_channel_find(pe, msg->reply, elem) != NULL) {
        obj_refuse(pe, msg);
        return;
    }
    int rc;
    struct chariot_channel *end = heard_of(pe, elem, &from, (uint32_t)msg->seq, &rc);
    if (end != NULL) rc = obj_map_add(&pe->channel_peers, key_of_peer(msg->reply, elem), end);
    if (rc == 0) {
        end->peer = msg->reply;
        obj_wait_release(pe, &pe->channel_strays, key_of_peer(msg->reply, elem));
    } else if (rc == CHARIOT_EEXIST) {
        obj_refuse(pe, msg);
    } else {
        obj_out_of_memory(pe);
    }
}

/* ---------------------------------------------------------------- the other end goes */

/* Nothing more can come for an end that nobody holds. One that was refused may have been heard of meanwhile: its other
 * end was opened, and was destroyed then, and that is still on its way. */
static bool is_finished(const struct chariot_channel *end) {
    return end->dropped && (end->closed || (end->over != OBJ_CHANNEL_LIVES && end->peer == 0));
}

void obj_channel_is_over(struct chariot_channel *end, enum obj_channel_over how) {
    end->over = (uint8_t)how;
    if (is_finished(end))
        finish(end);
    else
        obj_channel_wake(end);
}

/* Tells the chare that opened the end `id` that there will be no other. */
static void send_refused(struct chariot_pe *pe, const struct chariot_ref *opener, uint64_t id) {
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_CHANNEL_REFUSED, 0);
    if (msg == NULL) return;
    address(msg, opener);
    msg->reply = id;
    obj_call_go_take(pe, msg);
}

void obj_channel_bounce(struct chariot_pe *pe, const struct chariot_msg *open) {
    struct chariot_ref opener;
    if (read_open(pe, open, &opener)) send_refused(pe, &opener, open->reply);
}

void obj_channel_on_refused(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_elem *elem = obj_call_elem(pe, msg);
    if (elem == NULL) return;
    struct chariot_channel *end = obj_map_get(&pe->channels, obj_key1(msg->reply));
    if (end == NULL || end->pair == NULL || end->pair->elem != elem || end->peer != 0) return;
    obj_channel_is_over(end, OBJ_CHANNEL_DESTROYED);
}

/* ---------------------------------------------------------------- this end goes */

static void send_close(struct chariot_channel *end, enum obj_channel_over how) {
    struct chariot_msg *msg = obj_msg_new(end->pe, OBJ_KIND_CHANNEL_CLOSE, 0);
    if (msg == NULL) return;
    msg->method = (uint32_t)how;
    msg->seq = ++end->sent;
    obj_channel_send_take(end, msg);
}

int chariot_channel_finish(struct chariot_channel *end) {
    OBJ_API(end->pe);
    if (end->pair == NULL) return CHARIOT_ESTATE;
    if (!end->finished && end->over == OBJ_CHANNEL_LIVES) send_close(end, OBJ_CHANNEL_ENDS);
    end->finished = true;
    return 0;
}

/* Nobody here can read or send any more. What still comes is passed over until the other end has closed too. */
static void close_end(struct chariot_channel *end) {
    end->dropped = true;
    rpc_msg_queue_clear(&end->unread);
    if (end->over != OBJ_CHANNEL_DESTROYED && !end->pe->ending) send_close(end, OBJ_CHANNEL_DROPPED);
    if (is_finished(end)) finish(end);
}

struct chariot_channel *chariot_channel_ref(struct chariot_channel *end) {
    end->refs++;
    return end;
}

void chariot_channel_unref(struct chariot_channel *end) {
    if (end == NULL) return;
    OBJ_API(end->pe);
    obj_channel_unref(end);
}

void obj_channel_unref(struct chariot_channel *end) {
    if (--end->refs > 0) return;
    if (end->pair == NULL)
        end_free(end);
    else
        close_end(end);
}

/* Chares of one collection go together: none tells another. */
static void tell_destroyed(struct chariot_channel *end) {
    const struct obj_channel_pair *pair = end->pair;
    if (end->dropped || end->over == OBJ_CHANNEL_DESTROYED) return;
    if (end->pe->ending || pair->remote.collection == pair->elem->own.coll->id) return;
    if (end->id != 0)
        send_close(end, OBJ_CHANNEL_DESTROYED);
    else
        send_refused(end->pe, &pair->remote, end->peer); /* heard of, but never opened */
}

static void destroy_end(struct chariot_channel *end) {
    tell_destroyed(end);
    detach(end);
    clear(end);
    if (!end->pe->ending) obj_channel_wake(end); /* then those who wait may be no more */
    if (end->refs == 0) end_free(end);
}

void obj_channel_forget_pair(struct chariot_pe *pe, struct obj_channel_pair *pair) {
    struct obj_key key = key_of_pair(pair->elem, &pair->remote);
    struct obj_channel_pair *first = obj_map_remove(&pe->channel_pairs, key), **at = &first;
    while (*at != pair) at = &(*at)->same;
    *at = pair->same;
    if (first != NULL) obj_map_add(&pe->channel_pairs, key, first); /* there is room: one was removed */
    for (at = &pair->elem->channels; *at != pair;) at = &(*at)->next;
    *at = pair->next;
    free(pair);
}

/* Messages of ends that elem never heard of. */
static void forget_strays(struct chariot_pe *pe, const struct chariot_elem *elem) {
    struct obj_map_slot slot;
    for (size_t cursor = 0; obj_map_next(&pe->channel_strays, &cursor, &slot);) {
        if (slot.key.word[1] != (uintptr_t)elem) continue;
        obj_waiting_free(obj_map_remove(&pe->channel_strays, slot.key));
        cursor = 0;
    }
}

void obj_channel_elem_gone(struct chariot_pe *pe, struct chariot_elem *elem) {
    while (elem->channels != NULL) {
        struct obj_channel_pair *pair = elem->channels;
        while (pair->ends != NULL) destroy_end(pair->ends); /* drops objects: the user's code may open others */
        obj_channel_forget_pair(pe, pair);
    }
    if (pe->channel_strays.count > 0) forget_strays(pe, elem);
}

static void free_end(void *value, void *ctx) {
    struct chariot_channel *end = value;
    (void)ctx;
    clear(end);
    free(end);
}

static void free_strays(void *value, void *ctx) {
    (void)ctx;
    obj_waiting_free(value);
}

void obj_channel_free_all(struct chariot_pe *pe) {
    obj_map_each(&pe->channels, free_end, NULL); /* of chares that are no more, by now */
    obj_map_deinit(&pe->channels);
    obj_map_deinit(&pe->channel_peers);
    obj_map_deinit(&pe->channel_pairs);
    obj_map_each(&pe->channel_strays, free_strays, NULL);
    obj_map_deinit(&pe->channel_strays);
}

/* ---------------------------------------------------------------- what it is */

uint32_t chariot_channel_number(const struct chariot_channel *end) {
    return end->number;
}

bool chariot_channel_has_client(const struct chariot_channel *end) {
    return end->has_client;
}
