/* What an element takes along: it is packed and unpacked. */
#include "lb/parcel.h"

#include <stdio.h>
#include <string.h>

#include "lb/location.h"
#include "objects/future.h"
#include "objects/load.h"
#include "objects/seat.h"

enum { MOST_EXPECTED = 1 << 16 }; /* what is larger grows on its way */

/* ---------------------------------------------------------------- leaving */

static int pack_object(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_writer *writer) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    rpc_turn_lend(&pe->node.turn);
    int rc = type->pack(pe, type, elem->object, writer);
    rpc_turn_take(&pe->node.turn);
    return rc != 0 ? rc : writer->error;
}

/* As the last one, so that most are written without being moved. */
static size_t expected_bytes(const struct chariot_pe *pe) {
    const struct lb_locations *all = pe->location_ctx;
    return all == NULL || all->parcel_bytes > MOST_EXPECTED ? 0 : all->parcel_bytes;
}

static enum lb_synced synced(const struct chariot_elem *elem) {
    return !elem->synced ? LB_IS_FREE : elem->move->synced_late ? LB_IS_UNCOUNTED : LB_IS_COUNTED;
}

/* Channels last: until then the user's code may use them. */
struct chariot_msg *lb_parcel_pack(struct chariot_pe *pe, struct chariot_elem *elem, int *rc) {
    struct lb_parcel_head head = {0};
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, chariot_msg_new_on(pe, expected_bytes(pe)));
    *rc = chariot_put_bytes(&writer, &head, sizeof head);
    size_t begin = *rc == 0 ? writer.msg->size : 0;
    if (*rc == 0) *rc = obj_channel_encode(elem);
    if (*rc == 0) *rc = pack_object(pe, elem, &writer);
    size_t middle = *rc == 0 ? writer.msg->size : 0;
    if (*rc == 0) obj_future_travel_put(pe, &writer);
    if (*rc == 0) *rc = obj_channel_is_waited_for(elem) ? CHARIOT_ESTATE : writer.error;
    if (*rc != 0) {
        obj_future_travel_end(pe);
        rpc_msg_unref(writer.msg);
        return NULL;
    }
    head = (struct lb_parcel_head){.state_bytes = middle - begin,
                                   .future_bytes = writer.msg->size - middle,
                                   .broadcasts = elem->own.broadcasts,
                                   .reductions = elem->own.reductions,
                                   .at_sync = elem->at_sync,
                                   .stays = elem->stays,
                                   .synced = synced(elem),
                                   .load_ns = obj_load_in_phase(pe, elem),
                                   .along = elem->move->along.head != NULL};
    memcpy(rpc_msg_payload(writer.msg) + begin - sizeof head, &head, sizeof head);
    obj_seats_write(pe, elem, &writer);
    obj_channel_put(&writer, elem);
    if (pe->location_ctx != NULL) ((struct lb_locations *)pe->location_ctx)->parcel_bytes = writer.msg->size;
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_MOVE, &writer);
    if (msg == NULL) obj_future_travel_end(pe);
    return msg;
}

/* ---------------------------------------------------------------- arriving */

int lb_parcel_read(struct chariot_msg *msg, struct lb_parcel *parcel) {
    struct chariot_reader *state = &parcel->state, *futures = &parcel->futures, *rest = &parcel->rest;
    struct lb_parcel_head *head = &parcel->head;
    struct chariot_value bytes;
    parcel->msg = msg;
    chariot_reader_init(state, msg);
    int rc = chariot_get_typed(state, CHARIOT_BYTES, &bytes);
    if (rc != 0 || bytes.bytes.size != sizeof *head) return CHARIOT_EMALFORMED;
    memcpy(head, bytes.bytes.data, sizeof *head);
    size_t bytes_left = (size_t)(state->end - state->at);
    if (head->state_bytes > bytes_left || head->future_bytes > bytes_left - head->state_bytes)
        return CHARIOT_EMALFORMED;
    *futures = *rest = *state;
    state->end = futures->at = state->at + head->state_bytes;
    futures->end = rest->at = futures->at + head->future_bytes;
    bool good = msg->seq > 0 && head->broadcasts <= OBJ_MAX_NUMBER && head->reductions <= OBJ_MAX_NUMBER;
    return good ? 0 : CHARIOT_EMALFORMED;
}

static int unpack_object(struct chariot_pe *pe, struct chariot_elem *elem, struct lb_parcel *parcel) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    rpc_turn_lend(&pe->node.turn);
    int rc = type->unpack(pe, type, elem, parcel->msg, &parcel->state, &elem->object);
    rpc_turn_take(&pe->node.turn);
    return rc;
}

static void moved(struct chariot_pe *pe, struct chariot_elem *elem) {
    if (pe->face.on_moved == NULL) return;
    rpc_turn_lend(&pe->node.turn);
    pe->face.on_moved(pe->face.ctx, elem);
    rpc_turn_take(&pe->node.turn);
}

void lb_parcel_unpack(struct chariot_pe *pe, struct chariot_elem *elem, struct lb_parcel *parcel) {
    const struct chariot_type *type = pe->types[elem->own.coll->type];
    int rc = obj_seats_read(pe, elem, &parcel->rest);
    if (rc == 0) rc = obj_channel_get(pe, elem, &parcel->rest);
    if (rc == 0) rc = obj_future_travel_get(pe, &parcel->futures);
    if (rc == 0) rc = unpack_object(pe, elem, parcel);
    obj_future_travel_end(pe);
    if (rc == 0) {
        obj_channel_arrived(elem);
        moved(pe, elem);
        elem->move->roams = elem->move->wants;
    }
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (rc == 0 || pe->ending) return;
    char line[300];
    snprintf(line, sizeof line, "chariot: PE %u: a %.120s that came from PE %u cannot be unpacked: %s\n", pe->node.pe,
             type->name, elem->move->from, chariot_error_text(rc));
    obj_end_abort(pe, 1, line);
}
