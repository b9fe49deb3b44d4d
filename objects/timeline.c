/* Writes down what happens when, for the timeline that the launcher makes of it (rpc/timeline.h). Once as many events
 * as may be kept are there, or there is no more room, the later ones are dropped and counted; the end of what has begun
 * is always written. */
#include <string.h>

#include "objects/meter.h"

/* Appends a record with `extra` bytes behind it. NULL: no room. Its kind is set by finish(). */
static struct rpc_timeline_record *append(struct obj_timeline *line, size_t extra) {
    size_t size = (sizeof(struct rpc_timeline_record) + extra + 7) & ~(size_t)7;
    if ((size_t)(line->end - line->at) < size) {
        size_t room = 0;
        uint8_t *more = line->more(line->ctx, &room);
        line->at = more;
        line->end = more == NULL ? NULL : more + room;
        if (more == NULL || room < size) return NULL;
    }
    struct rpc_timeline_record *record = (struct rpc_timeline_record *)(void *)line->at;
    line->at += size;
    record->words = (uint8_t)(size / 8);
    return record;
}

/* The kind last: whoever finds it finds the rest. */
static void finish(struct rpc_timeline_record *record, enum rpc_timeline_kind kind) {
    __atomic_store_n(&record->kind, (uint8_t)kind, __ATOMIC_RELEASE);
}

/* Room for one more event that may be dropped. */
static struct rpc_timeline_record *event(struct obj_timeline *line, size_t extra) {
    struct rpc_timeline_record *record = line->events < line->limit ? append(line, extra) : NULL;
    if (record != NULL) {
        line->events++;
        return record;
    }
    line->limit = 0; /* what comes later is not wanted without this */
    ++*line->dropped;
    return NULL;
}

/* False: no room. */
static bool tell_name(struct chariot_pe *pe, const struct chariot_activity *what, struct obj_meter_row *row) {
    if (row->name != 0) return true;
    char text[RPC_TIMELINE_MAX_TEXT];
    obj_meter_label(pe, what, text, sizeof text);
    struct obj_timeline *line = &pe->meter->timeline;
    struct rpc_timeline_record *record = append(line, strlen(text) + 1);
    if (record == NULL) return false;
    record->name = row->name = ++line->last_name;
    memcpy(record + 1, text, strlen(text) + 1);
    finish(record, RPC_TIMELINE_NAME);
    return true;
}

static void put_index(struct rpc_timeline_record *record, const struct chariot_activity *what) {
    struct chariot_ref ref = {.index = {what->index[0], what->index[1], what->index[2]}, .ndims = what->ndims};
    struct chariot_index index;
    chariot_ref_index(&ref, &index);
    record->ndims = what->ndims;
    memcpy(record + 1, index.at, what->ndims * sizeof(int64_t));
}

/* An event of `what`, at the time that the meter has just looked at. */
static struct rpc_timeline_record *event_of(struct chariot_pe *pe, const struct chariot_activity *what,
                                            struct obj_meter_row *row, enum rpc_timeline_category category) {
    struct obj_timeline *line = &pe->meter->timeline;
    if (line->events < line->limit && !tell_name(pe, what, row)) line->limit = 0;
    struct rpc_timeline_record *record = event(line, what->ndims * sizeof(int64_t));
    if (record == NULL) return NULL;
    record->category = (uint8_t)category;
    record->name = row->name;
    record->at_ns = pe->meter->mark_ns;
    put_index(record, what);
    return record;
}

void obj_timeline_begin(struct chariot_pe *pe, struct obj_meter_frame *frame, enum rpc_timeline_category category,
                        struct chariot_msg *cause) {
    if (pe->meter->timeline.ctx == NULL) return;
    struct rpc_timeline_record *record = event_of(pe, &frame->what, frame->row, category);
    if (record == NULL) return;
    if (cause != NULL && (category == RPC_TIMELINE_MESSAGE || cause->kind == OBJ_KIND_CALL)) {
        record->peer = obj_meter_sender_of(pe, cause);
        record->number = cause->number;
        cause->number = 0; /* its arrow has one end */
    }
    record->bytes = cause == NULL ? 0 : cause->size;
    frame->told = true;
    finish(record, RPC_TIMELINE_BEGIN);
}

void obj_timeline_end(struct chariot_pe *pe, struct obj_meter_frame *frame) {
    if (!frame->told) return;
    frame->told = false;
    struct rpc_timeline_record *record = append(&pe->meter->timeline, 0);
    if (record == NULL) return;
    record->at_ns = pe->meter->mark_ns;
    finish(record, RPC_TIMELINE_END);
}

void obj_timeline_send(struct chariot_pe *pe, uint32_t to, uint32_t number, const struct chariot_msg *msg) {
    struct obj_timeline *line = &pe->meter->timeline;
    struct rpc_timeline_record *record = line->ctx == NULL ? NULL : event(line, 0);
    if (record == NULL) return;
    record->at_ns = chariot_now_ns(pe);
    record->peer = to;
    record->number = number;
    record->bytes = msg->size;
    finish(record, RPC_TIMELINE_SEND);
}

void obj_timeline_instant(struct chariot_pe *pe, const struct chariot_activity *what, struct obj_meter_row *row,
                          enum rpc_timeline_category category, uint32_t other, uint32_t number) {
    struct rpc_timeline_record *record = pe->meter->timeline.ctx == NULL ? NULL : event_of(pe, what, row, category);
    if (record == NULL) return;
    record->at_ns = chariot_now_ns(pe);
    record->peer = other;
    record->number = number;
    finish(record, RPC_TIMELINE_INSTANT);
}

int obj_timeline_start(struct chariot_pe *pe, const struct obj_timeline *to) {
    int rc = obj_meter_start(pe);
    if (rc == 0) pe->meter->timeline = *to;
    return rc;
}
