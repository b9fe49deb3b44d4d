/* Calls of foreign programs, from the service to the door and back: see serve.h.
 *
 *   a request comes (with the turn, also while a method computes) -> a task in the run queue -> the door -> its answer
 *   or the client goes: what has not been begun is not, what has been is not waited for. */
#include "objects/serve.h"

#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/public.h"

/* One request. Its caller goes when the visit is over, and itself when nothing refers to it any more. */
struct obj_caller {
    struct obj_visit visit;
    struct obj_guest guest;
    struct obj_serving *serving;
    struct rpc_visit *call; /* NULL: the client has gone */
    struct obj_caller *next, **at;
    struct chariot_msg *request; /* until it is begun */
};

const struct rpc_service_method obj_serve_methods[OBJ_SERVE_NUM_METHODS] = {
    [OBJ_DOOR_CALL] = {.path = "/chariot.v1.ObjectService/Call"},
    [OBJ_DOOR_BROADCAST] = {.path = "/chariot.v1.ObjectService/Broadcast"},
    [OBJ_DOOR_REDUCE] = {.path = "/chariot.v1.ObjectService/Reduce"},
    [OBJ_DOOR_LIST] = {.path = "/chariot.v1.ObjectService/ListObjects"},
    [OBJ_DOOR_GET] = {.path = "/chariot.v1.ObjectService/GetObject"},
    [OBJ_DOOR_WATCH] = {.path = "/chariot.v1.ObjectService/WatchFuture", .streams = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_CHECK] = {.path = "/grpc.health.v1.Health/Check", .open = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_WATCH] = {.path = "/grpc.health.v1.Health/Watch", .streams = true, .open = true},
    [OBJ_SERVE_DOORS +
        OBJ_PUBLIC_REFLECT] = {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", .streams = true},
    [OBJ_SERVE_DOORS + OBJ_PUBLIC_REFLECT +
        1] = {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", .streams = true},
};

static void caller_free(struct obj_caller *caller) {
    *caller->at = caller->next;
    if (caller->next != NULL) caller->next->at = caller->at;
    rpc_msg_unref(caller->request);
    rpc_msg_unref(caller->visit.body);
    rpc_msg_unref(caller->visit.failure);
    rpc_msg_queue_clear(&caller->visit.before);
    free(caller);
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

static void finish(struct obj_caller *caller) {
    struct obj_visit *visit = &caller->visit;
    struct rpc_visit *call = caller->call;
    struct chariot_msg *body = visit->body;
    visit->body = NULL;
    for (struct chariot_msg *one; call != NULL && (one = rpc_msg_queue_pop(&visit->before)) != NULL;)
        caller->serving->at.ops->put_take(call, one);
    if (call == NULL)
        rpc_msg_unref(body);
    else
        caller->serving->at.ops->finish_take(call, body, visit->status, visit->status == OBJ_DOOR_OK ? "" : visit->text,
                                             status_of(visit));
    caller_free(caller);
}

static void on_answer(struct obj_visit *visit) {
    OBJ_API(visit->pe);
    finish((struct obj_caller *)visit);
}

/* ---------------------------------------------------------------- requests */

static bool may(void *ctx, const char *object, const char *method) {
    const struct obj_caller *caller = ctx;
    return caller->call != NULL && caller->serving->at.ops->may(caller->call, object, method);
}

static void begin(struct chariot_pe *pe, void *ctx) {
    struct obj_caller *caller = ctx;
    OBJ_API(pe);
    struct chariot_msg *request = caller->request;
    caller->request = NULL;
    if (caller->call == NULL) { /* gone before its turn */
        rpc_msg_unref(request);
        caller_free(caller);
        return;
    }
    int rc = obj_door_begin(&caller->visit, chariot_msg_data(request), chariot_msg_size(request));
    rpc_msg_unref(request);
    if (rc == OBJ_DOOR_ANSWERED) {
        finish(caller);
    } else if (caller->call == NULL) { /* gone meanwhile */
        obj_door_cancel(&caller->visit);
        caller_free(caller);
    }
}

/* NULL: out of memory. */
static struct obj_caller *caller_new(struct obj_serving *serving, struct rpc_visit *call, uint32_t method,
                                     const void *data, size_t size) {
    struct obj_caller *caller = calloc(1, sizeof *caller);
    struct chariot_msg *request = rpc_msg_new(size);
    if (caller == NULL || request == NULL) {
        free(caller);
        rpc_msg_unref(request);
        return NULL;
    }
    if (size > 0) memcpy(rpc_msg_payload(request), data, size);
    request->size = size;
    caller->request = request;
    caller->serving = serving;
    caller->call = call;
    caller->guest =
        (struct obj_guest){.ctx = caller, .may = may, .seal = &serving->seal, .shows_traces = serving->shows_traces};
    caller->visit = (struct obj_visit){
        .pe = serving->pe, .guest = &caller->guest, .method = (enum obj_door_method)method, .on_answer = on_answer};
    caller->next = serving->callers;
    caller->at = &serving->callers;
    if (caller->next != NULL) caller->next->at = &caller->next;
    serving->callers = caller;
    return caller;
}

/* Of the service itself: answered here and now. Whoever watches its health hears no more than that; who asks what there
 * is may go on asking. */
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
        ops->more(call);
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

/* With the turn, maybe the stand-in's: what it asks for is done by the scheduler. */
static void on_request(void *owner, struct rpc_visit *call, uint32_t method, const void *data, size_t size) {
    struct obj_serving *serving = owner;
    if (method < OBJ_SERVE_DOORS && data == NULL) { /* a stream of one request, which has not come */
        serving->at.ops->finish_take(call, NULL, OBJ_DOOR_INVALID_ARGUMENT, "the call has no request", NULL);
        return;
    }
    if (method >= OBJ_SERVE_DOORS) {
        enum obj_public_method which = (enum obj_public_method)(method - OBJ_SERVE_DOORS);
        answer_public(serving, call, which > OBJ_PUBLIC_REFLECT ? OBJ_PUBLIC_REFLECT : which, data, size);
        return;
    }
    struct obj_caller *caller = caller_new(serving, call, method, data, size);
    int rc = caller == NULL ? CHARIOT_ENOMEM : obj_post(serving->pe, begin, caller);
    if (rc == 0) {
        serving->at.ops->set(call, caller);
        return;
    }
    if (caller != NULL) caller_free(caller);
    serving->at.ops->finish_take(call, NULL, OBJ_DOOR_RESOURCE_EXHAUSTED, "the service is out of memory", NULL);
}

static void on_cancel(void *owner, struct rpc_visit *call) {
    struct obj_serving *serving = owner;
    struct obj_caller *caller = serving->at.ops->get(call);
    if (caller == NULL) return; /* of the service itself */
    caller->call = NULL;
    if (caller->request != NULL || caller->visit.busy) return; /* begin() sees to it, or finish() */
    obj_door_cancel(&caller->visit);
    caller_free(caller);
}

const struct rpc_service_ops obj_serve_ops = {.on_request = on_request, .on_cancel = on_cancel};

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
    while (serving->callers != NULL) {
        obj_door_cancel(&serving->callers->visit);
        caller_free(serving->callers);
    }
}
