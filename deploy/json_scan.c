/* deploy/json_scan.c: the words of JSON (RFC 8259): see json.h. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/base64.h"
#include "deploy/json.h"

bool deploy_json_fail(struct deploy_json *json, const char *format, ...) {
    char text[120];
    va_list args;
    if (json->why[0] != '\0') return false;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (json->at >= json->end)
        snprintf(json->why, sizeof json->why, "%s, where the text ends", text);
    else
        snprintf(json->why, sizeof json->why, "%s, at '%.*s' (character %zu)", text,
                 json->end - json->at < 20 ? (int)(json->end - json->at) : 20, json->at,
                 (size_t)(json->at - json->begin) + 1);
    return false;
}

char deploy_json_peek(struct deploy_json *json) {
    while (json->at < json->end && strchr(" \t\r\n", *json->at) != NULL && *json->at != '\0') json->at++;
    return json->at < json->end ? *json->at : '\0';
}

bool deploy_json_takes(struct deploy_json *json, char c) {
    if (json->why[0] != '\0' || deploy_json_peek(json) != c || json->at == json->end) return false;
    json->at++;
    return true;
}

bool deploy_json_take(struct deploy_json *json, char c) {
    return deploy_json_takes(json, c) || deploy_json_fail(json, "'%c' is missing", c);
}

bool deploy_json_follows(struct deploy_json *json, char end) {
    if (deploy_json_takes(json, end)) return false;
    return deploy_json_takes(json, ',') || deploy_json_fail(json, "',' or '%c' is missing", end);
}

bool deploy_json_literal(struct deploy_json *json, const char *word) {
    size_t size = strlen(word);
    (void)deploy_json_peek(json);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0) return false;
    json->at += size;
    return true;
}

/* ---------------------------------------------------------------- strings */

static void put_utf8(struct deploy_pack *pack, uint32_t c) {
    uint8_t bytes[4];
    size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; c >>= 6) bytes[i] = (uint8_t)(0x80 | (c & 0x3f));
    bytes[0] = (uint8_t)(heads[size] | c);
    deploy_pack_raw(pack, bytes, size);
}

/* The four digits of \uXXXX; -1: there are not. */
static int32_t take_unit(struct deploy_json *json) {
    int32_t unit = 0;
    if (json->end - json->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char c = json->at[i];
        const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
        if (digit == NULL || c == '\0') return -1;
        unit = unit * 16 + (int32_t)(digit - digits);
    }
    json->at += 4;
    return unit;
}

/* Behind "\u": one character, of two units where it is beyond the first plane. */
static bool take_unicode(struct deploy_json *json, struct deploy_pack *pack) {
    int32_t unit = take_unit(json), low = -1;
    if (unit >= 0xd800 && unit < 0xdc00 && json->end - json->at > 2 && json->at[0] == '\\' && json->at[1] == 'u') {
        json->at += 2;
        low = take_unit(json);
    }
    bool pair = low >= 0xdc00 && low < 0xe000;
    if (unit < 0 || (!pair && unit >= 0xd800 && unit < 0xe000))
        return deploy_json_fail(json, "\\u is followed by four hexadecimal digits, or by a pair of surrogates");
    put_utf8(pack, pair ? 0x10000 + ((uint32_t)unit - 0xd800) * 0x400 + ((uint32_t)low - 0xdc00) : (uint32_t)unit);
    return true;
}

static bool take_escape(struct deploy_json *json, struct deploy_pack *pack) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = json->at < json->end ? *json->at : '\0';
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (c != 'u' && name == NULL) return deploy_json_fail(json, "no such character is written with '\\'");
    json->at++;
    if (name == NULL) return take_unicode(json, pack);
    deploy_pack_raw(pack, &values[name - names], 1);
    return true;
}

bool deploy_json_string(struct deploy_json *json, struct deploy_pack *pack) {
    if (!deploy_json_takes(json, '"')) return deploy_json_fail(json, "a string in double quotes is missing");
    while (json->at < json->end) {
        const char *from = json->at;
        while (json->at < json->end && *json->at != '"' && *json->at != '\\' && (uint8_t)*json->at >= 0x20) json->at++;
        deploy_pack_raw(pack, from, (size_t)(json->at - from));
        if (json->at == json->end) break;
        if ((uint8_t)*json->at < 0x20)
            return deploy_json_fail(json, "a string has a control character, which is written \\uXXXX");
        if (*json->at++ == '"') return true;
        if (!take_escape(json, pack)) return false;
    }
    return deploy_json_fail(json, "the '\"' that ends a string is missing");
}

const char *deploy_json_word(struct deploy_json *json, char *out, size_t room) {
    struct deploy_pack pack = {0};
    bool fits = deploy_json_string(json, &pack) && !pack.failed && pack.size < room;
    if (fits && pack.size > 0) memcpy(out, pack.data, pack.size);
    if (fits) out[pack.size] = '\0';
    deploy_pack_deinit(&pack);
    return fits ? out : NULL;
}

bool deploy_json_base64(struct deploy_json *json, struct deploy_pack *pack) {
    size_t begun = pack->size, size;
    if (!deploy_json_string(json, pack)) return false;
    if (pack->failed) return true;
    if (!deploy_base64_read((char *)pack->data + begun, pack->size - begun, &size))
        return deploy_json_fail(json, "that is no base64");
    pack->size = begun + size;
    return true;
}

/* ---------------------------------------------------------------- numbers */

static bool take_digits(struct deploy_json *json) {
    const char *from = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
    return json->at > from;
}

static bool takes_one_of(struct deploy_json *json, const char *set) {
    bool is = json->at < json->end && *json->at != '\0' && strchr(set, *json->at) != NULL;
    json->at += is;
    return is;
}

bool deploy_json_number(struct deploy_json *json, const char **text, size_t *size, bool *real) {
    (void)deploy_json_peek(json);
    const char *from = json->at;
    (void)takes_one_of(json, "-");
    const char *whole = json->at;
    bool good = take_digits(json) && (*whole != '0' || json->at == whole + 1);
    *real = false;
    if (good && takes_one_of(json, ".")) good = *real = take_digits(json);
    if (good && takes_one_of(json, "eE")) {
        (void)takes_one_of(json, "+-");
        good = *real = take_digits(json);
    }
    *text = from;
    *size = (size_t)(json->at - from);
    if (good) return true;
    json->at = from;
    return deploy_json_fail(json, "that is no value (a text stands in double quotes)");
}

double deploy_json_real(const char *text, size_t size) {
    char *copy = malloc(size + 1);
    if (copy == NULL) return 0;
    memcpy(copy, text, size);
    copy[size] = '\0';
    double value = strtod(copy, NULL);
    free(copy);
    return value;
}

static bool take_real_name(struct deploy_json *json, double *value, const char *otherwise) {
    char word[16];
    const char *name = deploy_json_word(json, word, sizeof word);
    bool nan = name != NULL && strcmp(name, "NaN") == 0, low = name != NULL && strcmp(name, "-Infinity") == 0;
    if (name == NULL || (!nan && !low && strcmp(name, "Infinity") != 0)) return deploy_json_fail(json, "%s", otherwise);
    *value = nan ? NAN : low ? -INFINITY : INFINITY;
    return true;
}

bool deploy_json_any_real(struct deploy_json *json, double *value, const char *otherwise) {
    const char *text;
    size_t size;
    bool real;
    if (deploy_json_peek(json) == '"') return take_real_name(json, value, otherwise);
    if (!deploy_json_number(json, &text, &size, &real)) return false;
    *value = deploy_json_real(text, size);
    return true;
}

const char *deploy_json_real_name(double value) {
    return isfinite(value) ? NULL : isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
}

bool deploy_json_int(struct deploy_json *json, int64_t *value) {
    const char *text;
    size_t size;
    bool real;
    if (!deploy_json_number(json, &text, &size, &real)) return false;
    if (real || size > 20) return deploy_json_fail(json, "an integer of 64 bits is missing");
    char copy[24];
    memcpy(copy, text, size);
    copy[size] = '\0';
    __extension__ __int128 sum = 0;
    for (const char *at = copy + (copy[0] == '-'); *at != '\0'; at++) sum = sum * 10 + (*at - '0');
    if (copy[0] == '-') sum = -sum;
    if (sum < INT64_MIN || sum > INT64_MAX) return deploy_json_fail(json, "an integer of 64 bits is missing");
    *value = (int64_t)sum;
    return true;
}

/* ---------------------------------------------------------------- any value */

static bool skip_items(struct deploy_json *json, char end, int depth) {
    struct deploy_pack name = {0};
    if (deploy_json_takes(json, end)) return true;
    do {
        bool good = end == ']' || (deploy_json_string(json, &name) && deploy_json_take(json, ':'));
        deploy_pack_deinit(&name);
        if (!good || !deploy_json_skip(json, depth - 1)) return false;
    } while (deploy_json_follows(json, end));
    return json->why[0] == '\0';
}

bool deploy_json_skip(struct deploy_json *json, int depth) {
    struct deploy_pack text = {0};
    const char *unused;
    size_t size;
    bool real, good;
    if (depth == 0) return deploy_json_fail(json, "too many values stand inside one another");
    switch (deploy_json_peek(json)) {
    case '[':
        json->at++;
        return skip_items(json, ']', depth);
    case '{':
        json->at++;
        return skip_items(json, '}', depth);
    case '"':
        good = deploy_json_string(json, &text);
        deploy_pack_deinit(&text);
        return good;
    default:
        if (deploy_json_literal(json, "null") || deploy_json_literal(json, "true") ||
            deploy_json_literal(json, "false"))
            return true;
        return deploy_json_number(json, &unused, &size, &real);
    }
}
