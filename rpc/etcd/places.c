/* rpc/etcd/places.c: see places.h. */
#include "rpc/etcd/places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

/* ---------------------------------------------------------------- who */

bool etcd_who_write(const struct etcd_who *who, char text[ETCD_TEXT_MAX]) {
    int length =
        snprintf(text, ETCD_TEXT_MAX, "host=%s pid=%" PRId64 " members=%" PRIu32 " version=%s%s%s", who->host, who->pid,
                 who->members, who->version, who->address[0] == '\0' ? "" : " address=", who->address);
    return length > 0 && length < ETCD_TEXT_MAX;
}

/* As ours are written; each part has its bound. */
static void read_who(struct etcd_who *who, const ProtobufCBinaryData *value) {
    char text[ETCD_TEXT_MAX];
    *who = (struct etcd_who){0};
    if (value->len >= sizeof text || memchr(value->data, '\0', value->len) != NULL) return;
    memcpy(text, value->data, value->len);
    text[value->len] = '\0';
    for (size_t i = 0; i < value->len; i++) {
        if (text[i] < ' ' || text[i] > '~') return;
    }
    int parts = sscanf(text, "host=%255s pid=%18" SCNd64 " members=%9" SCNu32 " version=%31s address=%255s", who->host,
                       &who->pid, &who->members, who->version, who->address);
    who->is_one = parts >= 4;
}

bool etcd_places_is_name(const char *job) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(job);
    return size >= 1 && size <= ETCD_JOB_NAME_MAX && strspn(job, good) == size;
}

/* ---------------------------------------------------------------- keys */

char *etcd_places_key(const struct etcd_places *places, uint32_t at) {
    char *key;
    int length = at == places->members ? asprintf(&key, "%shead", places->prefix)
                                       : asprintf(&key, "%smember/%" PRIu32, places->prefix, at);
    return length < 0 ? NULL : key;
}

/* NULL: it is no place of this job. */
static struct etcd_place *find(struct etcd_places *places, const ProtobufCBinaryData *key) {
    static const char member[] = "member/";
    size_t prefix = strlen(places->prefix), size = sizeof member - 1;
    if (key->len < prefix || memcmp(key->data, places->prefix, prefix) != 0) return NULL;
    const char *rest = (const char *)key->data + prefix;
    size_t left = key->len - prefix;
    if (left == 4 && memcmp(rest, "head", 4) == 0) return &places->all[places->members];
    if (left <= size || left > size + 9 || memcmp(rest, member, size) != 0) return NULL;
    uint32_t number = 0;
    for (size_t i = size; i < left; i++) {
        if (rest[i] < '0' || rest[i] > '9') return NULL;
        number = number * 10 + (uint32_t)(rest[i] - '0');
    }
    bool padded = rest[size] == '0' && left > size + 1;
    return number < places->members && !padded ? &places->all[number] : NULL;
}

/* ---------------------------------------------------------------- news */

static void put(struct etcd_places *places, const Etcd__V3__KeyValue *kv) {
    struct etcd_place *place = find(places, &kv->key);
    if (place == NULL) return;
    place->revision = kv->create_revision;
    place->lease = kv->lease;
    read_who(&place->who, &kv->value);
}

void etcd_places_set_all(struct etcd_places *places, const Etcd__V3__RangeResponse *list) {
    for (uint32_t at = 0; at <= places->members; at++) places->all[at].revision = 0;
    for (size_t i = 0; i < list->n_kvs; i++) put(places, list->kvs[i]);
}

void etcd_places_set(struct etcd_places *places, const Etcd__V3__Event *event) {
    struct etcd_place *place = find(places, &event->kv->key);
    if (event->type == 0)
        put(places, event->kv);
    else if (place != NULL)
        place->revision = 0; /* who it was stays, for messages */
}

/* ---------------------------------------------------------------- life */

int etcd_places_init(struct etcd_places *places, const char *job, uint32_t members) {
    *places = (struct etcd_places){.members = members};
    places->all = calloc((size_t)members + 1, sizeof *places->all);
    if (asprintf(&places->prefix, "/chariot/%s/", job) < 0) places->prefix = NULL;
    if (places->all != NULL && places->prefix != NULL) return 0;
    etcd_places_deinit(places);
    return CHARIOT_ENOMEM;
}

void etcd_places_deinit(struct etcd_places *places) {
    free(places->prefix);
    free(places->all);
    places->prefix = NULL;
    places->all = NULL;
}
