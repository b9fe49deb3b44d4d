/* objects/ref.c: refs to chares: packing, comparing, hashing, and their form as values; the form of futures' ids.
 *
 * A ref's value is: kind byte; ndims byte; byte of flags; collection, 8 bytes; type, 4 bytes; method, 4 bytes, where
 * FLAG_METHOD says so; then those of the three index words, 8 bytes each, that are not zero, as FLAG_INDEX << i says.
 */
#include "objects/ref.h"
#include "objects/section.h"

#include <stdio.h>
#include <string.h>

#include "objects/value_format.h"

enum {
    FLAG_WHOLE = 1,
    FLAG_METHOD = 2,
    FLAG_INDEX = 4,
    FLAGS_ALL = 31,
    BODY_FIXED = 15,
    BODY_MAX = BODY_FIXED + 4 + 8 * OBJ_INDEX_WORDS,
};

int obj_index_pack(const struct chariot_index *index, uint64_t words[OBJ_INDEX_WORDS]) {
    if (index->ndims < 1 || index->ndims > CHARIOT_MAX_DIMS) return CHARIOT_EINVAL;
    words[0] = words[1] = words[2] = 0;
    bool wide = index->ndims <= OBJ_INDEX_WORDS;
    for (uint32_t i = 0; i < index->ndims; i++) {
        int64_t at = index->at[i];
        if (wide) {
            words[i] = (uint64_t)at;
            continue;
        }
        if (at < INT32_MIN || at > INT32_MAX) return CHARIOT_ERANGE;
        words[i / 2] |= (uint64_t)(uint32_t)at << (i % 2 * 32);
    }
    return 0;
}

void obj_index_unpack(uint32_t ndims, const uint64_t words[OBJ_INDEX_WORDS], struct chariot_index *index) {
    memset(index, 0, sizeof *index);
    index->ndims = ndims <= CHARIOT_MAX_DIMS ? ndims : CHARIOT_MAX_DIMS;
    bool wide = index->ndims <= OBJ_INDEX_WORDS;
    for (uint32_t i = 0; i < index->ndims; i++)
        index->at[i] = wide ? (int64_t)words[i] : (int32_t)(uint32_t)(words[i / 2] >> (i % 2 * 32));
}

void obj_index_print(uint32_t ndims, const uint64_t words[OBJ_INDEX_WORDS], char text[OBJ_INDEX_TEXT]) {
    struct chariot_index index;
    obj_index_unpack(ndims, words, &index);
    size_t at = (size_t)snprintf(text, OBJ_INDEX_TEXT, "(");
    for (uint32_t i = 0; i < index.ndims; i++) {
        const char *before = i == 0 ? "" : ", ";
        at += (size_t)snprintf(text + at, OBJ_INDEX_TEXT - at, "%s%lld", before, (long long)index.at[i]);
    }
    snprintf(text + at, OBJ_INDEX_TEXT - at, index.ndims == 1 ? ",)" : ")");
}

/* The finaliser of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t obj_index_hash(uint64_t collection, const uint64_t words[OBJ_INDEX_WORDS]) {
    uint64_t hash = mix(collection);
    for (int i = 0; i < OBJ_INDEX_WORDS; i++) hash = mix(hash ^ words[i]);
    return hash;
}

bool chariot_ref_equal(const struct chariot_ref *a, const struct chariot_ref *b) {
    return a->collection == b->collection && a->whole == b->whole && memcmp(a->index, b->index, sizeof a->index) == 0;
}

uint64_t chariot_ref_hash(const struct chariot_ref *ref) {
    return mix(obj_index_hash(ref->collection, ref->index) ^ ref->whole);
}

/* A main or single chare is known by its element only, which says where it was placed: it is its own collection. */
static bool is_single(const struct chariot_ref *ref) {
    return ref->kind == CHARIOT_SINGLE || ref->kind == CHARIOT_MAIN;
}

/* The collection whose elements a section's members are. False: it has several. */
static bool find_source(const struct chariot_ref *section, struct chariot_ref *out) {
    uint64_t source = section->index[OBJ_SOURCE_WORD];
    *out = *section;
    out->collection = source;
    out->kind = (uint8_t)obj_id_kind(source);
    memset(out->index, 0, sizeof out->index);
    if (obj_id_is_partial(source)) out->index[OBJ_ROOT_WORD] = section->index[OBJ_SOURCE_ROOT_WORD];
    return source != 0;
}

int chariot_ref_element(const struct chariot_ref *collection, const struct chariot_index *index,
                        struct chariot_ref *out) {
    struct chariot_ref whole = *collection;
    uint64_t words[OBJ_INDEX_WORDS];
    if (collection->kind == CHARIOT_SECTION && !find_source(collection, &whole)) return CHARIOT_EINVAL;
    if (is_single(&whole) || index->ndims != whole.ndims) return CHARIOT_EINVAL;
    int error = obj_index_pack(index, words);
    if (error != 0) return error;
    if (obj_id_is_partial(whole.collection)) words[OBJ_ROOT_WORD] = whole.index[OBJ_ROOT_WORD];
    *out = whole;
    out->whole = 0;
    memcpy(out->index, words, sizeof words);
    return 0;
}

void chariot_ref_collection(const struct chariot_ref *element, struct chariot_ref *out) {
    uint64_t root = element->index[OBJ_ROOT_WORD];
    *out = *element;
    if (is_single(element) || element->whole) return;
    out->whole = 1;
    memset(out->index, 0, sizeof out->index);
    if (obj_id_is_partial(element->collection)) out->index[OBJ_ROOT_WORD] = root;
}

void chariot_ref_index(const struct chariot_ref *element, struct chariot_index *out) {
    obj_index_unpack(is_single(element) ? 1 : element->ndims, element->index, out);
}

static int put_ref(struct chariot_writer *writer, const struct chariot_ref *ref, const uint32_t *method) {
    uint8_t body[BODY_MAX];
    uint8_t flags = (uint8_t)((ref->whole ? FLAG_WHOLE : 0) | (method != NULL ? FLAG_METHOD : 0));
    for (int i = 0; i < OBJ_INDEX_WORDS; i++) flags |= ref->index[i] != 0 ? (uint8_t)(FLAG_INDEX << i) : 0;
    uint8_t *end = body;
    *end++ = ref->kind;
    *end++ = ref->ndims;
    *end++ = flags;
    end = obj_put64(end, ref->collection);
    end = obj_put32(end, ref->type);
    if (method != NULL) end = obj_put32(end, *method);
    for (int i = 0; i < OBJ_INDEX_WORDS; i++)
        if (ref->index[i] != 0) end = obj_put64(end, ref->index[i]);
    size_t size = (size_t)(end - body);
    uint8_t *at = obj_writer_room(writer, 2 + size);
    if (at == NULL) return writer->error;
    *at++ = OBJ_TAG_REF;
    *at++ = (uint8_t)size;
    memcpy(at, body, size);
    return 0;
}

int chariot_put_ref(struct chariot_writer *writer, const struct chariot_ref *ref) {
    return put_ref(writer, ref, NULL);
}

int chariot_put_method(struct chariot_writer *writer, const struct chariot_ref *ref, uint32_t method) {
    return put_ref(writer, ref, &method);
}

int chariot_put_future(struct chariot_writer *writer, uint64_t future_id) {
    uint8_t *at = obj_writer_room(writer, 9);
    if (at == NULL) return writer->error;
    *at++ = OBJ_TAG_FUTURE;
    obj_put64(at, future_id);
    return 0;
}

static size_t body_size(uint8_t flags) {
    size_t size = BODY_FIXED + (flags & FLAG_METHOD ? 4u : 0u);
    for (int i = 0; i < OBJ_INDEX_WORDS; i++) size += flags & (FLAG_INDEX << i) ? 8 : 0;
    return size;
}

int chariot_ref_read(const struct chariot_value *value, struct chariot_ref *ref, uint32_t *method) {
    if (value->type != CHARIOT_REF) return CHARIOT_ETYPE;
    const uint8_t *at = value->ref.data;
    if (value->ref.size < BODY_FIXED) return CHARIOT_EMALFORMED;
    uint8_t kind = at[0], ndims = at[1], flags = at[2];
    if (kind < CHARIOT_MAIN || kind > CHARIOT_SECTION || ndims > CHARIOT_MAX_DIMS) return CHARIOT_EMALFORMED;
    if ((flags & ~FLAGS_ALL) != 0 || value->ref.size != body_size(flags)) return CHARIOT_EMALFORMED;
    memset(ref, 0, sizeof *ref);
    ref->kind = kind;
    ref->ndims = ndims;
    ref->whole = flags & FLAG_WHOLE;
    ref->collection = obj_get64(at + 3);
    ref->type = obj_get32(at + 11);
    at += BODY_FIXED;
    *method = UINT32_MAX;
    if (flags & FLAG_METHOD) {
        *method = obj_get32(at);
        at += 4;
    }
    for (int i = 0; i < OBJ_INDEX_WORDS; i++) {
        if ((flags & (FLAG_INDEX << i)) == 0) continue;
        ref->index[i] = obj_get64(at);
        at += 8;
    }
    return 0;
}

int chariot_future_read(const struct chariot_value *value, uint64_t *id) {
    if (value->type != CHARIOT_FUTURE) return CHARIOT_ETYPE;
    *id = obj_get64(value->ref.data);
    return 0;
}
