/* Arguments one by one (args.h). */
#include "objects/args.h"

#include <stdio.h>
#include <string.h>

#include "objects/chariot.h"
#include "rpc/wire.h"

/* ---------------------------------------------------------------- what is wrong */

static const char *const names[] = {[CHARIOT_NULL] = "None",       [CHARIOT_BOOL] = "a bool",
                                    [CHARIOT_INT] = "an int",      [CHARIOT_BIGINT] = "an int of more than 64 bits",
                                    [CHARIOT_DOUBLE] = "a float",  [CHARIOT_STRING] = "a string",
                                    [CHARIOT_BYTES] = "bytes",     [CHARIOT_LIST] = "a list",
                                    [CHARIOT_TUPLE] = "a tuple",   [CHARIOT_MAP] = "a dict",
                                    [CHARIOT_ARRAY] = "an array",  [CHARIOT_REF] = "a proxy",
                                    [CHARIOT_FUTURE] = "a future", [CHARIOT_ERROR] = "an exception",
                                    [CHARIOT_PICKLE] = "a pickle"};

static void say_type(struct chariot_args *args, const char *wanted, const struct chariot_value *value) {
    if (args->why[0] != 0) return;
    snprintf(args->why, sizeof args->why, "argument %llu must be %s, not %s", (unsigned long long)args->number, wanted,
             names[value->type]);
}

static void say_array(struct chariot_args *args, const char *dtype, uint32_t ndim, const struct chariot_value *value) {
    if (args->why[0] != 0) return;
    snprintf(args->why, sizeof args->why,
             "argument %llu must be an array of %u dimension%s of '%s' in C order, not one of %u of '%.*s' in %c order",
             (unsigned long long)args->number, ndim, ndim == 1 ? "" : "s", dtype, value->array.ndim,
             (int)(value->array.dtype_size & 0x3f), value->array.dtype, value->array.order);
}

/* ---------------------------------------------------------------- one after the other */

static void begin(struct chariot_args *args) {
    struct chariot_value list;
    if (chariot_reader_done(&args->reader)) return;
    if (chariot_get_typed(&args->reader, CHARIOT_LIST, &list) == 0)
        args->left = list.count;
    else
        snprintf(args->why, sizeof args->why, "arguments are no list");
}

void chariot_args_init(struct chariot_args *args, const struct chariot_msg *msg) {
    *args = (struct chariot_args){.left = 0};
    if (msg == NULL) return;
    chariot_reader_init(&args->reader, msg);
    begin(args);
}

bool chariot_args_more(const struct chariot_args *args) {
    return args->why[0] == 0 && args->left > 0;
}

void chariot_arg_any(struct chariot_args *args, struct chariot_value *value) {
    *value = (struct chariot_value){.type = CHARIOT_NULL};
    if (args->why[0] != 0) return;
    args->number++;
    if (args->left == 0) {
        snprintf(args->why, sizeof args->why, "argument %llu is missing", (unsigned long long)args->number);
        return;
    }
    args->left--;
    if (chariot_get(&args->reader, value) == 0) return;
    *value = (struct chariot_value){.type = CHARIOT_NULL};
    snprintf(args->why, sizeof args->why, "argument %llu cannot be read", (unsigned long long)args->number);
}

static void get(struct chariot_args *args, enum chariot_value_type type, struct chariot_value *value) {
    chariot_arg_any(args, value);
    if (args->why[0] == 0 && value->type != type) say_type(args, names[type], value);
    if (args->why[0] != 0) *value = (struct chariot_value){.type = type};
}

/* ---------------------------------------------------------------- numbers */

static uint64_t bits_of(const struct chariot_value *value) {
    uint64_t bits = 0;
    memcpy(&bits, value->array.data, value->array.size);
    return bits;
}

static double real_of(const struct chariot_value *value) {
    double real;
    float small;
    if (value->array.size == sizeof real) return memcpy(&real, value->array.data, sizeof real), real;
    return memcpy(&small, value->array.data, sizeof small), (double)small;
}

/* An array of no dimensions, as the plain number that it holds; else it stays what it is. */
static void flatten(struct chariot_value *value) {
    if (value->type != CHARIOT_ARRAY || value->array.ndim != 0 || value->array.dtype_size != 3) return;
    char order = value->array.dtype[0], kind = value->array.dtype[1];
    size_t size = value->array.size, digit = (size_t)(value->array.dtype[2] - '0');
    if ((order != '<' && order != '|') || size != digit || size > 8) return;
    if (kind == 'f' && size >= 4) {
        *value = (struct chariot_value){.type = CHARIOT_DOUBLE, .real = real_of(value)};
    } else if (kind == 'b' && size == 1) {
        *value = (struct chariot_value){.type = CHARIOT_BOOL, .boolean = bits_of(value) != 0};
    } else if (kind == 'i' && size > 0) {
        unsigned shift = 64 - 8 * (unsigned)size;
        int64_t integer = (int64_t)(bits_of(value) << shift) >> shift;
        *value = (struct chariot_value){.type = CHARIOT_INT, .integer = integer};
    } else if (kind == 'u' && bits_of(value) <= INT64_MAX) {
        *value = (struct chariot_value){.type = CHARIOT_INT, .integer = (int64_t)bits_of(value)};
    }
}

bool chariot_arg_bool(struct chariot_args *args) {
    struct chariot_value value;
    chariot_arg_any(args, &value);
    flatten(&value);
    if (value.type == CHARIOT_BOOL) return value.boolean;
    say_type(args, "a bool", &value);
    return false;
}

int64_t chariot_arg_int(struct chariot_args *args) {
    struct chariot_value value;
    chariot_arg_any(args, &value);
    flatten(&value);
    if (value.type == CHARIOT_INT) return value.integer;
    if (value.type == CHARIOT_BOOL) return value.boolean;
    say_type(args, "an int", &value);
    return 0;
}

double chariot_arg_double(struct chariot_args *args) {
    struct chariot_value value;
    chariot_arg_any(args, &value);
    flatten(&value);
    if (value.type == CHARIOT_DOUBLE) return value.real;
    if (value.type == CHARIOT_INT) return (double)value.integer;
    if (value.type == CHARIOT_BOOL) return value.boolean;
    say_type(args, "a float", &value);
    return 0;
}

/* ---------------------------------------------------------------- the others */

void chariot_arg_string(struct chariot_args *args, struct chariot_value *value) {
    get(args, CHARIOT_STRING, value);
}

void chariot_arg_bytes(struct chariot_args *args, struct chariot_value *value) {
    get(args, CHARIOT_BYTES, value);
}

void chariot_arg_array(struct chariot_args *args, const char *dtype, uint32_t ndim, struct chariot_value *value) {
    get(args, CHARIOT_ARRAY, value);
    if (args->why[0] != 0) return;
    bool same = value->array.dtype_size == strlen(dtype) && memcmp(value->array.dtype, dtype, strlen(dtype)) == 0;
    if (same && value->array.ndim == ndim && (ndim < 2 || value->array.order == 'C')) return;
    say_array(args, dtype, ndim, value);
    *value = (struct chariot_value){.type = CHARIOT_ARRAY};
}

void chariot_arg_ref(struct chariot_args *args, struct chariot_ref *ref) {
    struct chariot_value value;
    uint32_t method;
    get(args, CHARIOT_REF, &value);
    *ref = (struct chariot_ref){.collection = 0};
    if (args->why[0] != 0) return;
    if (chariot_ref_read(&value, ref, &method) != 0 || method != UINT32_MAX) say_type(args, "a proxy", &value);
}

void chariot_arg_target(struct chariot_args *args, struct chariot_target *target) {
    struct chariot_value value;
    chariot_arg_any(args, &value);
    *target = (struct chariot_target){.kind = CHARIOT_TO_NOTHING};
    if (args->why[0] == 0 && chariot_target_read(&value, target) != 0)
        say_type(args, "a future or a method of a proxy", &value);
}

/* ---------------------------------------------------------------- the end */

/* Named ones are a map behind the list. */
static void refuse_rest(struct chariot_args *args) {
    struct chariot_value map, name;
    if (args->why[0] != 0) return;
    if (args->left > 0) {
        unsigned long long all = args->number + args->left;
        snprintf(args->why, sizeof args->why, "takes %llu arguments but %llu were given",
                 (unsigned long long)args->number, all);
    } else if (args->reader.at != args->reader.end && chariot_get_typed(&args->reader, CHARIOT_MAP, &map) == 0 &&
               map.count > 0 && chariot_get_typed(&args->reader, CHARIOT_STRING, &name) == 0) {
        snprintf(args->why, sizeof args->why, "takes no argument by name, and got '%.*s'",
                 (int)(name.bytes.size < 80 ? name.bytes.size : 80), (const char *)name.bytes.data);
    }
}

/* "Block", of "heat.Block". */
static const char *short_name(const struct chariot_type *type) {
    const char *dot = strrchr(type->name, '.');
    return dot == NULL ? type->name : dot + 1;
}

int chariot_args_end(struct chariot_args *args, struct chariot_call *call) {
    struct chariot_ref ref;
    refuse_rest(args);
    if (args->why[0] == 0) return 0;
    chariot_elem_ref(call->elem, &ref);
    const struct chariot_type *type = chariot_type_of(call->pe, ref.type);
    return chariot_raise(call, "TypeError", "%s.%s(): %s", short_name(type), type->methods[call->method].name,
                         args->why);
}

int chariot_args_end_create(struct chariot_args *args, struct chariot_pe *pe, const struct chariot_type *type) {
    char line[500];
    refuse_rest(args);
    if (args->why[0] == 0) return 0;
    snprintf(line, sizeof line, "chariot: PE %u: the constructor of %.200s: %s\n", chariot_my_pe(pe), type->name,
             args->why);
    chariot_abort(pe, 1, line);
    return CHARIOT_EUSER;
}
