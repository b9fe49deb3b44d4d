/* floor_unary.c: the floor under the public service: a bare gRPC C-core server of one unary method, nothing of Chariot
 * in it.
 *
 *     floor_unary
 *
 * Prints "at ADDRESS PID" and answers every call of ObjectService.Call with the same bytes, until it is
 * ended.
 * One thread, which blocks in the completion queue. It does as gRPC's own C++ does for unary methods: the method is
 * registered, gRPC reads the request before it tells of the call, and one batch sends the whole answer. */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "rpc/abseil.h"
#include "rpc/grpc_background.h"
#include "test/bench/c/unary.h"

enum { WAITING = 256 };

struct server {
    grpc_server *server;
    grpc_completion_queue *cq;
    void *method;
};

struct call {
    grpc_call *call;
    grpc_byte_buffer *request, *answer;
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    int cancelled;
    bool answered;
};

static void wait_for(struct server *server, struct call *call) {
    call->answered = false;
    grpc_metadata_array_init(&call->metadata);
    grpc_call_error error =
        grpc_server_request_registered_call(server->server, server->method, &call->call, &call->deadline,
                                            &call->metadata, &call->request, server->cq, server->cq, call);
    assert(error == GRPC_CALL_OK);
}

static void answer(struct call *call) {
    grpc_slice bytes = grpc_slice_from_static_buffer(unary_response, sizeof unary_response);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                      {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
    call->answer = grpc_raw_byte_buffer_create(&bytes, 1);
    ops[1].data.send_message.send_message = call->answer;
    ops[2].data.send_status_from_server.status = GRPC_STATUS_OK;
    ops[3].data.recv_close_on_server.cancelled = &call->cancelled;
    call->answered = true;
    grpc_call_error error = grpc_call_start_batch(call->call, ops, 4, call, NULL);
    assert(error == GRPC_CALL_OK);
}

static void turn(struct server *server, struct call *call) {
    if (!call->answered) {
        answer(call);
        return;
    }
    if (call->request != NULL) grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->answer);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_call_unref(call->call);
    wait_for(server, call);
}

static void listen_at(struct server *server) {
    grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
    int port = grpc_server_add_http2_port(server->server, "127.0.0.1:0", plain);
    grpc_server_credentials_release(plain);
    if (port == 0) exit(1);
    printf("at 127.0.0.1:%d %d\n", port, (int)getpid());
    fflush(stdout);
}

int main(void) {
    struct server server = {0};
    rpc_abseil_trust_locks();
    grpc_init();
    server.cq = grpc_completion_queue_create_for_next(NULL);
    server.server = grpc_server_create(NULL, NULL);
    server.method =
        grpc_server_register_method(server.server, UNARY_PATH, NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    grpc_server_register_completion_queue(server.server, server.cq, NULL);
    listen_at(&server);
    grpc_server_start(server.server);
    struct call *calls = calloc(WAITING, sizeof *calls);
    if (calls == NULL) return 1;
    for (int i = 0; i < WAITING; i++) wait_for(&server, &calls[i]);
    for (;;) {
        grpc_event event = grpc_completion_queue_next(server.cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_OP_COMPLETE && event.success) turn(&server, event.tag);
    }
}
