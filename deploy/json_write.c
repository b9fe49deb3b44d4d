/* deploy/json_write.c: Values made into JSON: see json.h. They come from a service and may be anything. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/base64.h"
#include "deploy/digits.h"
#include "deploy/json.h"

static bool write_value(FILE *out, struct rpc_wire wire, int depth);

/* ---------------------------------------------------------------- texts and numbers */

/* Control characters, those of two bytes too. */
static size_t obeyed(const uint8_t *text, size_t size, uint32_t *c) {
    bool one = text[0] < 0x20 || text[0] == 0x7f,
         two = size > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0;
    *c = one ? text[0] : two ? text[1] : 0;
    return one ? 1 : two ? 2 : 0;
}

void deploy_json_write_text(FILE *out, const uint8_t *text, size_t size) {
    uint32_t c;
    putc('"', out);
    for (size_t i = 0, count; i < size; i += count) {
        count = obeyed(text + i, size - i, &c);
        if (count > 0) {
            fprintf(out, "\\u%04x", c);
            continue;
        }
        count = 1;
        if (text[i] == '"' || text[i] == '\\') putc('\\', out);
        putc(text[i], out);
    }
    putc('"', out);
}

/* The shortest digits that are this number again, with a point or an exponent. Fifteen are enough for what people have
 * typed, but numbers that are so small that they have fewer. */
void deploy_json_write_real(FILE *out, double value) {
    char text[40];
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
    if (strpbrk(text, ".e") == NULL) fputs(".0", out);
}

static void write_real(FILE *out, double value) {
    const char *name = deploy_json_real_name(value);
    if (name == NULL)
        deploy_json_write_real(out, value);
    else
        fprintf(out, "{\"@real\": \"%s\"}", name);
}

static bool write_big(FILE *out, const struct rpc_wire *bytes) {
    char *text = deploy_digits_text(bytes->at, rpc_wire_left(bytes));
    if (text == NULL) return false;
    fputs(text, out);
    free(text);
    return true;
}

static void write_base64(FILE *out, const char *name, struct rpc_wire bytes) {
    fprintf(out, "{\"%s\": \"", name);
    deploy_base64_write(out, bytes.at, rpc_wire_left(&bytes));
    fputs("\"}", out);
}

/* ---------------------------------------------------------------- what holds others */

/* The field of that number, which holds bytes. False: there is none, or the message is malformed. */
static bool find(struct rpc_wire wire, uint32_t number, struct rpc_wire *out) {
    bool found = false;
    while (rpc_wire_left(&wire) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&wire, &field) != 0) return false;
        if (field.number != number) continue;
        if (field.type != RPC_WIRE_BYTES_OF) return false;
        *out = field.bytes;
        found = true;
    }
    return found;
}

static bool write_list(FILE *out, struct rpc_wire list, int depth) {
    const char *between = "";
    putc('[', out);
    while (rpc_wire_left(&list) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&list, &field) != 0) return false;
        if (field.number != 1) continue;
        fputs(between, out);
        if (field.type != RPC_WIRE_BYTES_OF || !write_value(out, field.bytes, depth)) return false;
        between = ", ";
    }
    putc(']', out);
    return true;
}

static bool write_tuple(FILE *out, struct rpc_wire list, int depth) {
    fputs("{\"@tuple\": ", out);
    if (!write_list(out, list, depth)) return false;
    putc('}', out);
    return true;
}

/* Keys are texts, and one alone does not begin with '@': JSON has them as they are. */
static bool is_plain(struct rpc_wire map) {
    struct rpc_wire key, text;
    size_t count = 0, at_signs = 0;
    while (rpc_wire_left(&map) > 0) {
        struct rpc_field entry;
        if (rpc_wire_field(&map, &entry) != 0 || entry.number != 1 || entry.type != RPC_WIRE_BYTES_OF) return false;
        if (!find(entry.bytes, 1, &key) || !find(key, DEPLOY_JSON_TEXT, &text)) return false;
        at_signs += rpc_wire_left(&text) > 0 && *text.at == '@';
        count++;
    }
    return count != 1 || at_signs == 0;
}

static bool write_map(FILE *out, struct rpc_wire map, int depth) {
    bool plain = is_plain(map);
    const char *between = "";
    fputs(plain ? "{" : "{\"@map\": [", out);
    while (rpc_wire_left(&map) > 0) {
        struct rpc_field entry;
        struct rpc_wire key, value;
        if (rpc_wire_field(&map, &entry) != 0) return false;
        if (entry.number != 1) continue;
        if (entry.type != RPC_WIRE_BYTES_OF || !find(entry.bytes, 1, &key) || !find(entry.bytes, 2, &value))
            return false;
        fprintf(out, "%s%s", between, plain ? "" : "[");
        if (!write_value(out, key, depth)) return false;
        fputs(plain ? ": " : ", ", out);
        if (!write_value(out, value, depth)) return false;
        if (!plain) putc(']', out);
        between = ", ";
    }
    fputs(plain ? "}" : "]}", out);
    return true;
}

static bool write_failure(FILE *out, struct rpc_wire failure) {
    static const char *const names[] = {NULL, "type", "message", "pe", "traceback"};
    const char *between = "";
    fputs("{\"@failure\": {", out);
    while (rpc_wire_left(&failure) > 0) {
        struct rpc_field field;
        if (rpc_wire_field(&failure, &field) != 0) return false;
        if (field.number > 4 || (field.type == RPC_WIRE_VARINT) != (field.number == 3)) continue;
        fprintf(out, "%s\"%s\": ", between, names[field.number]);
        if (field.number == 3)
            fprintf(out, "%llu", (unsigned long long)field.value);
        else
            deploy_json_write_text(out, field.bytes.at, rpc_wire_left(&field.bytes));
        between = ", ";
    }
    fputs("}}", out);
    return true;
}

/* ---------------------------------------------------------------- any value */

static bool write_number(FILE *out, const struct rpc_field *field) {
    if (field->number == DEPLOY_JSON_BOOLEAN)
        fputs(field->value != 0 ? "true" : "false", out);
    else
        fprintf(out, "%lld", (long long)rpc_unzigzag(field->value));
    return true;
}

static bool write_bytes_of(FILE *out, const struct rpc_field *field, int depth) {
    struct rpc_wire bytes = field->bytes, handle = {0};
    switch (field->number) {
    case DEPLOY_JSON_NULL:
        fputs("null", out);
        return true;
    case DEPLOY_JSON_BIG_INTEGER:
        return write_big(out, &bytes);
    case DEPLOY_JSON_TEXT:
        deploy_json_write_text(out, bytes.at, rpc_wire_left(&bytes));
        return true;
    case DEPLOY_JSON_DATA:
        write_base64(out, "@bytes", bytes);
        return true;
    case DEPLOY_JSON_LIST:
        return write_list(out, bytes, depth);
    case DEPLOY_JSON_TUPLE:
        return write_tuple(out, bytes, depth);
    case DEPLOY_JSON_MAP:
        return write_map(out, bytes, depth);
    case DEPLOY_JSON_ARRAY:
        return deploy_json_write_array(out, bytes);
    case DEPLOY_JSON_REFERENCE:
    case DEPLOY_JSON_FUTURE:
        if (!find(bytes, 1, &handle)) return false;
        write_base64(out, field->number == DEPLOY_JSON_FUTURE ? "@future" : "@reference", handle);
        return true;
    case DEPLOY_JSON_FAILURE:
        return write_failure(out, bytes);
    default:
        return false;
    }
}

static bool write_value(FILE *out, struct rpc_wire wire, int depth) {
    struct rpc_field field, kind = {0};
    double real;
    while (rpc_wire_left(&wire) > 0) {
        if (rpc_wire_field(&wire, &field) != 0) return false;
        if (field.number <= DEPLOY_JSON_FAILURE) kind = field;
    }
    if (depth == 0 || kind.number == 0) return false;
    if (kind.type == RPC_WIRE_BYTES_OF) return write_bytes_of(out, &kind, depth - 1);
    if (kind.number == DEPLOY_JSON_BOOLEAN || kind.number == DEPLOY_JSON_INTEGER)
        return kind.type == RPC_WIRE_VARINT && write_number(out, &kind);
    if (kind.number != DEPLOY_JSON_REAL || kind.type != RPC_WIRE_FIXED64) return false;
    memcpy(&real, &kind.value, sizeof real);
    write_real(out, real);
    return true;
}

bool deploy_json_write(FILE *out, struct rpc_wire value) {
    return write_value(out, value, DEPLOY_JSON_DEPTH);
}
