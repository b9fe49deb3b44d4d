/* Calls of foreign programs, from the service to the door and back: see serve.h.
 *
 *   a request comes (with the turn, also while a method computes) -> a task in the run queue -> the door -> its answer
 *   or the client goes: what has not been begun is not, what has been is not waited for.
 *   Of a channel each further request is such a task, and so is word that there is room for responses. */
#include "objects/serve.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/public.h"

/* One call. It goes when the visit is over, and when no task refers to it any more. */
struct obj_caller {
    struct obj_visit visit;
    struct obj_guest guest;
    struct obj_serving *serving;
    struct rpc_visit *call; /* NULL: answered, or its client has gone */
    struct obj_caller *next, **at;
    struct chariot_msg *request; /* until it is worked on */
    unsigned tasks;              /* in the run queue */
    bool begun;
};

const struct rpc_service_method obj_serve_methods[OBJ_SERVE_NUM_METHODS] = {
    [OBJ_DOOR_CALL] = {.path = "/chariot.v1.ObjectService/Call"},
    [OBJ_DOOR_BROADCAST] = {.path = "/chariot.v1.ObjectService/Broadcast"},
    [OBJ_DOOR_REDUCE] = {.path = "/chariot.v1.ObjectService/Reduce"},
    [OBJ_DOOR_LIST] = {.path = "/chariot.v1.ObjectService/ListObjects"},
    [OBJ_DOOR_GET] = {.path = "/chariot.v1.ObjectService/GetObject"},
    [OBJ_DOOR_WATCH] = {.path = "/chariot.v1.ObjectService/WatchFuture", .streams = true},
    [OBJ_DOOR_PES] = {.path = "/chariot.v1.ObjectService/WatchPes", .streams = true},
    [OBJ_DOOR_CHANNEL] = {.path = "/chariot.v1.ObjectService/OpenChannel", .streams = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_CHECK] = {.path = "/grpc.health.v1.Health/Check", .open = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_WATCH] = {.path = "/grpc.health.v1.Health/Watch", .streams = true, .open = true},
    [OBJ_SERVE_DOORS +
        OBJ_PUBLIC_REFLECT] = {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", .streams = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_REFLECT +
        1] = {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", .streams = true},
};

static void caller_free(struct obj_caller *caller) {
    obj_door_cancel(&caller->visit);
    *caller->at = caller->next;
    if (caller->next != NULL) caller->next->at = caller->at;
    rpc_msg_unref(caller->request);
    rpc_msg_unref(caller->visit.body);
    rpc_msg_unref(caller->visit.failure);
    rpc_msg_queue_clear(&caller->visit.before);
    free(caller);
}

/* By the scheduler: what is dropped may be the user's objects. */
static void free_if_over(struct obj_caller *caller) {
    if (caller->call == NULL && caller->tasks == 0 && !caller->visit.busy) caller_free(caller);
}

/* ---------------------------------------------------------------- answers */

/* google.rpc.Status with an ObjectError among its details. NULL: there is none to tell, or no memory for it. */
static struct chariot_msg *status_of(const struct obj_visit *visit) {
    struct chariot_writer writer;
    struct chariot_msg *status;
    if (visit->failure == NULL) return NULL;
    chariot_writer_init_take(&writer, NULL);
    obj_proto_put_number(&writer, 1, visit->status);
    obj_proto_put_text(&writer, 2, visit->text);
    size_t any = obj_proto_begin(&writer, 3);
    obj_proto_put_text(&writer, 1, "type.googleapis.com/chariot.v1.ObjectError");
    obj_proto_put_bytes(&writer, 2, chariot_msg_data(visit->failure), chariot_msg_size(visit->failure));
    obj_proto_end(&writer, any);
    return chariot_writer_finish(&writer, &status) == 0 ? status : NULL;
}

/* Its client may have gone meanwhile. */
static void finish(struct obj_caller *caller) {
    struct obj_visit *visit = &caller->visit;
    struct rpc_visit *call = caller->call;
    struct chariot_msg *body = visit->body;
    caller->call = NULL;
    obj_door_cancel(visit);
    if (call != NULL) {
        const struct rpc_serve_ops *ops = caller->serving->at.ops;
        bool ok = visit->status == OBJ_DOOR_OK;
        visit->body = NULL;
        for (struct chariot_msg *one; (one = rpc_msg_queue_pop(&visit->before)) != NULL;) ops->put_take(call, one);
        ops->finish_take(call, body, visit->status, ok ? "" : visit->text, status_of(visit));
    }
    free_if_over(caller);
}

static void on_answer(struct obj_visit *visit) {
    OBJ_API(visit->pe);
    finish((struct obj_caller *)visit);
}

static void put_take(struct obj_visit *visit, struct chariot_msg *response) {
    struct obj_caller *caller = (struct obj_caller *)visit;
    if (caller->call != NULL)
        caller->serving->at.ops->put_take(caller->call, response);
    else
        rpc_msg_unref(response);
}

static bool has_room(struct obj_visit *visit) {
    struct obj_caller *caller = (struct obj_caller *)visit;
    return caller->call != NULL && caller->serving->at.ops->has_room(caller->call);
}

static void more(struct obj_visit *visit) {
    struct obj_caller *caller = (struct obj_caller *)visit;
    if (caller->call != NULL) caller->serving->at.ops->more(caller->call);
}

/* ---------------------------------------------------------------- requests */

static bool may(void *ctx, const char *object, const char *method) {
    const struct obj_caller *caller = ctx;
    return caller->call != NULL && caller->serving->at.ops->may(caller->call, object, method);
}

/* A task's turn. True: the call is still there. */
static bool resumes(struct obj_caller *caller) {
    caller->tasks--;
    return caller->call != NULL;
}

/* What the door has said to a task: its answer, or the client may have gone meanwhile. */
static void done(struct obj_caller *caller, int rc) {
    if (rc == OBJ_DOOR_ANSWERED)
        finish(caller);
    else
        free_if_over(caller);
}

static void on_begin(struct chariot_pe *pe, void *ctx) {
    struct obj_caller *caller = ctx;
    OBJ_API(pe);
    struct chariot_msg *request = caller->request;
    caller->request = NULL;
    bool first = !caller->begun;
    int rc = 0;
    caller->begun = true;
    if (resumes(caller)) {
        const void *data = request == NULL ? NULL : chariot_msg_data(request);
        size_t size = request == NULL ? 0 : chariot_msg_size(request);
        rc = first ? obj_door_begin(&caller->visit, data, size) : obj_door_next(&caller->visit, data, size);
    }
    rpc_msg_unref(request);
    done(caller, rc);
}

static void on_passage(struct chariot_pe *pe, void *ctx) {
    struct obj_caller *caller = ctx;
    OBJ_API(pe);
    done(caller, resumes(caller) ? obj_door_room(&caller->visit) : 0);
}

static int post(struct obj_caller *caller, void (*fn)(struct chariot_pe *pe, void *ctx)) {
    int rc = obj_post(caller->serving->pe, fn, caller);
    if (rc == 0) caller->tasks++;
    return rc;
}

static void on_gone(struct chariot_pe *pe, void *ctx) {
    struct obj_caller *caller = ctx;
    OBJ_API(pe);
    caller->tasks--;
    free_if_over(caller);
}

/* Its call is no more: the scheduler sees to the rest. */
static void let_go(struct obj_caller *caller) {
    caller->call = NULL;
    if (caller->tasks == 0 && post(caller, on_gone) != 0) obj_out_of_memory(caller->serving->pe);
}

/* NULL: out of memory. */
static struct chariot_msg *copy_of(const void *data, size_t size) {
    struct chariot_msg *copy = rpc_msg_new(size);
    if (copy == NULL) return NULL;
    if (size > 0) memcpy(rpc_msg_payload(copy), data, size);
    copy->size = size;
    return copy;
}

/* NULL: out of memory. */
static struct obj_caller *caller_new(struct obj_serving *serving, struct rpc_visit *call, uint32_t method,
                                     const void *data, size_t size) {
    struct obj_caller *caller = calloc(1, sizeof *caller);
    struct chariot_msg *request = copy_of(data, size);
    if (caller == NULL || request == NULL) {
        free(caller);
        rpc_msg_unref(request);
        return NULL;
    }
    caller->request = request;
    caller->serving = serving;
    caller->call = call;
    caller->guest =
        (struct obj_guest){.ctx = caller, .may = may, .seal = &serving->seal, .shows_traces = serving->shows_traces};
    caller->visit = (struct obj_visit){.pe = serving->pe,
                                       .guest = &caller->guest,
                                       .method = (enum obj_door_method)method,
                                       .on_answer = on_answer,
                                       .put_take = put_take,
                                       .has_room = has_room,
                                       .more = more};
    caller->next = serving->callers;
    caller->at = &serving->callers;
    if (caller->next != NULL) caller->next->at = &caller->next;
    serving->callers = caller;
    return caller;
}

/* The next question, once there is room for its answer. */
static void ask_for_more(struct obj_serving *serving, struct rpc_visit *call) {
    const struct rpc_serve_ops *ops = serving->at.ops;
    if (ops->has_room(call)) ops->more(call);
}

/* Of the service itself: answered here and now. Whoever watches its health hears no more than that; who asks what there
 * is may go on asking, as far as he reads the answers. */
static void answer_public(struct obj_serving *serving, struct rpc_visit *call, enum obj_public_method method,
                          const void *data, size_t size) {
    const struct rpc_serve_ops *ops = serving->at.ops;
    struct chariot_writer writer;
    struct chariot_msg *body = NULL;
    if (data == NULL) { /* no more questions */
        if (method == OBJ_PUBLIC_REFLECT) ops->finish_take(call, NULL, OBJ_DOOR_OK, "", NULL);
        return;
    }
    chariot_writer_init_take(&writer, NULL);
    int rc = obj_public_answer(method, data, size, &writer);
    if (chariot_writer_finish(&writer, &body) != 0) rc = CHARIOT_ENOMEM;
    if (rc == 0 && method != OBJ_PUBLIC_CHECK) {
        ops->put_take(call, body);
        ask_for_more(serving, call);
        return;
    }
    enum obj_door_status status = rc == 0                    ? OBJ_DOOR_OK
                                  : rc == OBJ_PUBLIC_UNKNOWN ? OBJ_DOOR_NOT_FOUND
                                                             : OBJ_DOOR_INVALID_ARGUMENT;
    if (rc != 0) {
        rpc_msg_unref(body);
        body = NULL;
    }
    ops->finish_take(call, body, status, rc == 0 ? "" : "no such service, or no such request", NULL);
}

static void refuse_memory(struct obj_serving *serving, struct rpc_visit *call) {
    serving->at.ops->finish_take(call, NULL, OBJ_DOOR_RESOURCE_EXHAUSTED, "the service is out of memory", NULL);
}

/* One more of a channel. */
static void go_on(struct obj_caller *caller, const void *data, size_t size) {
    struct rpc_visit *call = caller->call;
    if (data != NULL) caller->request = copy_of(data, size);
    if ((data == NULL || caller->request != NULL) && post(caller, on_begin) == 0) return;
    let_go(caller);
    refuse_memory(caller->serving, call);
}

/* With the turn, maybe the stand-in's: what it asks for is done by the scheduler. */
static void on_request(void *owner, struct rpc_visit *call, uint32_t method, const void *data, size_t size) {
    struct obj_serving *serving = owner;
    if (method >= OBJ_SERVE_DOORS) {
        enum obj_public_method which = (enum obj_public_method)(method - OBJ_SERVE_DOORS);
        answer_public(serving, call, which > OBJ_PUBLIC_REFLECT ? OBJ_PUBLIC_REFLECT : which, data, size);
        return;
    }
    struct obj_caller *caller = serving->at.ops->get(call);
    if (caller != NULL) {
        go_on(caller, data, size);
        return;
    }
    if (data == NULL) { /* a stream whose first request has not come */
        serving->at.ops->finish_take(call, NULL, OBJ_DOOR_INVALID_ARGUMENT, "the call has no request", NULL);
        return;
    }
    caller = caller_new(serving, call, method, data, size);
    if (caller != NULL && post(caller, on_begin) == 0) {
        serving->at.ops->set(call, caller);
        return;
    }
    if (caller != NULL) caller_free(caller);
    refuse_memory(serving, call);
}

static void on_room(void *owner, struct rpc_visit *call) {
    struct obj_serving *serving = owner;
    struct obj_caller *caller = serving->at.ops->get(call);
    if (caller == NULL) { /* of the service itself */
        ask_for_more(serving, call);
        return;
    }
    if (post(caller, on_passage) == 0) return;
    let_go(caller);
    refuse_memory(serving, call);
}

static void on_cancel(void *owner, struct rpc_visit *call) {
    struct obj_serving *serving = owner;
    struct obj_caller *caller = serving->at.ops->get(call);
    if (caller == NULL) return; /* of the service itself */
    obj_door_gone(&caller->visit);
    let_go(caller);
}

const struct rpc_service_ops obj_serve_ops = {.on_request = on_request, .on_cancel = on_cancel, .on_room = on_room};

void obj_serve_seal(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]) {
    const struct obj_serving *serving = ctx;
    uint8_t text[1 + 64], whole[32] = {0};
    if (size + 1 <= sizeof text) { /* a ref has 45 bytes at most; longer ones get a seal that fits nothing */
        text[0] = kind;
        memcpy(text + 1, data, size);
        serving->at.ops->seal(serving->at.seal_key, text, size + 1, whole);
    } else {
        serving->at.ops->seal(serving->at.seal_key, "", 0, whole);
    }
    memcpy(seal, whole, OBJ_SEAL_BYTES);
}

void obj_serve_forget(struct obj_serving *serving) {
    while (serving->callers != NULL) caller_free(serving->callers);
}
