/* objects/cancel.h: a call whose caller waits no more.
 *
 * Word of it goes the way that the call went, as a call of OBJ_METHOD_CANCEL, so it comes behind the call. What has not
 * been begun by then is dropped: the word is noted where it arrives, also while a method computes, and calls are looked
 * up among what is noted, if there is anything. A method that has suspended hears of it (chariot_type.cancel); one that
 * runs can ask (chariot_is_cancelled). The call completes as ever; nobody hears of that.
 *
 *   OBJ_METHOD_CANCEL arrives -> noted -> calls before it in the run queue are dropped -> its turn: no longer noted,
 * and the element, or each of a collection, is told */
#ifndef CHARIOT_OBJECTS_CANCEL_H
#define CHARIOT_OBJECTS_CANCEL_H

#include "objects/pe.h"

/* The call of `to` whose result was to come to this future. It goes at once, whoever has the turn. */
void obj_cancel_send(struct chariot_pe *pe, const struct chariot_ref *to, uint64_t call);

static inline bool obj_is_cancel(const struct chariot_msg *msg) {
    return msg->method == OBJ_METHOD_CANCEL && (msg->kind == OBJ_KIND_CALL || msg->kind == OBJ_KIND_BROADCAST);
}
/* It joins the run queue. */
void obj_cancel_note(struct chariot_pe *pe, const struct chariot_msg *msg);
/* Its turn has come. */
void obj_cancel_over(struct chariot_pe *pe, const struct chariot_msg *msg);
/* And it has come to elem. */
void obj_cancel_tell(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_msg *msg);
/* Whether this call is to be dropped. */
static inline bool obj_is_cancelled(const struct chariot_pe *pe, uint64_t call) {
    return __builtin_expect(pe->cancelled.count > 0, 0) && call != 0 &&
           obj_map_get(&pe->cancelled, obj_key1(call)) != NULL;
}

#endif
