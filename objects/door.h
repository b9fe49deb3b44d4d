/* objects/door.h: what a foreign program asks of a job (chariot/v1/object_service.proto), from the bytes of its request
 * to the bytes of the answer. Who carries them, and who the program is, is rpc/'s affair.
 *
 *   begin -- refused, or known here: answered at once
 *     '----- calls an object -- its result --> on_answer
 *                 '---- cancel: nothing more is heard of it, and its method hears that
 *
 * Of a channel there is more in between (door_stream.c): what its object sends comes by put_take, as long as has_room;
 * what its client sends is given to obj_door_next(), each message once `more` has asked for it.
 *
 * Nothing that comes is trusted: names lead to published objects, handles carry a seal, methods are exposed ones, and
 * there is no form for a pickle. */
#ifndef CHARIOT_OBJECTS_DOOR_H
#define CHARIOT_OBJECTS_DOOR_H

#include "objects/pe.h"
#include "objects/proto.h"

enum obj_door_method {
    OBJ_DOOR_CALL,
    OBJ_DOOR_BROADCAST,
    OBJ_DOOR_REDUCE,
    OBJ_DOOR_LIST,
    OBJ_DOOR_GET,
    OBJ_DOOR_WATCH,
    OBJ_DOOR_PES,
    OBJ_DOOR_CHANNEL,
    OBJ_DOOR_NUM_METHODS,
};

/* google.rpc.Code, those of them that are used. X(NAME, number, name for programs) */
#define OBJ_DOOR_STATUSES(X)                                                                                           \
    X(OK, 0, "")                                                                                                       \
    X(INVALID_ARGUMENT, 3, "InvalidArgument")                                                                          \
    X(NOT_FOUND, 5, "NotFound")                                                                                        \
    X(PERMISSION_DENIED, 7, "PermissionDenied")                                                                        \
    X(RESOURCE_EXHAUSTED, 8, "ResourceExhausted")                                                                      \
    X(FAILED_PRECONDITION, 9, "FailedPrecondition")                                                                    \
    X(ABORTED, 10, "Aborted")                                                                                          \
    X(UNIMPLEMENTED, 12, "Unimplemented")
enum obj_door_status {
#define OBJ_DOOR_STATUS(name, number, text) OBJ_DOOR_##name = (number),
    OBJ_DOOR_STATUSES(OBJ_DOOR_STATUS)
#undef OBJ_DOOR_STATUS
};

/* Who asks. */
struct obj_guest {
    void *ctx;
    /* Whether it may call this method of that object: a published name or, of a reference, '@' and its class. */
    bool (*may)(void *ctx, const char *object, const char *method);
    const struct obj_seal *seal; /* of the handles that this service gives out */
    bool shows_traces;
};

enum { OBJ_DOOR_NAME = 256, OBJ_DOOR_TEXT = 400 };

/* One request. The caller sets the first part and leaves the rest zero; it stays where it is until obj_door_cancel().
 */
struct obj_visit {
    struct chariot_pe *pe;
    const struct obj_guest *guest;
    enum obj_door_method method;
    void (*on_answer)(struct obj_visit *visit); /* from the scheduler */
    /* Of channels, all from the scheduler: the bytes of one response (given); whether another may follow now, else
     * obj_door_room() is called once it may; the next request is wanted. */
    void (*put_take)(struct obj_visit *visit, struct chariot_msg *response);
    bool (*has_room)(struct obj_visit *visit);
    void (*more)(struct obj_visit *visit);

    /* The answer; messages are the caller's then. */
    enum obj_door_status status;
    char text[OBJ_DOOR_TEXT];    /* for people, where it is not OK */
    struct chariot_msg *body;    /* bytes of the response, where it is; of a stream, of the last one, */
    struct rpc_msg_queue before; /* and of those before it */
    struct chariot_msg *failure; /* bytes of an ObjectError, where it is not; NULL: no memory for it */

    /* The door's own. */
    char object[OBJ_DOOR_NAME], called[OBJ_DOOR_NAME];
    struct chariot_ref to; /* what was called, where the future is to get its result */
    struct chariot_future *future;
    struct chariot_waiter waiter;
    bool told;                      /* the method knows that nobody waits for it */
    struct obj_door_stream *stream; /* of a channel; owned */
    struct obj_watcher watcher;     /* of PEs, */
    bool watches;                   /* once it does */
    uint32_t reducer;
    bool one_way;
    bool busy; /* it is being worked on, and user code may run: it is answered next, or can be cancelled after that */
};

enum { OBJ_DOOR_ANSWERED = 1 }; /* outcome */
/* Reads the request, `size` bytes at data (borrowed for the call), and does what it asks. Outcome OBJ_DOOR_ANSWERED:
 * the answer is there, and on_answer is not called; 0: it will be. For who has the turn. */
int obj_door_begin(struct obj_visit *visit, const void *data, size_t size);
/* Of a channel: its next request, or NULL: there are no more. Outcome as above. From the scheduler. */
int obj_door_next(struct obj_visit *visit, const void *data, size_t size);
/* Of a channel: there is room for responses. The same outcome. */
int obj_door_room(struct obj_visit *visit);
/* Its client has gone, or waits no more: the method that it called hears of it. For who has the turn; obj_door_cancel()
 * follows, by the scheduler. */
void obj_door_gone(struct obj_visit *visit);
/* Nothing is called any more, and nothing is held for it but the answer. Also as soon as it was answered. Not while it
 * is busy. */
void obj_door_cancel(struct obj_visit *visit);

/* door_describe.c: an object for those who ask what there is, as field 1 of a message; methods: with those that this
 * guest may call. */
void obj_door_put_object(struct chariot_writer *writer, const struct obj_visit *visit, const char *name,
                         const struct chariot_ref *ref, bool methods);
/* The guest may call some method of it. */
bool obj_door_is_visible(const struct obj_visit *visit, const char *name, const struct chariot_ref *ref);

/* door_pes.c: WatchPes. A client that does not read misses some of what is told. Outcome as obj_door_begin(). */
int obj_door_begin_pes(struct obj_visit *visit, struct rpc_wire wire);
void obj_door_end_pes(struct obj_visit *visit);

#endif
