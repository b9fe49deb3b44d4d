/* rpc/grpc_refuse.c: see grpc_refuse.h. */
#include "rpc/grpc_refuse.h"

#include <assert.h>
#include <grpc/slice.h>
#include <stdlib.h>

#include "rpc/grpc_hub.h"

/* A call on its way out. */
struct refusal {
    struct rpc_tag tag;
    grpc_call *call;
    int cancelled;
};

static void on_refused(struct rpc_tag *tag, bool ok) {
    struct refusal *refusal = (struct refusal *)((char *)tag - offsetof(struct refusal, tag));
    grpc_call_unref(refusal->call);
    free(refusal);
}

void rpc_refuse_take(grpc_call *call, unsigned *outstanding, grpc_status_code status, const char *text) {
    struct refusal *refusal = calloc(1, sizeof *refusal);
    if (refusal == NULL) {
        grpc_call_cancel_with_status(call, status, text, NULL);
        grpc_call_unref(call);
        return;
    }
    refusal->call = call;
    grpc_slice details = grpc_slice_from_copied_string(text);
    grpc_op ops[3] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
         .data.send_status_from_server = {.status = status, .status_details = &details}},
        {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &refusal->cancelled},
    };
    grpc_call_error error =
        grpc_call_start_batch(call, ops, 3, rpc_tag_start(&refusal->tag, outstanding, on_refused), NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    grpc_slice_unref(details);
}
