/* grid.c: a library of chares for the tests of charm.load(): everything that goes between Python's chares and C's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chariot.h>
#include <lb/lb.h>

struct cell {
    struct chariot_pe *pe;
    struct chariot_elem *elem;
    double value;
    struct chariot_channel *channel;
    struct chariot_waiter waiter;
};

static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, void **object) {
    struct chariot_args args;
    struct cell *cell = calloc(1, sizeof *cell);
    *object = cell;
    if (cell == NULL) return CHARIOT_ENOMEM;
    cell->pe = pe;
    cell->elem = elem;
    chariot_args_init(&args, msg);
    if (chariot_args_more(&args)) cell->value = chariot_arg_double(&args);
    return chariot_args_end_create(&args, pe, type);
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct cell *cell = object;
    chariot_channel_unref(cell->channel);
    free(cell);
}

static int give_double(struct chariot_call *call, double value) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, value);
    return chariot_writer_finish(&writer, &call->result);
}

static int add(struct chariot_call *call) {
    struct cell *cell = call->object;
    struct chariot_args args;
    chariot_args_init(&args, call->args);
    double amount = chariot_arg_double(&args);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    return give_double(call, cell->value += amount);
}

static int get(struct chariot_call *call) {
    return give_double(call, ((struct cell *)call->object)->value);
}

static int where(struct chariot_call *call) {
    return give_double(call, chariot_my_pe(call->pe));
}

/* The one argument back, byte by byte. */
static int echo(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value list;
    struct chariot_writer writer;
    const void *data;
    size_t size;
    chariot_reader_init(&reader, call->args);
    if (chariot_get_typed(&reader, CHARIOT_LIST, &list) != 0 || list.count != 1)
        return chariot_raise(call, "TypeError", "echo() takes one argument");
    if (chariot_skip(&reader, &data, &size) != 0) return CHARIOT_EMALFORMED;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, data, size);
    return chariot_writer_finish(&writer, &call->result);
}

static int scaled(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_value cells;
    struct chariot_writer writer;
    void *data;
    chariot_args_init(&args, call->args);
    chariot_arg_array(&args, "<f8", 2, &cells);
    double factor = chariot_arg_double(&args);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    chariot_writer_init_take(&writer, NULL);
    if (chariot_put_array(&writer, "<f8", 2, cells.array.shape, 'C', cells.array.size, &data) == 0) {
        const double *from = (const void *)cells.array.data;
        for (size_t i = 0; i < cells.array.size / sizeof(double); i++) ((double *)data)[i] = factor * from[i];
    }
    return chariot_writer_finish(&writer, &call->result);
}

/* fail(type, text). */
static int fail(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_value type, text;
    char name[100];
    chariot_args_init(&args, call->args);
    chariot_arg_string(&args, &type);
    chariot_arg_string(&args, &text);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    snprintf(name, sizeof name, "%.*s", (int)type.bytes.size, (const char *)type.bytes.data);
    return chariot_raise(call, name, "%.*s", (int)text.bytes.size, (const char *)text.bytes.data);
}

static int fail_by_code(struct chariot_call *call) {
    return CHARIOT_ERANGE;
}

/* ---------------------------------------------------------------- calling others */

/* A call of another chare whose result is this one's. */
struct ask {
    struct chariot_reply reply;
    struct chariot_future *future;
    struct chariot_waiter waiter;
};

static void on_answer(struct chariot_pe *pe, void *ctx) {
    struct ask *ask = ctx;
    struct chariot_msg *value = chariot_future_value(ask->future, 0);
    struct chariot_failure failure;
    struct chariot_reader reader;
    char text[300];
    if (chariot_msg_is_error(value)) {
        chariot_reader_init(&reader, value);
        chariot_error_read(&reader, &failure);
        snprintf(text, sizeof text, "they said %.*s: %.*s, on PE %lld", (int)failure.type.size, failure.type.data,
                 (int)failure.text.size, failure.text.data, (long long)failure.pe);
        value = chariot_error_new("RuntimeError", text);
    } else {
        value = chariot_msg_ref(value);
    }
    chariot_reply_take(pe, &ask->reply, value);
    chariot_future_unref(ask->future);
    free(ask);
}

/* ask(proxy, method, value): what that method of the proxy gives for value. */
static int ask(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_ref ref;
    struct chariot_value name;
    struct chariot_writer writer;
    struct chariot_msg *with;
    const void *data;
    size_t size;
    uint32_t method;
    char text[100];
    chariot_args_init(&args, call->args);
    chariot_arg_ref(&args, &ref);
    chariot_arg_string(&args, &name);
    if (args.why[0] != 0 || args.left != 1) return chariot_raise(call, "TypeError", "ask(): %s", args.why);
    chariot_skip(&args.reader, &data, &size);
    snprintf(text, sizeof text, "%.*s", (int)name.bytes.size, (const char *)name.bytes.data);
    if (chariot_method_find(call->pe, &ref, text, &method) != 0)
        return chariot_raise(call, "AttributeError", "it has no method %s", text);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_encoded(&writer, data, size);
    if (chariot_writer_finish(&writer, &with) != 0) return CHARIOT_ENOMEM;
    struct ask *waits = calloc(1, sizeof *waits);
    *waits = (struct ask){.reply = call->reply, .future = chariot_future_new(call->pe, 1)};
    int rc = chariot_send_take(call->pe, &ref, method, with, CHARIOT_WANT_VALUE, waits->future);
    if (rc != 0) return rc;
    waits->waiter = (struct chariot_waiter){.fn = on_answer, .ctx = waits};
    chariot_future_wait(waits->future, &waits->waiter);
    return CHARIOT_LATER;
}

/* await_future(future): its value, once it is there. */
static int await_future(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_value value;
    uint64_t id;
    chariot_args_init(&args, call->args);
    chariot_arg_any(&args, &value);
    if (chariot_future_read(&value, &id) != 0) return chariot_raise(call, "TypeError", "await_future(): no future");
    struct ask *waits = calloc(1, sizeof *waits);
    *waits = (struct ask){.reply = call->reply, .future = chariot_future_open(call->pe, id)};
    waits->waiter = (struct chariot_waiter){.fn = on_answer, .ctx = waits};
    chariot_future_wait(waits->future, &waits->waiter);
    return CHARIOT_LATER;
}

/* tell(callback, value). */
static int tell(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_target target;
    struct chariot_writer writer;
    struct chariot_msg *value;
    chariot_args_init(&args, call->args);
    chariot_arg_target(&args, &target);
    double number = chariot_arg_double(&args);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, number);
    int rc = chariot_writer_finish(&writer, &value);
    return rc != 0 ? rc : chariot_target_give_take(call->pe, &target, value);
}

/* ---------------------------------------------------------------- reductions, channels, migration */

/* sum(callback, reducer, over): contributes its value. */
static int sum(struct chariot_call *call) {
    struct cell *cell = call->object;
    struct chariot_args args;
    struct chariot_target target;
    struct chariot_value name;
    struct chariot_writer writer;
    struct chariot_msg *value;
    struct chariot_ref over;
    uint32_t reducer = CHARIOT_REDUCE_SUM;
    char text[100];
    chariot_args_init(&args, call->args);
    chariot_arg_target(&args, &target);
    chariot_arg_string(&args, &name);
    bool section = chariot_args_more(&args);
    if (section) chariot_arg_ref(&args, &over);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    snprintf(text, sizeof text, "%.*s", (int)name.bytes.size, (const char *)name.bytes.data);
    if (strcmp(text, "sum") != 0 && chariot_reducer_find(call->pe, text, &reducer) != 0)
        return chariot_raise(call, "KeyError", "no reducer %s", text);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, cell->value);
    if (chariot_writer_finish(&writer, &value) != 0) return CHARIOT_ENOMEM;
    return chariot_contribute_take(call->pe, call->elem, section ? &over : NULL, value, reducer, &target);
}

static void on_message(struct chariot_pe *pe, void *ctx) {
    struct cell *cell = ctx;
    struct chariot_msg *msg;
    if (chariot_channel_receive(cell->channel, &msg) != 0) return; /* the other end has gone */
    chariot_channel_send_take(cell->channel, msg, 0);
    chariot_channel_wait(cell->channel, CHARIOT_CHANNEL_RECEIVE, &cell->waiter);
}

/* chat(proxy): opens a channel to it, and sends back what comes. */
static int chat(struct chariot_call *call) {
    struct cell *cell = call->object;
    struct chariot_args args;
    struct chariot_ref ref;
    chariot_args_init(&args, call->args);
    chariot_arg_ref(&args, &ref);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    int rc = chariot_channel_open(call->pe, call->elem, &ref, &cell->channel);
    if (rc != 0) return rc;
    cell->waiter = (struct chariot_waiter){.fn = on_message, .ctx = cell};
    return chariot_channel_wait(cell->channel, CHARIOT_CHANNEL_RECEIVE, &cell->waiter);
}

static int move(struct chariot_call *call) {
    struct chariot_args args;
    chariot_args_init(&args, call->args);
    int64_t to = chariot_arg_int(&args);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    char why[300];
    int rc = chariot_may_migrate(call->pe, call->elem, (uint32_t)to, why, sizeof why);
    return rc != 0 ? chariot_raise(call, "RuntimeError", "%s", why)
                   : chariot_migrate(call->pe, call->elem, (uint32_t)to);
}

/* Python's resumeFromSync(). */
static int at_sync(struct chariot_call *call) {
    return chariot_at_sync(call->pe, call->elem);
}

static int resume(struct chariot_call *call) {
    ((struct cell *)call->object)->value += 1000;
    return 0;
}

static int pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer) {
    return chariot_put_double(writer, ((struct cell *)object)->value);
}

static int unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object) {
    struct chariot_value value;
    int rc = chariot_get_typed(reader, CHARIOT_DOUBLE, &value);
    struct cell *cell = calloc(1, sizeof *cell);
    *object = cell;
    if (cell == NULL) return CHARIOT_ENOMEM;
    *cell = (struct cell){.pe = pe, .elem = elem, .value = value.real};
    return rc;
}

/* make(type, value): a chare of that type, of whatever language; its proxy. */
static int make(struct chariot_call *call) {
    struct chariot_args args;
    struct chariot_value name;
    struct chariot_create how = {.kind = CHARIOT_SINGLE, .ndims = 1, .on_pe = chariot_num_pes(call->pe) - 1};
    struct chariot_writer writer;
    struct chariot_msg *with;
    struct chariot_ref ref;
    char text[100];
    chariot_args_init(&args, call->args);
    chariot_arg_string(&args, &name);
    double value = chariot_arg_double(&args);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    snprintf(text, sizeof text, "%.*s", (int)name.bytes.size, (const char *)name.bytes.data);
    if (chariot_type_find(call->pe, text, &how.type) != 0) return chariot_raise(call, "KeyError", "no type %s", text);
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_double(&writer, value);
    if (chariot_writer_finish(&writer, &with) != 0) return CHARIOT_ENOMEM;
    int rc = chariot_create_take(call->pe, &how, with, &ref);
    if (rc != 0) return rc;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_ref(&writer, &ref);
    return chariot_writer_finish(&writer, &call->result);
}

static const struct chariot_method methods[] = {
    {"add", add},
    {"get", get},
    {"where", where},
    {"echo", echo},
    {"scaled", scaled},
    {"fail", fail},
    {"fail_by_code", fail_by_code},
    {"ask", ask},
    {"await_future", await_future},
    {"tell", tell},
    {"sum", sum},
    {"chat", chat},
    {"move", move},
    {"at_sync", at_sync},
    {"resumeFromSync", resume},
    {"make", make},
};
enum { NUM_METHODS = sizeof methods / sizeof methods[0] };

/* ---------------------------------------------------------------- described */

static const struct chariot_parameter add_parameters[] = {{"amount", "float", CHARIOT_ORDINARY, false}};
static const struct chariot_signature add_signature = {
    .description = "Adds to the value.", .returns = "float", .parameters = add_parameters, .num_parameters = 1};
static const struct chariot_signature get_signature = {.description = "The value.", .returns = "float"};
static const struct chariot_signature *const exposed[NUM_METHODS] = {&add_signature, &get_signature};
static const struct chariot_exposure exposure = {"A cell, in C.", exposed};

static const struct chariot_type cell_type = {
    .name = "grid.Cell",
    .methods = methods,
    .num_methods = NUM_METHODS,
    .exposure = &exposure,
    .create = create,
    .destroy = destroy,
    .pack = pack,
    .unpack = unpack,
};

/* A type that cannot move. */
static const struct chariot_type rock_type = {
    .name = "grid.Rock", .methods = methods, .num_methods = NUM_METHODS, .create = create, .destroy = destroy};

/* The largest magnitude. */
static int combine(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        struct chariot_reader reader;
        struct chariot_value value;
        chariot_reader_init(&reader, values[i]);
        if (chariot_get_typed(&reader, CHARIOT_DOUBLE, &value) != 0) {
            *out = chariot_error_new("TypeError", "grid.magnitude takes floats");
            return *out == NULL ? CHARIOT_ENOMEM : 0;
        }
        double size = value.real < 0 ? -value.real : value.real;
        largest = size > largest ? size : largest;
    }
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, largest);
    return chariot_writer_finish(&writer, out);
}

static const struct chariot_reducer magnitude = {.name = "grid.magnitude", .combine = combine};

/* A map: all on the last PE. */
static int place(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe) {
    *on_pe = chariot_num_pes(pe) - 1;
    return 0;
}

static const struct chariot_type map_type = {.name = "grid.Last", .create = create, .destroy = destroy, .place = place};

static const struct chariot_type *const types[] = {&cell_type, &rock_type, &map_type};
static const struct chariot_reducer *const reducers[] = {&magnitude};

const struct chariot_library chariot_library = {
    .layout = CHARIOT_LAYOUT,
    .num_types = 3,
    .num_reducers = 1,
    .types = types,
    .reducers = reducers,
    .description = "Cells for tests.",
};
