/* rpc/etcd/client.c: endpoints, credentials, and what all calls have in common (client.h). */
#include "rpc/etcd/client.h"

#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "rpc/etcd/call.h"
#include "rpc/etcd/watch.h"

enum {
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 500,
    MAX_MESSAGE = 4 << 20,
    PING_MS = 6000, /* etcd wants none oftener than every five seconds */
    PONG_MS = 3000,
};

/* ---------------------------------------------------------------- endpoints */

static grpc_arg number(const char *key, int value) {
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

/* A member that comes back is reached within half a second. */
static grpc_channel *connect_to(const char *target, grpc_channel_credentials *credentials) {
    grpc_arg args[] = {
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, MAX_MESSAGE),
        number(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, BACKOFF_MIN_MS),
        number(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS),
        number(GRPC_ARG_KEEPALIVE_TIME_MS, PING_MS),
        number(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, PONG_MS),
        number(GRPC_ARG_ENABLE_RETRIES, 0),
        number(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        number(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
    };
    grpc_channel_args all = {.num_args = sizeof args / sizeof args[0], .args = args};
    return grpc_channel_create(target, credentials, &all);
}

static grpc_channel_credentials *credentials_of(const struct etcd_setting *setting) {
    if (setting->ca == NULL) return grpc_insecure_credentials_create();
    if (setting->certificate == NULL) return grpc_ssl_credentials_create(setting->ca, NULL, NULL, NULL);
    grpc_ssl_pem_key_cert_pair own = {.private_key = setting->key, .cert_chain = setting->certificate};
    return grpc_ssl_credentials_create(setting->ca, &own, NULL, NULL);
}

/* HOST:PORT, the port a number: gRPC would make 443 of a missing one. */
static bool is_endpoint(const char *text, size_t size) {
    const char *colon = memrchr(text, ':', size);
    if (colon == NULL || colon == text) return false;
    size_t digits = size - (size_t)(colon + 1 - text);
    return digits >= 1 && digits <= 5 && strspn(colon + 1, "0123456789") >= digits;
}

static int add_endpoint(struct etcd_client *client, const char *text, size_t size,
                        grpc_channel_credentials *credentials, const char **why) {
    *why = "an endpoint of etcd is HOST:PORT";
    if (!is_endpoint(text, size)) return CHARIOT_EINVAL;
    *why = "too many endpoints of etcd";
    if (client->count == ETCD_MAX_ENDPOINTS) return CHARIOT_EINVAL;
    char *target = strndup(text, size);
    grpc_channel *channel = target == NULL ? NULL : connect_to(target, credentials);
    *why = "out of memory";
    if (channel == NULL) {
        free(target);
        return CHARIOT_ENOMEM;
    }
    client->endpoints[client->count].target = target;
    client->endpoints[client->count++].channel = channel;
    return 0;
}

static int add_endpoints(struct etcd_client *client, const char *list, grpc_channel_credentials *credentials,
                         const char **why) {
    int error = 0;
    for (const char *at = list; error == 0; at++) {
        size_t size = strcspn(at, ",");
        error = add_endpoint(client, at, size, credentials, why);
        at += size;
        if (*at == '\0') break;
    }
    return error;
}

void etcd_client_give_up(struct etcd_client *client, size_t endpoint) {
    if (endpoint != client->current || client->count == 1) return;
    client->current = (client->current + 1) % client->count;
    if (client->watch != NULL) etcd_watch_move(client->watch);
}

/* ---------------------------------------------------------------- calls */

grpc_call *etcd_client_call(struct etcd_client *client, const char *method, double deadline_s) {
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (deadline_s > 0)
        deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                gpr_time_from_millis((int64_t)(deadline_s * 1000), GPR_TIMESPAN));
    return grpc_channel_create_call(client->endpoints[client->current].channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                    client->events->queue, grpc_slice_from_static_string(method), NULL, deadline, NULL);
}

size_t etcd_client_metadata(const struct etcd_client *client, grpc_metadata items[ETCD_METADATA]) {
    memset(items, 0, ETCD_METADATA * sizeof *items);
    items[0].key = grpc_slice_from_static_string("hasleader");
    items[0].value = grpc_slice_from_static_string("true");
    if (client->token == NULL) return 1;
    items[1].key = grpc_slice_from_static_string("token");
    items[1].value = grpc_slice_from_copied_string(client->token);
    return 2;
}

void etcd_metadata_release(grpc_metadata *items, size_t count) {
    for (size_t i = 0; i < count; i++) grpc_slice_unref(items[i].value);
}

grpc_byte_buffer *etcd_pack(const ProtobufCMessage *message) {
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* ---------------------------------------------------------------- life */

static int set_user(struct etcd_client *client, const struct etcd_setting *setting) {
    if (setting->user == NULL) return 0;
    client->user = strdup(setting->user);
    client->password = strdup(setting->password == NULL ? "" : setting->password);
    return client->user == NULL || client->password == NULL ? CHARIOT_ENOMEM : 0;
}

int etcd_client_open(struct etcd_client *client, struct etcd_events *events, const struct etcd_setting *setting,
                     const char **why) {
    *client = (struct etcd_client){.events = events};
    grpc_channel_credentials *credentials = credentials_of(setting);
    *why = "the certificates for etcd cannot be used";
    if (credentials == NULL) return CHARIOT_EINVAL;
    int error = add_endpoints(client, setting->endpoints, credentials, why);
    grpc_channel_credentials_release(credentials);
    if (error == 0) error = set_user(client, setting);
    if (error != 0) etcd_client_deinit(client);
    return error;
}

void etcd_client_close(struct etcd_client *client) {
    client->closing = true;
    etcd_calls_cancel(client);
    if (client->watch != NULL) etcd_watch_close(client->watch);
}

void etcd_client_deinit(struct etcd_client *client) {
    for (size_t i = 0; i < client->count; i++) {
        grpc_channel_destroy(client->endpoints[i].channel);
        free(client->endpoints[i].target);
    }
    if (client->password != NULL) explicit_bzero(client->password, strlen(client->password));
    free(client->user);
    free(client->password);
    free(client->token);
    client->count = 0;
    client->user = client->password = client->token = NULL;
}
