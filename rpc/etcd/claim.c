/* rpc/etcd/claim.c: see claim.h. */
#include "rpc/etcd/claim.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

enum { EQUAL = 0, CREATE_REVISION = 1, LEASE = 4 }; /* etcd.proto, Compare */

struct waiting {
    int64_t lease;
    etcd_on_claimed *on_claimed;
    void *context;
};

static ProtobufCBinaryData bytes(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

/* ---------------------------------------------------------------- the answer */

static const Etcd__V3__KeyValue *find_holder(const Etcd__V3__TxnResponse *response) {
    if (response->n_responses < 1) return NULL;
    const Etcd__V3__ResponseOp *first = response->responses[0];
    if (first->response_case != ETCD__V3__RESPONSE_OP__RESPONSE_RESPONSE_RANGE) return NULL;
    return first->response_range->n_kvs == 1 ? first->response_range->kvs[0] : NULL;
}

static void read_response(const Etcd__V3__TxnResponse *response, int64_t lease, struct etcd_claimed *claimed) {
    if (response == NULL || response->header == NULL) {
        *claimed = (struct etcd_claimed){.error = CHARIOT_EMALFORMED, .text = "etcd's answer cannot be read"};
        return;
    }
    if (response->succeeded) {
        claimed->revision = response->header->revision;
        return;
    }
    const Etcd__V3__KeyValue *holder = find_holder(response);
    if (holder == NULL)
        *claimed = (struct etcd_claimed){.error = CHARIOT_ESTATE, .text = "the registration is gone"};
    else if (holder->lease == lease)
        claimed->revision = holder->create_revision;
    else
        claimed->holder = holder;
}

static void on_answer(void *context, const struct etcd_answer *answer) {
    struct waiting waiting = *(struct waiting *)context;
    struct etcd_claimed claimed = {.error = answer->error, .text = answer->text};
    Etcd__V3__TxnResponse *response = NULL;
    free(context);
    if (answer->error == 0) {
        response = etcd__v3__txn_response__unpack(NULL, answer->size, answer->data);
        read_response(response, waiting.lease, &claimed);
    }
    waiting.on_claimed(waiting.context, &claimed);
    etcd__v3__txn_response__free_unpacked(response, NULL);
}

/* ---------------------------------------------------------------- the request */

static int send(struct etcd_client *client, const struct etcd_claim *claim, struct waiting *waiting) {
    Etcd__V3__Compare absent = ETCD__V3__COMPARE__INIT, fence = ETCD__V3__COMPARE__INIT;
    Etcd__V3__PutRequest put = ETCD__V3__PUT_REQUEST__INIT;
    Etcd__V3__RangeRequest range = ETCD__V3__RANGE_REQUEST__INIT;
    Etcd__V3__RequestOp success = ETCD__V3__REQUEST_OP__INIT, failure = ETCD__V3__REQUEST_OP__INIT;
    Etcd__V3__TxnRequest request = ETCD__V3__TXN_REQUEST__INIT;
    absent.result = fence.result = EQUAL;
    absent.target = CREATE_REVISION;
    absent.key = put.key = range.key = bytes(claim->key);
    absent.target_union_case = ETCD__V3__COMPARE__TARGET_UNION_CREATE_REVISION;
    fence.target = LEASE;
    fence.target_union_case = ETCD__V3__COMPARE__TARGET_UNION_LEASE;
    fence.lease = claim->lease;
    if (claim->fence != NULL) fence.key = bytes(claim->fence);
    put.value = bytes(claim->value);
    put.lease = claim->lease;
    success.request_case = ETCD__V3__REQUEST_OP__REQUEST_REQUEST_PUT;
    success.request_put = &put;
    failure.request_case = ETCD__V3__REQUEST_OP__REQUEST_REQUEST_RANGE;
    failure.request_range = &range;
    request.n_compare = claim->fence == NULL ? 1 : 2;
    request.compare = (Etcd__V3__Compare *[]){&absent, &fence};
    request.n_success = request.n_failure = 1;
    request.success = (Etcd__V3__RequestOp *[]){&success};
    request.failure = (Etcd__V3__RequestOp *[]){&failure};
    return etcd_call(client, "/etcdserverpb.KV/Txn", &request.base, claim->patience_s, on_answer, waiting);
}

int etcd_claim(struct etcd_client *client, const struct etcd_claim *claim, etcd_on_claimed *on_claimed, void *context) {
    struct waiting *waiting = malloc(sizeof *waiting);
    if (waiting == NULL) return CHARIOT_ENOMEM;
    *waiting = (struct waiting){claim->lease, on_claimed, context};
    int error = send(client, claim, waiting);
    if (error != 0) free(waiting);
    return error;
}
