/* What the PEs do (watch.h), as foreign programs read it: WatchPes of chariot/v1/object_service.proto. */
#include "objects/door.h"
#include "objects/door_request.h"
#include "objects/watch.h"

enum { PERIOD_MS = 1000, LEAST_PERIOD_MS = 100 };

static uint64_t us(int64_t ns) {
    return ns < 0 ? 0 : (uint64_t)ns / 1000;
}

/* Fields of PeStatus, in the order of the proto. */
static void put_pe(struct chariot_writer *writer, struct chariot_pe *pe, uint32_t of_pe,
                   const struct obj_watch_row *row) {
    const uint64_t fields[] = {of_pe,
                               chariot_host_of(pe, of_pe),
                               us(chariot_now_ns(pe) - row->taken_ns),
                               us(row->watched_ns),
                               us(row->busy_ns),
                               (uint64_t)row->calls,
                               (uint64_t)row->sent,
                               (uint64_t)row->received,
                               (uint64_t)row->waiting,
                               (uint64_t)row->chares,
                               (uint64_t)row->moved_in,
                               (uint64_t)row->moved_out};
    size_t begun = obj_proto_begin(writer, 1);
    for (uint32_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i] != 0) obj_proto_put_number(writer, i + 1, fields[i]);
    }
    obj_proto_end(writer, begun);
}

/* NULL: out of memory. */
static struct chariot_msg *response(struct chariot_pe *pe) {
    struct chariot_writer writer;
    struct chariot_msg *body;
    chariot_writer_init_take(&writer, NULL);
    for (uint32_t i = 0; i < pe->node.num_pes; i++) {
        if (pe->watch.rows[i].told) put_pe(&writer, pe, i, &pe->watch.rows[i]);
    }
    return chariot_writer_finish(&writer, &body) == 0 ? body : NULL;
}

static void on_rows(struct obj_watcher *watcher) {
    struct obj_visit *visit = (struct obj_visit *)(void *)((char *)watcher - offsetof(struct obj_visit, watcher));
    struct chariot_msg *body = visit->has_room(visit) ? response(visit->pe) : NULL;
    if (body != NULL) visit->put_take(visit, body);
}

/* CHARIOT_EMALFORMED. */
static int read_period(struct rpc_wire wire, int64_t *period_ns) {
    uint64_t period_ms = 0;
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return CHARIOT_EMALFORMED;
        if (field.number != 1) continue;
        if (field.type != RPC_WIRE_VARINT) return CHARIOT_EMALFORMED;
        period_ms = (uint32_t)field.value;
    }
    if (period_ms == 0) period_ms = PERIOD_MS;
    *period_ns = (int64_t)(period_ms < LEAST_PERIOD_MS ? LEAST_PERIOD_MS : period_ms) * 1000000;
    return 0;
}

int obj_door_begin_pes(struct obj_visit *visit, struct rpc_wire wire) {
    if (read_period(wire, &visit->watcher.period_ns) != 0) return obj_door_malformed(visit);
    if (!visit->guest->may(visit->guest->ctx, "@job", "watch"))
        return obj_door_answer(visit, OBJ_DOOR_PERMISSION_DENIED, "@job.watch is not this client's to call");
    visit->watcher.on_rows = on_rows;
    if (obj_watch_add(visit->pe, &visit->watcher) != 0) return obj_door_no_memory(visit);
    visit->watches = true;
    return 0;
}

void obj_door_end_pes(struct obj_visit *visit) {
    if (visit->watches) obj_watch_remove(visit->pe, &visit->watcher);
    visit->watches = false;
}
