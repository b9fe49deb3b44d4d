/* Chares that hold channels for foreign programs: see client.h. */
#include "objects/client.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/ref.h"

struct obj_client {
    struct obj_client_owner *owner; /* NULL: it has gone */
    struct chariot_channel *end;    /* owned */
};

/* ---------------------------------------------------------------- the chare */

static struct obj_client *client_new(struct obj_client_owner *owner, struct chariot_channel *end) {
    struct obj_client *client = malloc(sizeof *client);
    if (client == NULL) return NULL;
    *client = (struct obj_client){.owner = owner, .end = end};
    owner->client = client;
    return client;
}

/* One that nobody waits for is destroyed next, or was made by a PE that is broken. */
static int create_client(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                         struct chariot_msg *args, void **object) {
    struct chariot_channel *end = NULL;
    struct chariot_ref self;
    OBJ_API(pe);
    obj_elem_ref(elem, &self);
    struct obj_client_owner *owner = obj_map_remove(&pe->clients, obj_key1(self.collection));
    if (owner == NULL) return 0;
    if (chariot_channel_open(pe, elem, &owner->to, &end) == 0) *object = client_new(owner, end);
    if (*object == NULL) {
        chariot_channel_unref(end);
        end = NULL;
    }
    owner->on_channel(owner, end);
    return 0;
}

static void destroy_client(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct obj_client *client = object;
    if (client->owner != NULL) client->owner->client = NULL;
    chariot_channel_unref(client->end);
    free(client);
}

static int on_look_call(struct chariot_call *call) {
    struct obj_client *client = call->object;
    if (client == NULL || client->owner == NULL) return 0;
    OBJ_API(call->pe);
    client->owner->on_look(client->owner);
    return 0;
}

static const struct chariot_method client_methods[] = {{.name = "look", .invoke = on_look_call}};
static const struct chariot_type client_type = {.name = "chariot.Client",
                                                .methods = client_methods,
                                                .num_methods = 1,
                                                .create = create_client,
                                                .destroy = destroy_client};

int obj_client_init(struct chariot_pe *pe) {
    return chariot_type_register(pe, &client_type, &pe->client_type);
}

/* ---------------------------------------------------------------- its owner */

int obj_client_create(struct chariot_pe *pe, struct obj_client_owner *owner) {
    struct chariot_create how = {.type = pe->client_type, .kind = CHARIOT_SINGLE, .on_pe = pe->node.pe};
    int rc = chariot_create_take(pe, &how, NULL, &owner->chare); /* comes to be behind what is in the run queue */
    if (rc == 0) rc = obj_map_add(&pe->clients, obj_key1(owner->chare.collection), owner);
    return rc;
}

void obj_client_look(struct chariot_pe *pe, const struct obj_client_owner *owner) {
    (void)chariot_send_take(pe, &owner->chare, 0, NULL, CHARIOT_WANT_NOTHING, NULL);
}

void obj_client_destroy(struct chariot_pe *pe, struct obj_client_owner *owner) {
    if (owner->chare.collection == 0) return;
    if (owner->client != NULL) owner->client->owner = NULL;
    owner->client = NULL;
    obj_map_remove(&pe->clients, obj_key1(owner->chare.collection));
    if (!pe->ending) (void)chariot_destroy(pe, &owner->chare, NULL);
    owner->chare.collection = 0;
}

void obj_client_call_take(struct chariot_pe *pe, const struct obj_client_owner *owner, uint32_t method,
                          struct chariot_msg *args, struct chariot_future *reply) {
    struct chariot_msg *msg = obj_msg_own_take(pe, OBJ_KIND_CALL, args);
    if (msg == NULL) return;
    msg->flags |= OBJ_FLAG_WANT_VALUE;
    msg->target = owner->to.collection;
    memcpy(msg->index, owner->to.index, sizeof msg->index);
    msg->ndims = owner->to.ndims;
    msg->method = method;
    msg->reply = obj_future_own_id(reply);
    msg->seq = owner->chare.collection;
    obj_future_set_about(reply, &owner->to, method);
    obj_call_go_take(pe, msg);
}

/* ---------------------------------------------------------------- the other side */

struct chariot_channel *obj_client_open(struct chariot_pe *pe, struct chariot_elem *elem,
                                        const struct chariot_msg *call) {
    struct chariot_channel *end = NULL;
    struct chariot_ref client = {.collection = call->seq, .type = pe->client_type, .kind = CHARIOT_SINGLE, .ndims = 1};
    client.index[OBJ_SINGLE_PE_WORD] = obj_id_pe(call->seq);
    if (chariot_channel_open(pe, elem, &client, &end) != 0) obj_out_of_memory(pe);
    return end;
}
