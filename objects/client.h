/* objects/client.h: the chare that holds a channel's end for a foreign program, on the PE that serves it.
 *
 * It is a single chare like any other, of a type of the runtime's own, so its channel is one like any other. It has
 * one, and nothing else. Whoever made it gets its end once it is there, and lets it be destroyed when the program has
 * gone or its call is over. The method that the program calls comes as a CALL that names the chare: where it arrives,
 * the element opens its own end, and the method is called with it. */
#ifndef CHARIOT_OBJECTS_CLIENT_H
#define CHARIOT_OBJECTS_CLIENT_H

#include "objects/pe.h"

/* Who makes one. Its memory until it has let it be destroyed. Both functions are called by the scheduler. */
struct obj_client_owner {
    struct chariot_ref chare;
    struct chariot_ref to; /* the channel's other chare */
    /* The end is there, and open as long as the chare is; NULL: out of memory. */
    void (*on_channel)(struct obj_client_owner *owner, struct chariot_channel *end);
    void (*on_look)(struct obj_client_owner *owner);
    struct obj_client *client; /* the chare's object */
};

int obj_client_init(struct chariot_pe *pe);

/* The caller has set `to` and the functions. CHARIOT_ENOMEM. */
int obj_client_create(struct chariot_pe *pe, struct obj_client_owner *owner);
/* on_look is called when all has been received that came for the channel up to now. */
void obj_client_look(struct chariot_pe *pe, const struct obj_client_owner *owner);
/* The channel's other end hears that its chare was destroyed. The functions are not called any more. */
void obj_client_destroy(struct chariot_pe *pe, struct obj_client_owner *owner);
/* Calls a method of `to` with the channel. Takes args. */
void obj_client_call_take(struct chariot_pe *pe, const struct obj_client_owner *owner, uint32_t method,
                          struct chariot_msg *args, struct chariot_future *reply);

static inline bool obj_is_client(const struct chariot_pe *pe, uint32_t type) {
    return type == pe->client_type;
}
/* The message is such a call. */
static inline bool obj_client_calls(const struct chariot_msg *msg) {
    return msg->kind == OBJ_KIND_CALL && obj_id_kind(msg->seq) == CHARIOT_SINGLE;
}
/* It has come to elem: its end of the channel, with one reference. NULL: out of memory, said already. */
struct chariot_channel *obj_client_open(struct chariot_pe *pe, struct chariot_elem *elem,
                                        const struct chariot_msg *call);

#endif
