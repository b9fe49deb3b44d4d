/* objects/call.h: what calls, broadcasts and futures share: kinds of reply, and error and null values. */
#ifndef CHARIOT_OBJECTS_CALL_H
#define CHARIOT_OBJECTS_CALL_H

#include "objects/pe.h"

/* chariot_reply.kind */
enum { OBJ_REPLY_NONE = 0, OBJ_REPLY_FUTURE, OBJ_REPLY_BROADCAST };

#define OBJ_TEXT_DESTROYED "the chare or collection was destroyed"

struct obj_reply_wait *obj_reply_wait_new(const struct chariot_reply *reply);

/* True if messages for ref can be sent: it is one, and its root is a PE of this job. */
bool obj_ref_is_valid(const struct chariot_pe *pe, const struct chariot_ref *ref);
/* The PE that numbers its broadcasts: the root of its span. */
uint32_t obj_ref_root(const struct chariot_ref *ref);
/* The same of what a reduction's result may go to, from this PE or another. */
bool obj_target_is_valid(const struct chariot_pe *pe, const struct chariot_target *target);

/* A broadcast that goes as a call (move.h, seat.h) finds its element destroyed: it has no part in the results. */
void obj_call_excuse(struct chariot_pe *pe, const struct chariot_msg *msg);

/* An error nobody waits for: the face's, or the end of the job. */
void obj_unreceived_error(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error);

/* error.c: values that the runtime itself makes. NULL: out of memory, said already. */
struct chariot_msg *obj_error_new(struct chariot_pe *pe, const char *type, const char *text);
/* The same of a method that fails: with where that was. */
struct chariot_msg *obj_error_of_call(const struct chariot_call *call, const char *type, const char *text);
struct chariot_msg *obj_null_new(struct chariot_pe *pe);
/* The runtime says it of what was called: it was destroyed. */
bool obj_error_is_destroyed(const struct chariot_msg *error);
/* "type: text" of an error value, cut to size. */
void obj_error_text(const struct chariot_msg *error, char *text, size_t size);

#endif
