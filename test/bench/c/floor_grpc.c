/* floor_grpc.c: the floor under rpc/: a bare gRPC C-core stream between two processes, nothing of Chariot in it.
 *
 *     floor_grpc [sweep]
 *     floor_grpc between FILE FILE ADDRESS
 *
 * One long-lived bidirectional stream over a Unix socket, over TCP, and over TCP with mutual TLS; each side has one
 * thread, which polls its completion queue (cq_next with a deadline in the past, sched_yield between) or, for
 * comparison, blocks in it. Round trips by size, with the processor time of both sides; small messages of 64 bytes one
 * by one, with and without write-buffer hints, and gathered in frames of 64 and 256 KiB; bandwidth of 1 MiB messages.
 * With "sweep": all sizes, polled. "between": with mutual TLS alone, between two network namespaces (their files), in
 * the first of which the server listens on ADDRESS. Prints "key value" lines (bench.h).
 *
 * The child serves: it sends back an empty message and one that begins with 'e', reads through one that begins with 'c'
 * word by word, and drops one that begins with 'd'. It is forked before gRPC starts: a fork after cannot connect. */
#include <assert.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/grpc_security_constants.h>

#include "deploy/authority.h"
#include "rpc/abseil.h"
#include "rpc/grpc_background.h"
#include "test/bench/c/bench.h"

enum { SMALL_BYTES = 64, MAX_BYTES = 1 << 20, ADDRESS_BYTES = 128 };

/* What is measured between a pair of processes. */
struct lane {
    const char *name, *listen;
    bool blocking, sweep, tls;
    const char *namespaces[2]; /* of the server and the client; NULL: this one */
    struct rpc_identity identities[2];
};
enum { SERVER, CLIENT };
enum tag { TAG_START = 1, TAG_SENT, TAG_RECEIVED, TAG_ENDED };

struct side {
    grpc_completion_queue *cq;
    grpc_call *call;
    grpc_byte_buffer *arrived;
    bool blocking, receiving, sending, ended;
    grpc_status_code status;
    grpc_slice details;
    grpc_metadata_array initial, trailing;
    int cancelled;
};

static void *tag_of(enum tag tag) {
    return (void *)(intptr_t)tag;
}

static void batch(struct side *side, const grpc_op *ops, size_t count, enum tag tag) {
    grpc_call_error error = grpc_call_start_batch(side->call, ops, count, tag_of(tag), NULL);
    assert(error == GRPC_CALL_OK);
}

static void receive(struct side *side) {
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &side->arrived;
    side->receiving = true;
    batch(side, &op, 1, TAG_RECEIVED);
}

/* Borrows the buffer. */
static void send(struct side *side, grpc_byte_buffer *buffer, uint32_t flags) {
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .flags = flags};
    op.data.send_message.send_message = buffer;
    side->sending = true;
    batch(side, &op, 1, TAG_SENT);
}

/* One look at the completion queue, then the core is given up; or what comes next is waited for. */
static void turn(struct side *side) {
    gpr_timespec until = side->blocking ? gpr_inf_future(GPR_CLOCK_REALTIME) : gpr_inf_past(GPR_CLOCK_REALTIME);
    grpc_event event = grpc_completion_queue_next(side->cq, until, NULL);
    if (event.type != GRPC_OP_COMPLETE) {
        sched_yield();
        return;
    }
    switch ((enum tag)(intptr_t)event.tag) {
    case TAG_SENT:
        side->sending = false;
        break;
    case TAG_RECEIVED:
        side->receiving = false;
        break;
    case TAG_ENDED:
        side->ended = true;
        break;
    case TAG_START:
        break;
    }
}

static void wait_sent(struct side *side) {
    while (side->sending) turn(side);
}

static void wait_received(struct side *side) {
    while (side->receiving) turn(side);
}

/* ---------------------------------------------------------------- the child */

static uint64_t walk(grpc_slice slice) {
    const uint8_t *bytes = GRPC_SLICE_START_PTR(slice);
    uint64_t sum = 0;
    for (size_t at = 0; at + SMALL_BYTES <= GRPC_SLICE_LENGTH(slice); at += SMALL_BYTES) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        sum += word;
    }
    return sum;
}

/* True if the buffer shall be sent back. */
static bool look_at(grpc_byte_buffer *buffer) {
    grpc_byte_buffer_reader reader;
    grpc_slice slice;
    bool echo = true;
    int first = -1;
    volatile uint64_t sum = 0;
    if (grpc_byte_buffer_length(buffer) == 0) return true;
    grpc_byte_buffer_reader_init(&reader, buffer);
    while (grpc_byte_buffer_reader_next(&reader, &slice)) {
        if (first < 0) first = *GRPC_SLICE_START_PTR(slice);
        echo = first == 'e';
        if (first == 'c') sum += walk(slice);
        grpc_slice_unref(slice);
        if (first != 'c') break;
    }
    (void)sum;
    grpc_byte_buffer_reader_destroy(&reader);
    return echo;
}

static void serve_stream(struct side *side) {
    for (;;) {
        receive(side);
        wait_received(side);
        grpc_byte_buffer *buffer = side->arrived;
        if (buffer == NULL) return;
        wait_sent(side);
        if (look_at(buffer)) {
            send(side, buffer, 0);
            wait_sent(side);
        }
        grpc_byte_buffer_destroy(buffer);
    }
}

static void accept_stream(struct side *side, grpc_server *server) {
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_call_details_init(&details);
    grpc_metadata_array_init(&metadata);
    grpc_call_error error =
        grpc_server_request_call(server, &side->call, &details, &metadata, side->cq, side->cq, tag_of(TAG_START));
    assert(error == GRPC_CALL_OK);
    while (side->call == NULL) turn(side);
    grpc_call_details_destroy(&details);
    grpc_metadata_array_destroy(&metadata);
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
    ops[1].data.recv_close_on_server.cancelled = &side->cancelled;
    batch(side, &ops[0], 1, TAG_START);
    batch(side, &ops[1], 1, TAG_ENDED);
}

static const grpc_channel_args *unlimited(void) {
    static grpc_arg list[2];
    static const grpc_channel_args args = {2, list};
    list[0].type = list[1].type = GRPC_ARG_INTEGER;
    list[0].key = (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH;
    list[1].key = (char *)(uintptr_t)GRPC_ARG_MAX_SEND_MESSAGE_LENGTH;
    list[0].value.integer = list[1].value.integer = -1;
    return &args;
}

static void enter(const char *name) {
    if (name == NULL) return;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) return;
    perror(name);
    _exit(1);
}

static grpc_server_credentials *server_credentials(const struct lane *lane) {
    const struct rpc_identity *identity = &lane->identities[SERVER];
    grpc_ssl_pem_key_cert_pair own = {.private_key = identity->key, .cert_chain = identity->certificate};
    if (!lane->tls) return grpc_insecure_server_credentials_create();
    return grpc_ssl_server_credentials_create_ex(identity->authority, &own, 1,
                                                 GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, NULL);
}

static grpc_channel_credentials *client_credentials(const struct lane *lane) {
    const struct rpc_identity *identity = &lane->identities[CLIENT];
    grpc_ssl_pem_key_cert_pair own = {.private_key = identity->key, .cert_chain = identity->certificate};
    if (!lane->tls) return grpc_insecure_credentials_create();
    return grpc_ssl_credentials_create_ex(identity->authority, &own, NULL, NULL);
}

/* Serves one stream where the lane listens; says on `out` where that is; never returns. */
static void serve(const struct lane *lane, int out) {
    struct side side = {.blocking = lane->blocking};
    char address[ADDRESS_BYTES] = {0};
    enter(lane->namespaces[SERVER]);
    grpc_init();
    side.cq = grpc_completion_queue_create_for_next(NULL);
    grpc_server *server = grpc_server_create(unlimited(), NULL);
    grpc_server_register_completion_queue(server, side.cq, NULL);
    int port = grpc_server_add_http2_port(server, lane->listen, server_credentials(lane));
    assert(port > 0);
    grpc_server_start(server);
    if (strncmp(lane->listen, "unix:", 5) == 0)
        snprintf(address, sizeof address, "%s", lane->listen);
    else
        snprintf(address, sizeof address, "%.*s:%d", (int)strcspn(lane->listen, ":"), lane->listen, port);
    if (write(out, address, sizeof address) != (ssize_t)sizeof address) _exit(1);
    accept_stream(&side, server);
    serve_stream(&side);
    _exit(0);
}

/* ---------------------------------------------------------------- the measuring side */

static void connect_stream(struct side *side, const char *address, const struct lane *lane) {
    char name[RPC_IDENTITY_NAME_BYTES];
    rpc_identity_name(SERVER, name);
    grpc_arg list[3] = {unlimited()->args[0], unlimited()->args[1]};
    list[2] = (grpc_arg){
        .type = GRPC_ARG_STRING, .key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, .value.string = name};
    const grpc_channel_args args = {lane->tls ? 3 : 2, list};
    side->cq = grpc_completion_queue_create_for_next(NULL);
    grpc_channel *channel = grpc_channel_create(address, client_credentials(lane), &args);
    side->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, side->cq,
                                          grpc_slice_from_static_string("/bench/Stream"), NULL,
                                          gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_INITIAL_METADATA},
                      {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    grpc_metadata_array_init(&side->initial);
    grpc_metadata_array_init(&side->trailing);
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &side->initial;
    ops[2].data.recv_status_on_client.trailing_metadata = &side->trailing;
    ops[2].data.recv_status_on_client.status = &side->status;
    ops[2].data.recv_status_on_client.status_details = &side->details;
    batch(side, ops, 2, TAG_START);
    batch(side, ops + 2, 1, TAG_ENDED);
}

/* A message over memory that outlives it: no copy on the way in. */
static grpc_byte_buffer *buffer_over(uint8_t *bytes, size_t size, char first) {
    if (size > 0) bytes[0] = (uint8_t)first;
    grpc_slice slice = grpc_slice_from_static_buffer(bytes, size);
    return grpc_raw_byte_buffer_create(&slice, 1);
}

/* `bytes` has room for two messages of the largest size. */
struct job {
    struct side *side;
    uint8_t *bytes;
    size_t size;
    char first;
    uint32_t flags;
};

static void trip(struct side *side, uint8_t *bytes, size_t size) {
    grpc_byte_buffer *buffer = buffer_over(bytes, size, 'e');
    receive(side);
    send(side, buffer, 0);
    wait_received(side);
    wait_sent(side);
    assert(side->arrived != NULL && grpc_byte_buffer_length(side->arrived) == size);
    grpc_byte_buffer_destroy(side->arrived);
    grpc_byte_buffer_destroy(buffer);
}

static void trips(void *ctx, int count) {
    const struct job *job = ctx;
    for (int n = 0; n < count; n++) trip(job->side, job->bytes, job->size);
}

/* Sends a message when the last has left; a frame is filled with small ones first, as a sender that gathers them would.
 */
static void send_next(const struct job *job, uint8_t *bytes) {
    uint8_t small[SMALL_BYTES] = {1, 2, 3};
    wait_sent(job->side);
    if (job->first == 'c')
        for (size_t at = 0; at < job->size; at += sizeof small) memcpy(bytes + at, small, sizeof small);
    grpc_byte_buffer *buffer = buffer_over(bytes, job->size, job->first);
    send(job->side, buffer, job->flags);
    grpc_byte_buffer_destroy(buffer);
}

/* Ends when the peer has handled all. */
static void one_way(void *ctx, int count) {
    const struct job *job = ctx;
    for (int n = 0; n < count; n++) send_next(job, job->bytes + (size_t)(n % 2) * job->size);
    wait_sent(job->side);
    trip(job->side, job->bytes, 0);
}

static void report_cpu(const char *lane, struct job *job, pid_t server) {
    enum { TRIPS = 2000 };
    char key[64];
    int64_t before = bench_cpu_ns(0) + bench_cpu_ns(server);
    trips(job, TRIPS);
    snprintf(key, sizeof key, "grpc.%s.cpu", lane);
    bench_report(key, (double)(bench_cpu_ns(0) + bench_cpu_ns(server) - before) / 1e3 / TRIPS);
}

static void round_trips(struct side *side, const char *lane, uint8_t *bytes, int sizes, pid_t server) {
    char key[64];
    for (int i = 0; i < sizes; i++) {
        struct job job = {side, bytes, bench_sizes[i].bytes, 'e', 0};
        snprintf(key, sizeof key, "grpc.%s.rtt.%s", lane, bench_sizes[i].name);
        bench_us(key, trips, &job);
        if (i == 0) report_cpu(lane, &job, server);
    }
}

static void throughput(struct side *side, const char *lane, uint8_t *bytes) {
    static const struct {
        const char *name;
        size_t bytes;
        char first;
        uint32_t flags;
    } kinds[] = {{"1", SMALL_BYTES, 'd', 0},
                 {"hint", SMALL_BYTES, 'd', GRPC_WRITE_BUFFER_HINT},
                 {"64k", 64 << 10, 'c', 0},
                 {"256k", 256 << 10, 'c', 0}};
    char key[64];
    for (int i = 0; i < 4; i++) {
        struct job job = {side, bytes, kinds[i].bytes, kinds[i].first, kinds[i].flags};
        snprintf(key, sizeof key, "grpc.%s.small.%s", lane, kinds[i].name);
        bench_millions(key, one_way, &job, (double)(job.size / SMALL_BYTES));
    }
    struct job job = {side, bytes, MAX_BYTES, 'd', 0};
    snprintf(key, sizeof key, "grpc.%s.bandwidth.1m", lane);
    bench_gigabytes(key, one_way, &job, MAX_BYTES);
}

static void sweep(struct side *side, const char *lane, uint8_t *bytes) {
    char key[64];
    for (int i = 0; i < BENCH_NUM_SWEEP; i++) {
        struct job job = {side, bytes, bench_sweep[i].bytes, 'd', 0};
        snprintf(key, sizeof key, "grpc.%s.sweep.rtt.%s", lane, bench_sweep[i].name);
        bench_us(key, trips, &job);
        snprintf(key, sizeof key, "grpc.%s.sweep.bandwidth.%s", lane, bench_sweep[i].name);
        if (job.size > 0) bench_gigabytes(key, one_way, &job, job.size);
    }
}

static void measure(const struct lane *lane, const char *address, pid_t server) {
    struct side side = {.blocking = lane->blocking};
    uint8_t *bytes = calloc(2, bench_sweep[BENCH_NUM_SWEEP - 1].bytes);
    assert(bytes != NULL);
    enter(lane->namespaces[CLIENT]);
    grpc_init();
    connect_stream(&side, address, lane);
    if (lane->sweep) {
        sweep(&side, lane->name, bytes);
    } else {
        round_trips(&side, lane->name, bytes, lane->blocking ? 1 : BENCH_NUM_SIZES, server);
        if (!lane->blocking) throughput(&side, lane->name, bytes);
    }
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    batch(&side, &op, 1, TAG_START);
    while (!side.ended) turn(&side);
    _exit(0);
}

/* For both sides, by an authority that is nobody's afterwards. */
static void make_identities(struct lane *lane) {
    struct deploy_authority *authority;
    struct deploy_reason reason;
    if (!lane->tls) return;
    int error = deploy_authority_new(&authority, "bench", &reason);
    for (uint32_t i = SERVER; i <= CLIENT && error == 0; i++)
        error = deploy_authority_issue(authority, i, time(NULL) + 86400, &lane->identities[i], &reason);
    assert(error == 0);
    deploy_authority_free(authority);
}

/* Both sides are children, so that each lane starts with a gRPC of its own. */
static void run_lane(struct lane *lane) {
    int ends[2];
    char address[ADDRESS_BYTES];
    make_identities(lane);
    if (pipe(ends) != 0) exit(1);
    pid_t parent = getpid();
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        serve(lane, ends[1]);
    }
    if (read(ends[0], address, sizeof address) != (ssize_t)sizeof address) exit(1);
    pid_t client = fork();
    if (client == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        measure(lane, address, server);
    }
    int status = 0;
    waitpid(client, &status, 0);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    if (status != 0) {
        fprintf(stderr, "floor_grpc: lane %s failed\n", lane->name);
        exit(1);
    }
}

int main(int argc, char **argv) {
    char dir[] = "/tmp/chariot-bench-XXXXXX", listen[80], path[64];
    bool sweeping = argc > 1 && strcmp(argv[1], "sweep") == 0;
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
    rpc_abseil_trust_locks();
    if (argc == 5 && strcmp(argv[1], "between") == 0) {
        snprintf(listen, sizeof listen, "%s:0", argv[4]);
        struct lane lane = {.name = "between", .listen = listen, .tls = true, .namespaces = {argv[2], argv[3]}};
        run_lane(&lane);
        return 0;
    }
    if (mkdtemp(dir) == NULL) return 1;
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(listen, sizeof listen, "unix:%s", path);
    struct lane lanes[] = {{.name = "unix", .listen = listen, .sweep = sweeping},
                           {.name = "tcp", .listen = "127.0.0.1:0", .sweep = sweeping},
                           {.name = "tls", .listen = "127.0.0.1:0", .tls = true},
                           {.name = "unix.block", .listen = listen, .blocking = true},
                           {.name = "tcp.block", .listen = "127.0.0.1:0", .blocking = true}};
    for (int i = 0; i < (sweeping ? 2 : 5); i++) run_lane(&lanes[i]);
    unlink(path);
    rmdir(dir);
    return 0;
}
