/* objects/door_request.h: requests of foreign programs, from bytes to what they are about; for door.c. What is wrong
 * with one is the visit's answer. */
#ifndef CHARIOT_OBJECTS_DOOR_REQUEST_H
#define CHARIOT_OBJECTS_DOOR_REQUEST_H

#include "objects/door.h"

/* A request for a method. */
struct obj_door_request {
    struct chariot_ref ref;
    uint32_t method;
    struct chariot_msg *args; /* owned */
    uint64_t more;            /* one_way, or the reducer; the caller checks it */
};

/* Outcome OBJ_DOOR_ANSWERED: refused, and *request has nothing. */
int obj_door_read_call(struct obj_visit *visit, struct rpc_wire wire, struct obj_door_request *request);
/* The object that a Target names, and visit->object. The same outcome. */
int obj_door_find(struct obj_visit *visit, struct rpc_wire wire, struct chariot_ref *ref);
/* The future that a Future's handle names. The same outcome. */
int obj_door_find_future(struct obj_visit *visit, struct rpc_wire wire, uint64_t *id);
/* A text of UTF-8 without NUL that fits. */
bool obj_door_copy_text(char *out, size_t room, const struct rpc_wire *text);

/* door.c: the value (or each of a list, as BROADCAST gives them) as field 1 of the response, or why that cannot be. */
void obj_door_answer_with(struct obj_visit *visit, const struct chariot_msg *value, bool each);
/* The method has raised this error. */
void obj_door_fail_with(struct obj_visit *visit, const struct chariot_msg *error);

/* door_stream.c: requests of OpenChannel; outcomes as obj_door_begin(), obj_door_next(), obj_door_room(). */
int obj_door_stream_begin(struct obj_visit *visit, struct rpc_wire wire);
int obj_door_stream_next(struct obj_visit *visit, struct rpc_wire wire);
int obj_door_stream_end(struct obj_visit *visit); /* its client sends no more */
int obj_door_stream_room(struct obj_visit *visit);
/* Its object hears that the client has gone, if it holds the channel still. */
void obj_door_stream_free(struct obj_visit *visit);

/* The answer's ObjectError, of what is known of the call; error: what its method has raised; NULL: nothing. */
void obj_door_tell(struct obj_visit *visit, const struct chariot_msg *error);
/* Answers, all with outcome OBJ_DOOR_ANSWERED. */
int obj_door_answer(struct obj_visit *visit, enum obj_door_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int obj_door_malformed(struct obj_visit *visit);
int obj_door_no_memory(struct obj_visit *visit);

#endif
