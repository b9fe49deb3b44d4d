/* rpc/grpc_channel.c: channel arguments, listening, and the metadata of calls (grpc_channel.h). */
#include "rpc/grpc_channel.h"

#include <grpc/slice.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "rpc/error.h"
#include "rpc/grpc_transport.h"
#include "rpc/secret.h"
#include "rpc/version.h"

/* ---------------------------------------------------------------- arguments */

enum {
    MAX_ARGS = 24,
    FRAME_SLACK = 4096, /* above frame_bytes: tags of the frame */
    MIN_WINDOW = 64 << 10,
    MAX_WINDOW = 8 << 20,
    HTTP2_FRAME = 1 << 20,
    BACKOFF_MIN_MS = 20,
    BACKOFF_MAX_MS = 100,
    /* For one attempt to connect, up to the peer's first answer; a peer may be busy, or stopped by a debugger. */
    CONNECT_MS = 120000,
    STREAMS_PER_CONNECTION = 16,
    MOST_OPEN_FILES = 65536,
};

struct args {
    grpc_arg items[MAX_ARGS];
    size_t count;
};

static void set(struct args *args, const char *key, int value) {
    args->items[args->count++] =
        (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static int clamp(size_t value, int low, int high) {
    if (value < (size_t)low) return low;
    return value > (size_t)high ? high : (int)value;
}

/* What client and server have in common. The window is what a peer may send ahead of the reads: two frames, so that the
 * next is on its way while one is being read. */
static void set_common(struct args *args, const struct rpc_limits *limits) {
    int frame = clamp(limits->frame_bytes, 0, INT_MAX - FRAME_SLACK) + FRAME_SLACK;
    set(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, frame);
    set(args, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, frame);
    set(args, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, clamp(2 * limits->frame_bytes, MIN_WINDOW, MAX_WINDOW));
    set(args, GRPC_ARG_HTTP2_MAX_FRAME_SIZE, HTTP2_FRAME);
    set(args, GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
    set(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    set(args, GRPC_ARG_TCP_TX_ZEROCOPY_ENABLED, 0);
    set(args, GRPC_ARG_ENABLE_CHANNELZ, 0);
}

/* Channels to addresses, certificates for PEs: the name to expect does not follow from the address. */
static void set_name(struct args *args, char *name) {
    args->items[args->count++] = (grpc_arg){
        .type = GRPC_ARG_STRING, .key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, .value.string = name};
}

/* The peer has to answer; what it says unasked does not count. */
static void set_pings(struct args *args, int silence_ms) {
    set(args, GRPC_ARG_KEEPALIVE_TIME_MS, silence_ms / 2);
    set(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, silence_ms - silence_ms / 2);
    set(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0); /* any number */
}

grpc_channel *rpc_channel_new(const char *target, uint32_t pe, const struct rpc_tls *tls,
                              const struct rpc_limits *limits, uint32_t silence_ms) {
    struct args args = {.count = 0};
    char name[RPC_IDENTITY_NAME_BYTES];
    rpc_identity_name(pe, name);
    if (tls->on) set_name(&args, name);
    set_common(&args, limits);
    set(&args, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS); /* means the time that one attempt may take */
    set(&args, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_MIN_MS);
    set(&args, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS);
    set(&args, GRPC_ARG_ENABLE_RETRIES, 0); /* a link that broke is not opened again; retries would keep copies */
    set(&args, GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    set(&args, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    set(&args, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1); /* PEs in one process do not share connections */
    if (silence_ms > 0) set_pings(&args, (int)silence_ms);
    grpc_channel_args channel_args = {.num_args = args.count, .args = args.items};
    return grpc_channel_create(target, tls->client, &channel_args);
}

grpc_server *rpc_channel_server_new(const struct rpc_limits *limits) {
    struct args args = {.count = 0};
    set_common(&args, limits);
    set(&args, GRPC_ARG_ALLOW_REUSEPORT, 0);
    set(&args, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, RPC_HANDSHAKE_MS);
    set(&args, GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0); /* any number: who is in may ask whether we are there */
    set(&args, GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION);
    grpc_channel_args channel_args = {.num_args = args.count, .args = args.items};
    return grpc_server_create(&channel_args, NULL);
}

/* They hold theirs until the handshake's time is up. */
void rpc_channel_allow_many(void) {
    struct rlimit open_files;
    if (getrlimit(RLIMIT_NOFILE, &open_files) != 0 || open_files.rlim_cur >= MOST_OPEN_FILES) return;
    open_files.rlim_cur = open_files.rlim_max < MOST_OPEN_FILES ? open_files.rlim_max : MOST_OPEN_FILES;
    (void)setrlimit(RLIMIT_NOFILE, &open_files);
}

/* ---------------------------------------------------------------- addresses */

static char *address_with(const char *host, int port) {
    bool v6 = strchr(host, ':') != NULL;
    char *address;
    return asprintf(&address, v6 ? "ipv6:[%s]:%d" : "ipv4:%s:%d", host, port) < 0 ? NULL : address;
}

/* A target without a scheme names a numeric address: the scheme spares the name server. The port is the bound one. */
static char *address_of(const char *target, int port) {
    const char *colon = strrchr(target, ':');
    if (strncmp(target, "unix:", 5) == 0 || colon == NULL) return strdup(target);
    const char *scheme = strchr(target, '[') != NULL ? "ipv6:" : "ipv4:";
    if (strncmp(target, "ipv4:", 5) == 0 || strncmp(target, "ipv6:", 5) == 0) scheme = "";
    char *address;
    if (asprintf(&address, "%s%.*s:%d", scheme, (int)(colon - target), target, port) < 0) return NULL;
    return address;
}

int rpc_channel_listen(grpc_server *server, const char *target, const char *advertise, const struct rpc_tls *tls,
                       char **address) {
    int port = grpc_server_add_http2_port(server, target, tls->server);
    if (port == 0) return CHARIOT_EIO;
    *address = advertise == NULL ? address_of(target, port) : address_with(advertise, port);
    return *address == NULL ? CHARIOT_ENOMEM : 0;
}

/* ---------------------------------------------------------------- metadata */

static grpc_slice slice_of_number(int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    return grpc_slice_from_copied_string(text);
}

static void add_item(struct rpc_metadata *metadata, const char *key, grpc_slice value) {
    grpc_metadata *item = &metadata->items[metadata->count++];
    item->key = grpc_slice_from_static_string(key);
    item->value = value;
}

void rpc_metadata_init(struct rpc_metadata *metadata, const uint8_t *token, int64_t epoch, uint32_t pe) {
    memset(metadata, 0, sizeof *metadata);
    add_item(metadata, RPC_METADATA_TOKEN, grpc_slice_from_copied_buffer((const char *)token, RPC_TOKEN_BYTES));
    add_item(metadata, RPC_METADATA_VERSION, slice_of_number(RPC_PROTOCOL_VERSION));
    add_item(metadata, RPC_METADATA_PE, slice_of_number(pe));
    if (epoch != 0) add_item(metadata, RPC_METADATA_EPOCH, slice_of_number(epoch));
}

void rpc_metadata_deinit(struct rpc_metadata *metadata) {
    for (size_t i = 0; i < metadata->count; i++) grpc_slice_unref(metadata->items[i].value);
}

static const grpc_slice *find(const grpc_metadata_array *metadata, const char *key) {
    for (size_t i = 0; i < metadata->count; i++) {
        if (grpc_slice_str_cmp(metadata->metadata[i].key, key) == 0) return &metadata->metadata[i].value;
    }
    return NULL;
}

/* Takes as long for every wrong token. */
static bool is_token(const grpc_slice *value, const uint8_t *token) {
    if (GRPC_SLICE_LENGTH(*value) != RPC_TOKEN_BYTES) return false;
    return rpc_secret_equal(GRPC_SLICE_START_PTR(*value), token, RPC_TOKEN_BYTES);
}

/* Decimal digits, nothing else. */
static bool read_number(const grpc_slice *value, int64_t most, int64_t *number) {
    size_t size = GRPC_SLICE_LENGTH(*value);
    if (size == 0 || size > 18) return false;
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t digit = GRPC_SLICE_START_PTR(*value)[i];
        if (digit < '0' || digit > '9') return false;
        *number = *number * 10 + (digit - '0');
    }
    return *number <= most;
}

/* Without one it is 0. */
static bool is_epoch(const grpc_slice *value, int64_t epoch) {
    int64_t number = 0;
    if (value != NULL && !read_number(value, INT64_MAX, &number)) return false;
    return number == epoch;
}

int rpc_metadata_check(const grpc_metadata_array *metadata, const struct rpc_grpc *g, uint32_t *pe, const char **why) {
    const grpc_slice *value = find(metadata, RPC_METADATA_TOKEN);
    *why = value == NULL ? "no job token" : "wrong job token";
    if (value == NULL || !is_token(value, g->token)) return CHARIOT_EAUTH;
    int64_t number;
    value = find(metadata, RPC_METADATA_VERSION);
    *why = value == NULL ? "no protocol version" : "another protocol version";
    if (value == NULL || !read_number(value, INT64_MAX, &number) || number != RPC_PROTOCOL_VERSION)
        return CHARIOT_EVERSION;
    *why = "another epoch: it belongs to another job of that name";
    if (!is_epoch(find(metadata, RPC_METADATA_EPOCH), g->epoch)) return CHARIOT_ESTATE;
    value = find(metadata, RPC_METADATA_PE);
    *why = value == NULL ? "no PE number" : "PE number out of range";
    if (value == NULL || !read_number(value, g->base.num_pes - 1, &number) || number == g->base.pe)
        return CHARIOT_EINVAL;
    *pe = (uint32_t)number;
    return 0;
}
