/* deploy/json_read.c: JSON made into Values: see json.h. Each is written as it is read; of an object it must be known
 * first whether it is one of those with a '@'. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/digits.h"
#include "deploy/json.h"

enum { LONGEST_REAL = 1000 };

static bool read_value(struct deploy_json *json, struct deploy_pack *pack, uint32_t number, int depth);

/* ---------------------------------------------------------------- numbers */

static bool read_integer(struct deploy_json *json, struct deploy_pack *pack, const char *text, size_t size) {
    struct deploy_json again = {.begin = text, .at = text, .end = text + size};
    int64_t small;
    uint8_t *bytes;
    size_t num_bytes;
    bool negative = text[0] == '-';
    if (deploy_json_int(&again, &small)) {
        deploy_pack_signed(pack, DEPLOY_JSON_INTEGER, small);
        return true;
    }
    if (size - negative > DEPLOY_DIGITS_MAX)
        return deploy_json_fail(json, "an integer has at most %d digits", DEPLOY_DIGITS_MAX);
    if (!deploy_digits_read(text + negative, size - negative, negative, &bytes, &num_bytes)) {
        pack->failed = true;
        return true;
    }
    deploy_pack_bytes(pack, DEPLOY_JSON_BIG_INTEGER, bytes, num_bytes);
    free(bytes);
    return true;
}

static bool read_number(struct deploy_json *json, struct deploy_pack *pack) {
    const char *text;
    size_t size;
    bool real;
    if (!deploy_json_number(json, &text, &size, &real)) return false;
    if (!real) return read_integer(json, pack, text, size);
    double value = size > LONGEST_REAL ? INFINITY : deploy_json_real(text, size);
    if (isinf(value)) return deploy_json_fail(json, "this real is too large");
    deploy_pack_real(pack, DEPLOY_JSON_REAL, value);
    return true;
}

/* ---------------------------------------------------------------- lists and objects */

/* A List, behind its '['. */
static bool read_list(struct deploy_json *json, struct deploy_pack *pack, uint32_t number, int depth) {
    size_t list = deploy_pack_begin(pack, number);
    if (!deploy_json_takes(json, ']')) {
        do {
            if (!read_value(json, pack, 1, depth)) return false;
        } while (deploy_json_follows(json, ']'));
    }
    deploy_pack_end(pack, list);
    return json->why[0] == '\0';
}

/* A Map of an object's members, behind its '{'. */
static bool read_members(struct deploy_json *json, struct deploy_pack *pack, int depth) {
    size_t map = deploy_pack_begin(pack, DEPLOY_JSON_MAP);
    if (!deploy_json_takes(json, '}')) {
        do {
            size_t entry = deploy_pack_begin(pack, 1), key = deploy_pack_begin(pack, 1);
            size_t text = deploy_pack_begin(pack, DEPLOY_JSON_TEXT);
            if (!deploy_json_string(json, pack) || !deploy_json_take(json, ':')) return false;
            deploy_pack_end(pack, text);
            deploy_pack_end(pack, key);
            if (!read_value(json, pack, 2, depth)) return false;
            deploy_pack_end(pack, entry);
        } while (deploy_json_follows(json, '}'));
    }
    deploy_pack_end(pack, map);
    return json->why[0] == '\0';
}

/* [[KEY, VALUE], ..] */
static bool read_pairs(struct deploy_json *json, struct deploy_pack *pack, int depth) {
    size_t map = deploy_pack_begin(pack, DEPLOY_JSON_MAP);
    if (!deploy_json_take(json, '[')) return false;
    if (!deploy_json_takes(json, ']')) {
        do {
            size_t entry = deploy_pack_begin(pack, 1);
            if (!deploy_json_take(json, '[') || !read_value(json, pack, 1, depth) || !deploy_json_take(json, ',') ||
                !read_value(json, pack, 2, depth) || !deploy_json_take(json, ']'))
                return false;
            deploy_pack_end(pack, entry);
        } while (deploy_json_follows(json, ']'));
    }
    deploy_pack_end(pack, map);
    return json->why[0] == '\0';
}

/* ---------------------------------------------------------------- those with a '@' */

static bool read_bytes(struct deploy_json *json, struct deploy_pack *pack) {
    size_t data = deploy_pack_begin(pack, DEPLOY_JSON_DATA);
    bool good = deploy_json_base64(json, pack);
    deploy_pack_end(pack, data);
    return good;
}

static bool read_handle(struct deploy_json *json, struct deploy_pack *pack, uint32_t number) {
    size_t message = deploy_pack_begin(pack, number), handle = deploy_pack_begin(pack, 1);
    bool good = deploy_json_base64(json, pack);
    deploy_pack_end(pack, handle);
    deploy_pack_end(pack, message);
    return good;
}

static bool read_any_real(struct deploy_json *json, struct deploy_pack *pack) {
    double value;
    if (!deploy_json_any_real(json, &value, "a @real is a number, \"NaN\", \"Infinity\" or \"-Infinity\""))
        return false;
    deploy_pack_real(pack, DEPLOY_JSON_REAL, value);
    return true;
}

static bool read_special(struct deploy_json *json, struct deploy_pack *pack, const char *name, int depth) {
    if (strcmp(name, "@real") == 0) return read_any_real(json, pack);
    if (strcmp(name, "@bytes") == 0) return read_bytes(json, pack);
    if (strcmp(name, "@tuple") == 0)
        return deploy_json_take(json, '[') && read_list(json, pack, DEPLOY_JSON_TUPLE, depth);
    if (strcmp(name, "@map") == 0) return read_pairs(json, pack, depth);
    if (strcmp(name, "@array") == 0) return deploy_json_read_array(json, pack, DEPLOY_JSON_ARRAY);
    if (strcmp(name, "@reference") == 0) return read_handle(json, pack, DEPLOY_JSON_REFERENCE);
    if (strcmp(name, "@future") == 0) return read_handle(json, pack, DEPLOY_JSON_FUTURE);
    return deploy_json_fail(json, "there is no \"%s\"; a map with this one key is {\"@map\": [[\"%s\", ..]]}", name,
                            name);
}

/* Behind a '{': its only member's name begins with '@'. */
static bool is_special(const struct deploy_json *json) {
    struct deploy_json ahead = *json;
    struct deploy_pack name = {0};
    bool is = deploy_json_peek(&ahead) == '"' && deploy_json_string(&ahead, &name) && name.size > 0 &&
              name.data[0] == '@' && deploy_json_take(&ahead, ':') && deploy_json_skip(&ahead, 2 * DEPLOY_JSON_DEPTH) &&
              deploy_json_takes(&ahead, '}');
    deploy_pack_deinit(&name);
    return is;
}

static bool read_object(struct deploy_json *json, struct deploy_pack *pack, int depth) {
    char name[32];
    if (!is_special(json)) return read_members(json, pack, depth);
    const char *word = deploy_json_word(json, name, sizeof name);
    if (word == NULL) return deploy_json_fail(json, "there is nothing with so long a name after '@'");
    return deploy_json_take(json, ':') && read_special(json, pack, word, depth) && deploy_json_take(json, '}');
}

/* ---------------------------------------------------------------- any value */

static bool read_text(struct deploy_json *json, struct deploy_pack *pack) {
    size_t text = deploy_pack_begin(pack, DEPLOY_JSON_TEXT);
    bool good = deploy_json_string(json, pack);
    deploy_pack_end(pack, text);
    return good;
}

static bool read_kind(struct deploy_json *json, struct deploy_pack *pack, int depth) {
    switch (deploy_json_peek(json)) {
    case '"':
        return read_text(json, pack);
    case '[':
        json->at++;
        return read_list(json, pack, DEPLOY_JSON_LIST, depth);
    case '{':
        json->at++;
        return read_object(json, pack, depth);
    default:
        break;
    }
    if (deploy_json_literal(json, "null")) {
        deploy_pack_bytes(pack, DEPLOY_JSON_NULL, NULL, 0);
        return true;
    }
    bool is_true = deploy_json_literal(json, "true");
    if (!is_true && !deploy_json_literal(json, "false")) return read_number(json, pack);
    deploy_pack_number(pack, DEPLOY_JSON_BOOLEAN, is_true);
    return true;
}

static bool read_value(struct deploy_json *json, struct deploy_pack *pack, uint32_t number, int depth) {
    if (depth == 0) return deploy_json_fail(json, "more than %d values stand inside one another", DEPLOY_JSON_DEPTH);
    size_t value = deploy_pack_begin(pack, number);
    bool good = read_kind(json, pack, depth - 1);
    deploy_pack_end(pack, value);
    return good;
}

bool deploy_json_read(struct deploy_json *json, const char *text, size_t size, struct deploy_pack *pack,
                      uint32_t number) {
    *json = (struct deploy_json){.begin = text, .at = text, .end = text + size};
    if (!read_value(json, pack, number, DEPLOY_JSON_DEPTH)) return false;
    if (deploy_json_peek(json) == '\0' && json->at == json->end) return true;
    return deploy_json_fail(json, "something follows the value");
}
