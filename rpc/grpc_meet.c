/* rpc/grpc_meet.c: the rendezvous as PE 0 serves it (grpc_join.h): keeps the calls until the last PE has come.
 *
 * A call: its request is read -> it waits, in join->calls -> it is answered, or its caller goes away -> all its
 * operations done: freed. One that asks for what cannot be is refused instead of waiting. */
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/grpc_channel.h"
#include "rpc/grpc_join.h"
#include "rpc/grpc_refuse.h"
#include "rpc/log.h"
#include "rpc/proto/chariot/v1/peer.pb-c.h"

struct rpc_join_call {
    struct rpc_grpc *g;
    uint32_t pe;
    unsigned ops; /* outstanding; 0: freed */
    grpc_call *call;
    struct rpc_tag read_tag, close_tag, answer_tag;
    grpc_byte_buffer *request, *response;
    int cancelled;
    bool ended; /* its status has been started */
};

/* ---------------------------------------------------------------- ending a call */

static void done(struct rpc_join_call *call) {
    if (call->ops > 0) return;
    call->g->outstanding--;
    if (call->request != NULL) grpc_byte_buffer_destroy(call->request);
    if (call->response != NULL) grpc_byte_buffer_destroy(call->response);
    grpc_call_unref(call->call);
    free(call);
}

static void start_batch(struct rpc_join_call *call, const grpc_op *ops, size_t count, struct rpc_tag *tag,
                        void (*on_done)(struct rpc_tag *tag, bool ok)) {
    grpc_call_error error =
        grpc_call_start_batch(call->call, ops, count, rpc_tag_start(tag, &call->ops, on_done), NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void on_answered(struct rpc_tag *tag, bool ok) {
    done((struct rpc_join_call *)((char *)tag - offsetof(struct rpc_join_call, answer_tag)));
}

/* Ends the call with a status, and with `response` (taken over from the caller) where there is one. */
static void end_call(struct rpc_join_call *call, grpc_status_code status, const char *text,
                     grpc_byte_buffer *response) {
    if (call->ended) return;
    call->ended = true;
    call->response = response;
    grpc_slice details = grpc_slice_from_copied_string(text);
    grpc_op ops[2] = {
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
         .data.send_status_from_server = {.status = status, .status_details = &details}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = response},
    };
    start_batch(call, ops, response == NULL ? 1 : 2, &call->answer_tag, on_answered);
    grpc_slice_unref(details);
}

static void refuse(struct rpc_join_call *call, grpc_status_code status, const char *why) {
    rpc_log(call->g->node->log, RPC_LOG_WARNING, "RPC-PEER-REFUSED", "pe=%u why=\"%s\"", call->pe, why);
    end_call(call, status, why, NULL);
}

/* ---------------------------------------------------------------- the answer */

/* The address book, in arrays of num_pes; the texts are borrowed. */
struct book {
    char **addresses, **names;
    uint32_t *hosts, *first; /* by PE; by host, its first PE */
    uint32_t num_pes, num_hosts;
};

static void book_deinit(struct book *book) {
    free(book->addresses);
    free(book->names);
    free(book->hosts);
    free(book->first);
}

static int book_init(struct book *book, uint32_t num_pes) {
    *book = (struct book){.addresses = calloc(num_pes, sizeof *book->addresses),
                          .names = calloc(num_pes, sizeof *book->names),
                          .hosts = calloc(num_pes, sizeof *book->hosts),
                          .first = calloc(num_pes, sizeof *book->first),
                          .num_pes = num_pes};
    bool whole = book->addresses != NULL && book->names != NULL && book->hosts != NULL && book->first != NULL;
    return whole ? 0 : CHARIOT_ENOMEM;
}

/* Numbers the hosts in the order of their first PEs. */
static void fill_in(struct book *book, const struct rpc_grpc *g) {
    char *const *hosts = g->join->hosts;
    for (uint32_t pe = 0; pe < book->num_pes; pe++) {
        uint32_t host = 0;
        while (host < book->num_hosts && strcmp(hosts[book->first[host]], hosts[pe]) != 0) host++;
        if (host == book->num_hosts) book->first[book->num_hosts++] = pe;
        book->names[host] = hosts[book->first[host]];
        book->hosts[pe] = host;
        book->addresses[pe] = g->peers[pe].address;
    }
}

static grpc_slice pack_answer(const struct book *book) {
    Chariot__V1__JoinResponse answer = CHARIOT__V1__JOIN_RESPONSE__INIT;
    answer.n_addresses = book->num_pes;
    answer.addresses = book->addresses;
    answer.n_hosts = book->num_pes;
    answer.hosts = book->hosts;
    answer.n_host_names = book->num_hosts;
    answer.host_names = book->names;
    grpc_slice slice = grpc_slice_malloc(chariot__v1__join_response__get_packed_size(&answer));
    chariot__v1__join_response__pack(&answer, GRPC_SLICE_START_PTR(slice));
    return slice;
}

static void answer_all(struct rpc_grpc *g, const struct book *book) {
    grpc_slice answer = pack_answer(book);
    for (uint32_t pe = 0; pe < g->base.num_pes; pe++) {
        struct rpc_join_call *call = g->join->calls[pe];
        g->join->calls[pe] = NULL;
        if (call != NULL) end_call(call, GRPC_STATUS_OK, "", grpc_raw_byte_buffer_create(&answer, 1));
    }
    grpc_slice_unref(answer);
}

/* The last has come. */
static int complete(struct rpc_grpc *g) {
    struct book book;
    int error = book_init(&book, g->base.num_pes);
    if (error == 0) {
        fill_in(&book, g);
        error = rpc_join_set_book(g, book.addresses, book.hosts, book.names);
    }
    if (error == 0) answer_all(g, &book);
    rpc_join_end(g->join, error, error == 0 ? "" : chariot_error_text(error));
    book_deinit(&book);
    return error;
}

int rpc_meet_come(struct rpc_grpc *g, uint32_t pe, const char *address, const char *host) {
    struct rpc_join *join = g->join;
    assert(join->hosts[pe] == NULL);
    char *own_address = strdup(address), *own_host = strdup(host);
    if (own_address == NULL || own_host == NULL) {
        free(own_address);
        free(own_host);
        return CHARIOT_ENOMEM;
    }
    free(g->peers[pe].address);
    g->peers[pe].address = own_address;
    join->hosts[pe] = own_host;
    join->present++;
    return join->present == g->base.num_pes ? complete(g) : 0;
}

/* A PE that waited went away. */
static void leave(struct rpc_grpc *g, uint32_t pe) {
    free(g->join->hosts[pe]);
    g->join->hosts[pe] = NULL;
    g->join->calls[pe] = NULL;
    g->join->present--;
}

void rpc_meet_missing(const struct rpc_grpc *g, char *text, size_t size) {
    uint32_t missing = g->base.num_pes - g->join->present;
    size_t used = (size_t)snprintf(text, size, "%u of %u PEs have not come: PE", missing, g->base.num_pes);
    uint32_t named = 0;
    for (uint32_t pe = 0; pe < g->base.num_pes && used + 32 < size; pe++) {
        if (g->join->hosts[pe] != NULL) continue;
        used += (size_t)snprintf(text + used, size - used, "%s %u", named++ == 0 ? "" : ",", pe);
    }
    if (named < missing) snprintf(text + used, size - used, " and others");
}

/* ---------------------------------------------------------------- serving */

static void consider(struct rpc_join_call *call, const Chariot__V1__JoinRequest *request) {
    struct rpc_grpc *g = call->g;
    char text[96];
    if (request == NULL || request->pe != call->pe || request->address[0] == '\0') {
        refuse(call, GRPC_STATUS_INVALID_ARGUMENT, "malformed JoinRequest");
    } else if (request->num_pes != g->base.num_pes) {
        snprintf(text, sizeof text, "this job has %u PEs, not %u", g->base.num_pes, request->num_pes);
        refuse(call, GRPC_STATUS_FAILED_PRECONDITION, text);
    } else if (g->join->over || g->join->hosts[call->pe] != NULL) {
        refuse(call, GRPC_STATUS_ALREADY_EXISTS, "this PE has joined already");
    } else {
        g->join->calls[call->pe] = call;
        if (rpc_meet_come(g, call->pe, request->address, request->host) == 0) return;
        g->join->calls[call->pe] = NULL;
        refuse(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory");
    }
}

static void on_request(struct rpc_tag *tag, bool ok) {
    struct rpc_join_call *call = (struct rpc_join_call *)((char *)tag - offsetof(struct rpc_join_call, read_tag));
    grpc_byte_buffer_reader reader;
    Chariot__V1__JoinRequest *request = NULL;
    if (call->request != NULL && grpc_byte_buffer_reader_init(&reader, call->request)) {
        grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
        request = chariot__v1__join_request__unpack(NULL, GRPC_SLICE_LENGTH(whole), GRPC_SLICE_START_PTR(whole));
        grpc_slice_unref(whole);
    }
    /* Closed already: the caller is gone. */
    if (call->close_tag.outstanding != NULL) consider(call, request);
    if (request != NULL) chariot__v1__join_request__free_unpacked(request, NULL);
    done(call);
}

static void on_close(struct rpc_tag *tag, bool ok) {
    struct rpc_join_call *call = (struct rpc_join_call *)((char *)tag - offsetof(struct rpc_join_call, close_tag));
    call->close_tag.outstanding = NULL;
    if (call->g->join->calls[call->pe] == call) leave(call->g, call->pe);
    done(call);
}

void rpc_meet_serve_take(struct rpc_grpc *g, grpc_call *grpc, uint32_t pe) {
    struct rpc_join_call *call = g->base.pe == 0 ? calloc(1, sizeof *call) : NULL;
    if (call == NULL) {
        bool here = g->base.pe == 0;
        rpc_refuse_take(grpc, &g->outstanding, here ? GRPC_STATUS_RESOURCE_EXHAUSTED : GRPC_STATUS_FAILED_PRECONDITION,
                        here ? "out of memory" : "PEs join at PE 0");
        return;
    }
    g->outstanding++; /* the call itself, until it is freed */
    call->g = g;
    call->pe = pe;
    call->call = grpc;
    grpc_op read[2] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->request},
    };
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &call->cancelled};
    start_batch(call, read, 2, &call->read_tag, on_request);
    start_batch(call, &close, 1, &call->close_tag, on_close);
}
