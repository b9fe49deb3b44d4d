/* serve.c: a C chare that foreign programs call (unary.h), until it is ended.
 *
 *     chariot run -n 1 build/release/bench/serve
 *
 * Prints "at ADDRESS PID". */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "objects/chariot.h"
#include "test/bench/c/bench.h"

struct serving {
    uint32_t type;
    struct chariot_ref cell;
    struct chariot_future *published;
    struct chariot_waiter waiter;
};

static int cell_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

/* Gives its argument back. */
static int cell_add(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_writer writer;
    struct chariot_value value;
    chariot_reader_init(&reader, call->args);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_DOUBLE, &value);
    if (rc != 0) return rc;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, value.real);
    return chariot_writer_finish(&writer, &call->result);
}

static const struct chariot_method methods[] = {{.name = "add", .invoke = cell_add}};
static const struct chariot_parameter amount = {.name = "amount", .type = "float", .kind = CHARIOT_ORDINARY};
static const struct chariot_signature add = {.returns = "float", .parameters = &amount, .num_parameters = 1};
static const struct chariot_signature *const exposed[] = {&add};
static const struct chariot_exposure exposure = {.methods = exposed};
static const struct chariot_type cell = {
    .name = "bench.Cell", .methods = methods, .num_methods = 1, .exposure = &exposure, .create = cell_create};

static void check(struct chariot_pe *pe, int error, const char *why) {
    if (error < 0) chariot_abort(pe, 1, why);
}

static void on_published(struct chariot_pe *pe, void *ctx) {
    struct serving *serving = ctx;
    struct chariot_serve how = {.address = "127.0.0.1:0", .anyone = true};
    char why[500] = "", *address = NULL;
    chariot_future_unref(serving->published);
    check(pe, chariot_serve_start(pe, &how, &address, why, sizeof why), why);
    printf("at %s %d\n", address, (int)getpid());
    fflush(stdout);
    free(address);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct serving *serving = ctx;
    struct chariot_create how = {.type = serving->type, .kind = CHARIOT_SINGLE, .on_pe = 0};
    check(pe, chariot_create_take(pe, &how, NULL, &serving->cell), "cannot create the chare");
    serving->published = chariot_future_new(pe, 1);
    check(pe, chariot_publish(pe, "cell", &serving->cell, serving->published), "cannot publish it");
    serving->waiter = (struct chariot_waiter){.fn = on_published, .ctx = serving};
    check(pe, chariot_future_wait(serving->published, &serving->waiter), "cannot wait");
}

int main(void) {
    struct serving serving = {0};
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    int status = chariot_type_register(pe, &cell, &serving.type) == 0 ? chariot_run(pe, on_start, &serving) : 1;
    chariot_close(pe);
    return status;
}
