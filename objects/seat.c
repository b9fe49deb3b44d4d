#include "objects/seat.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/move.h"
#include "objects/reduce.h"
#include "objects/section.h"

/* ---------------------------------------------------------------- the element's PE */

struct obj_seat *obj_seat_find(const struct chariot_elem *elem, uint64_t section) {
    struct obj_seat *seat = elem->seats;
    while (seat != NULL && seat->section != section) seat = seat->next;
    return seat;
}

/* What an element will have in place of the member that it is here. */
static struct obj_seat seat_of(const struct chariot_pe *pe, const struct obj_member *member) {
    return (struct obj_seat){
        .section = member->coll->id, .reductions = member->reductions, .anchor = pe->node.pe, .place = member->place};
}

int obj_seats_write(const struct chariot_pe *pe, const struct chariot_elem *elem, struct chariot_writer *writer) {
    size_t count = 0;
    for (const struct obj_seat *seat = elem->seats; seat != NULL; seat = seat->next) count++;
    for (const struct obj_member *member = elem->sections; member != NULL; member = member->next) count++;
    struct obj_seat *seats = calloc(count + 1, sizeof *seats), *to = seats;
    if (seats == NULL) return writer->error = CHARIOT_ENOMEM;
    for (const struct obj_seat *seat = elem->seats; seat != NULL; seat = seat->next, to++) {
        *to = *seat;
        to->next = NULL;
    }
    for (const struct obj_member *member = elem->sections; member != NULL; member = member->next) {
        if (member->coll->closed != 0) continue; /* it is about to be destroyed */
        *to++ = seat_of(pe, member);
    }
    int rc = chariot_put_bytes(writer, seats, (size_t)(to - seats) * sizeof *seats);
    free(seats);
    return rc;
}

/* The first member that elem is here is absent from now on; all: as in struct obj_absent. */
static int make_absent(struct chariot_elem *elem, uint64_t all) {
    struct obj_member *member = elem->sections;
    const struct obj_coll *of = elem->own.coll;
    struct obj_absent *absent = malloc(sizeof *absent);
    if (absent == NULL) return CHARIOT_ENOMEM;
    *absent = (struct obj_absent){.of = of->id, .type = of->type, .ndims = of->ndims, .all = all};
    memcpy(absent->index, elem->index, sizeof absent->index);
    elem->sections = member->next;
    member->elem = NULL;
    member->next = NULL;
    member->absent = absent;
    return 0;
}

int obj_seats_leave(struct chariot_elem *elem) {
    int rc = 0;
    for (struct obj_seat *seat; (seat = elem->seats) != NULL;) {
        elem->seats = seat->next;
        free(seat);
    }
    for (const struct obj_member *member; rc == 0 && (member = elem->sections) != NULL;) {
        rc = make_absent(elem, member->coll->closed != 0 ? member->reductions : UINT64_MAX);
    }
    return rc;
}

/* Brings the member to the front of its element's list. */
static void put_first(struct obj_member *member) {
    struct obj_member **at = &member->elem->sections;
    while (*at != member) at = &(*at)->next;
    *at = member->next;
    member->next = member->elem->sections;
    member->elem->sections = member;
}

int obj_seat_begin(const struct chariot_pe *pe, struct obj_member *member) {
    struct chariot_elem *elem = member->elem;
    struct obj_seat *seat = malloc(sizeof *seat);
    if (seat == NULL) return CHARIOT_ENOMEM;
    put_first(member);
    *seat = seat_of(pe, member);
    if (make_absent(elem, UINT64_MAX) != 0) {
        free(seat);
        return CHARIOT_ENOMEM;
    }
    seat->next = elem->seats;
    elem->seats = seat;
    return 0;
}

static bool is_seat(const struct chariot_pe *pe, const struct obj_seat *seat) {
    bool section = obj_id_kind(seat->section) == CHARIOT_SECTION && obj_id_is_partial(seat->section);
    return section && obj_id_pe(seat->section) < pe->node.num_pes && seat->anchor < pe->node.num_pes &&
           seat->reductions <= OBJ_MAX_NUMBER;
}

int obj_seats_read(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_reader *reader) {
    struct chariot_value bytes;
    int rc = chariot_get_typed(reader, CHARIOT_BYTES, &bytes);
    if (rc != 0 || bytes.bytes.size % sizeof(struct obj_seat) != 0) return CHARIOT_EMALFORMED;
    for (size_t at = 0; at < bytes.bytes.size; at += sizeof(struct obj_seat)) {
        struct obj_seat read, *seat;
        memcpy(&read, bytes.bytes.data + at, sizeof read);
        if (!is_seat(pe, &read)) return CHARIOT_EMALFORMED;
        seat = malloc(sizeof *seat);
        if (seat == NULL) return CHARIOT_ENOMEM;
        *seat = read;
        seat->next = elem->seats;
        elem->seats = seat;
    }
    return 0;
}

static void send_take(struct chariot_pe *pe, const struct obj_seat *seat, enum obj_move_what what,
                      struct chariot_msg *msg) {
    msg->method = what;
    msg->target = seat->section;
    msg->seq = seat->reductions;
    msg->index[0] = seat->place;
    obj_send_take(pe, seat->anchor, msg);
}

void obj_seat_contribute_take(struct chariot_pe *pe, struct obj_seat *seat, struct chariot_msg *value, uint32_t reducer,
                              const struct chariot_target *target, uint64_t future) {
    const struct obj_partial_tail tail = {1, reducer, value != NULL, *target};
    struct chariot_msg *msg = obj_reduce_put_tail(pe, OBJ_KIND_MOVE, value, &tail);
    if (msg == NULL) return;
    msg->reply = future;
    send_take(pe, seat, OBJ_MOVE_CONTRIBUTION, msg);
    seat->reductions++;
}

static void give_up(struct chariot_pe *pe, struct obj_seat *seat) {
    struct chariot_msg *msg = pe->ending ? NULL : obj_msg_new(pe, OBJ_KIND_MOVE, 0);
    if (msg != NULL) send_take(pe, seat, OBJ_MOVE_UNSEATED, msg);
    free(seat);
}

bool obj_seat_give_up(struct chariot_pe *pe, struct chariot_elem *elem, uint64_t section) {
    struct obj_seat **at = &elem->seats, *seat;
    while (*at != NULL && (*at)->section != section) at = &(*at)->next;
    if ((seat = *at) == NULL) return false;
    *at = seat->next;
    give_up(pe, seat);
    return true;
}

void obj_seats_give_up_all(struct chariot_pe *pe, struct chariot_elem *elem) {
    while (elem->seats != NULL) {
        struct obj_seat *seat = elem->seats;
        elem->seats = seat->next;
        give_up(pe, seat);
    }
}

/* ---------------------------------------------------------------- its anchor */

void obj_absent_free(struct obj_absent *absent) {
    if (absent == NULL) return;
    rpc_msg_queue_clear(&absent->early);
    free(absent);
}

void obj_absent_deliver(struct chariot_pe *pe, const struct obj_member *member, struct chariot_msg *broadcast) {
    const struct obj_absent *absent = member->absent;
    const struct chariot_reply reply = obj_broadcast_reply(broadcast, pe->node.pe);
    struct chariot_msg *call = obj_broadcast_as_call(pe, broadcast, &reply);
    if (call == NULL) return;
    call->target = absent->of;
    call->ndims = absent->ndims;
    memcpy(call->index, absent->index, sizeof call->index);
    call->method = obj_section_method(pe, member, broadcast->method);
    if (call->method == UINT32_MAX) call->method = OBJ_METHOD_UNNAMED;
    obj_call_go_take(pe, call);
}

/* Counts the contribution (borrowed), which is the next. */
static void count(struct chariot_pe *pe, struct obj_member *member, struct chariot_msg *msg) {
    struct obj_partial_tail tail;
    struct obj_coll *coll = member->coll;
    if (obj_reduce_read_tail(pe, msg, &tail) != 0) {
        obj_refuse(pe, msg);
        return;
    }
    uint64_t number = member->reductions++;
    if (tail.target.kind == OBJ_TO_ALL && msg->reply != 0) obj_allreduce_relay(pe, coll->id, number, msg->reply);
    struct chariot_msg *value = obj_reduce_value_of(msg, &tail);
    int rc = obj_reduce_add_take(pe, coll, number, member->place, value, tail.reducer, &tail.target);
    if (rc == CHARIOT_ESTATE)
        obj_reduce_disagreed(pe, coll, msg, obj_reduce_record(pe, obj_reduce_key(coll->id, OBJ_SPACE_PROGRAM, number)),
                             tail.reducer);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
}

/* The contribution of this number that has come before its turn; NULL: there is none. */
static struct chariot_msg *take_early(struct obj_absent *absent, uint64_t number) {
    struct rpc_msg_queue rest = {0};
    struct chariot_msg *msg, *found = NULL;
    while ((msg = rpc_msg_queue_pop(&absent->early)) != NULL) {
        if (found == NULL && msg->seq == number)
            found = msg;
        else
            rpc_msg_queue_push_take(&rest, msg);
    }
    absent->early = rest;
    return found;
}

static void on_contribution(struct chariot_pe *pe, struct obj_member *member, struct chariot_msg *msg) {
    struct obj_absent *absent = member->absent;
    if (msg->seq > member->reductions) {
        rpc_msg_queue_push_take(&absent->early, rpc_msg_ref(msg));
        return;
    }
    count(pe, member, msg);
    while (absent->early.head != NULL && !pe->ending && (msg = take_early(absent, member->reductions)) != NULL) {
        count(pe, member, msg);
        rpc_msg_unref(msg);
    }
}

/* It is at this place of a section; NULL: the message is a lie. */
static struct obj_member *member_of(struct chariot_pe *pe, const struct chariot_msg *msg) {
    const struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL || coll->section == NULL || msg->index[0] >= coll->num_members) return NULL;
    struct obj_member *member = coll->members[msg->index[0]];
    return member != NULL && member->absent != NULL && msg->seq >= member->reductions ? member : NULL;
}

void obj_seat_on_message(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_member *member = member_of(pe, msg);
    if (member == NULL || member->absent->all <= msg->seq) {
        obj_refuse(pe, msg);
        return;
    }
    if (msg->method == OBJ_MOVE_UNSEATED)
        member->absent->all = msg->seq;
    else
        on_contribution(pe, member, msg);
    if (!pe->ending && member->reductions == member->absent->all) obj_section_left(pe, member);
}
