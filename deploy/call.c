/* deploy/call.c: see call.h. The command line becomes a request of ObjectService, its response JSON (json.h). */
#include "deploy/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/call_target.h"
#include "deploy/json.h"
#include "deploy/service.h"
#include "rpc/error.h"

enum { ARGUMENTS = 3, POSITIONAL = 1, NAMED = 2, MORE = 4 }; /* fields of the requests, and of Arguments */
enum { STANDARD_INPUT_MAX = 1 << 30 };

struct call {
    struct deploy_service service; /* first: its options are set through this too */
    bool broadcast, one_way, wait;
    uint32_t reducer; /* 0: none */
    struct deploy_call_target target;
    char **arguments;
};

/* ---------------------------------------------------------------- options */

#define FLAG(field)                                                                                                    \
    static int set_##field(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {     \
        struct call *call = context;                                                                                   \
        (void)as_typed, (void)value, (void)reason;                                                                     \
        call->field = true;                                                                                            \
        return 0;                                                                                                      \
    }
FLAG(broadcast)
FLAG(one_way)
FLAG(wait)
#undef FLAG

static int set_reduce(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    static const char *const names[] = {"sum", "product", "max", "min", "and", "or", "xor"}; /* from REDUCER_SUM, 1 */
    struct call *call = context;
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(value, names[i]) == 0) call->reducer = i + 1;
    }
    if (call->reducer != 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes sum, product, max, min, and, or, xor, not '%s'",
                             as_typed, value);
}

static const struct deploy_word OPTIONS[] = {
    {NULL, "--broadcast", NULL, "call it of all elements, and print the list of their results", set_broadcast},
    {NULL, "--reduce", "HOW", "the same, with the results reduced to one: sum, product, max, min, and, or, xor",
     set_reduce},
    {NULL, "--one-way", NULL, "wait for no result", set_one_way},
    {NULL, "--wait", NULL, "where the result is a future, wait for its values, and print a line for each", set_wait},
    DEPLOY_SERVICE_WORDS,
};
static const struct deploy_words WORDS = {
    .items = OPTIONS, .count = sizeof OPTIONS / sizeof OPTIONS[0], .help = "chariot help call"};

static int take_words(struct call *call, char **words, struct deploy_reason *reason) {
    int err = deploy_service_words(&call->service, &WORDS, &words, reason);
    if (err != 0 || call->service.help) return err;
    if (*words == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "no method given, as in 'grid[1,2].add'");
    if (call->broadcast + call->one_way + (call->reducer != 0) + call->wait > 1 &&
        !(call->broadcast && call->one_way && !call->wait && call->reducer == 0))
        return deploy_reason_set(
            reason, DEPLOY_STATUS_USAGE,
            "--broadcast, --reduce, --one-way and --wait are one at a time, but for --broadcast --one-way");
    call->arguments = words + 1;
    return deploy_call_target_read(&call->target, *words, true, reason);
}

/* ---------------------------------------------------------------- arguments */

static char *read_standard_input(size_t *size) {
    struct deploy_pack all = {0};
    char part[65536];
    for (size_t got; (got = fread(part, 1, sizeof part, stdin)) > 0 && all.size < STANDARD_INPUT_MAX;)
        deploy_pack_raw(&all, part, got);
    if (all.failed || ferror(stdin) || all.size >= STANDARD_INPUT_MAX) {
        deploy_pack_deinit(&all);
        return NULL;
    }
    *size = all.size;
    return deploy_pack_raw(&all, "", 1) != NULL ? (char *)all.data : NULL;
}

/* A value; "-": the one on standard input. */
static int put_value(struct deploy_pack *pack, uint32_t number, const char *text, struct deploy_reason *reason) {
    struct deploy_json json;
    size_t size = strlen(text);
    char *input = strcmp(text, "-") == 0 ? read_standard_input(&size) : NULL;
    if (strcmp(text, "-") == 0 && input == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "'-': standard input cannot be read: %s",
                                 strerror(errno));
    bool good = deploy_json_read(&json, input != NULL ? input : text, size, pack, number);
    free(input);
    if (good) return 0;
    bool option = strncmp(text, "--", 2) == 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "the argument '%.100s': %s", text,
                             option ? "options stand before the method" : json.why);
}

/* The length of a name before '='; 0: the argument has none. */
static size_t name_of(const char *text) {
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    bool begins = text[0] < '0' || text[0] > '9';
    return begins && text[size] == '=' ? size : 0;
}

static int put_argument(struct deploy_pack *pack, const char *text, struct deploy_reason *reason) {
    size_t name = name_of(text);
    if (name == 0) return put_value(pack, POSITIONAL, text, reason);
    size_t entry = deploy_pack_begin(pack, NAMED);
    deploy_pack_bytes(pack, 1, text, name);
    int err = put_value(pack, 2, text + name + 1, reason);
    deploy_pack_end(pack, entry);
    return err;
}

static int make_request(const struct call *call, struct deploy_pack *pack, struct deploy_reason *reason) {
    int err = deploy_call_target_put(&call->target, pack, 1, reason);
    deploy_pack_text(pack, 2, call->target.method);
    size_t arguments = deploy_pack_begin(pack, ARGUMENTS);
    for (char **argument = call->arguments; err == 0 && *argument != NULL; argument++)
        err = put_argument(pack, *argument, reason);
    deploy_pack_end(pack, arguments);
    uint64_t more = call->reducer != 0 ? call->reducer : call->one_way;
    if (more != 0) deploy_pack_number(pack, MORE, more);
    return err;
}

/* ---------------------------------------------------------------- results */

static int malformed(struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_SERVICE_MISFIT, "the service's answer is malformed");
}

static int print_text(const char *text, size_t size, struct deploy_reason *reason) {
    if (fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot write standard output: %s", strerror(errno));
}

/* All fields `1` of a response: each on a line, or, as_list, one list. *failures of them are Failures. */
static bool write_results(FILE *out, struct rpc_wire response, bool as_list, size_t *failures) {
    const char *between = as_list ? "[" : "";
    size_t count = 0;
    while (rpc_wire_left(&response) > 0) {
        struct rpc_field field, kind = {0};
        if (rpc_wire_field(&response, &field) != 0) return false;
        if (field.number != 1) continue;
        if (field.type != RPC_WIRE_BYTES_OF) return false;
        struct rpc_wire value = field.bytes;
        fputs(between, out);
        if (!deploy_json_write(out, value)) return false;
        if (rpc_wire_left(&value) > 0 && rpc_wire_field(&value, &kind) == 0)
            *failures += kind.number == DEPLOY_JSON_FAILURE;
        between = as_list ? ", " : "\n";
        count++;
    }
    if (as_list) fputs(count == 0 ? "[]" : "]", out);
    if (as_list || count > 0) putc('\n', out);
    return true;
}

/* Nothing is printed of what is malformed. */
static int print_results(struct rpc_wire response, bool as_list, struct deploy_reason *reason) {
    char *text = NULL;
    size_t size = 0, failures = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "out of memory");
    bool good = write_results(out, response, as_list, &failures);
    good = fclose(out) == 0 && good;
    int err = good ? print_text(text, size, reason) : malformed(reason);
    free(text);
    if (err != 0 || failures == 0) return err;
    return deploy_reason_set(reason, DEPLOY_SERVICE_RAISED, "%zu of the elements failed", failures);
}

/* The handle of the future that the response has. False: its result is another value. */
static bool find_future(struct rpc_wire response, struct rpc_wire *future) {
    struct rpc_field field;
    while (rpc_wire_left(&response) > 0 && rpc_wire_field(&response, &field) == 0) {
        if (field.number != 1 || field.type != RPC_WIRE_BYTES_OF) continue;
        struct rpc_wire value = field.bytes;
        if (rpc_wire_left(&value) == 0 || rpc_wire_field(&value, &field) != 0) return false;
        *future = field.bytes;
        return field.number == DEPLOY_JSON_FUTURE && field.type == RPC_WIRE_BYTES_OF;
    }
    return false;
}

static int print_future(struct deploy_service *service, struct rpc_wire future, struct deploy_reason *reason) {
    struct deploy_pack request = {0};
    struct rpc_wire response;
    deploy_pack_bytes(&request, 1, future.at, rpc_wire_left(&future));
    deploy_service_close(service);
    int outcome = deploy_service_open(service, "WatchFuture", &request, reason);
    deploy_pack_deinit(&request);
    while (outcome == 0 && (outcome = deploy_service_next(service, &response, reason)) == 1)
        outcome = print_results(response, false, reason);
    return outcome;
}

static int print_response(struct call *call, struct rpc_wire response, struct deploy_reason *reason) {
    struct rpc_wire future;
    if (call->one_way) return 0;
    if (call->wait && find_future(response, &future)) return print_future(&call->service, future, reason);
    return print_results(response, call->broadcast, reason);
}

/* ---------------------------------------------------------------- the command */

static int run(struct call *call, struct deploy_reason *reason) {
    struct deploy_pack request = {0};
    struct rpc_wire response;
    const char *method = call->broadcast ? "Broadcast" : call->reducer != 0 ? "Reduce" : "Call";
    int err = make_request(call, &request, reason);
    if (err == 0) err = deploy_service_open(&call->service, method, &request, reason);
    deploy_pack_deinit(&request);
    if (err == 0) err = deploy_service_only(&call->service, &response, reason);
    if (err == 0) err = print_response(call, response, reason);
    deploy_service_close(&call->service);
    return err;
}

int deploy_call(const char *argv0, char **argv) {
    struct call call = {0};
    struct deploy_reason reason = {0};
    (void)argv0;
    deploy_service_init(&call.service);
    int err = take_words(&call, argv, &reason);
    if (err == 0 && call.service.help) {
        deploy_call_help();
        return 0;
    }
    if (err == 0) err = run(&call, &reason);
    if (err == 0) return 0;
    deploy_reason_print(&reason);
    return reason.status;
}

void deploy_call_help(void) {
    fputs(
        "usage: chariot call [options] ADDRESS NAME.METHOD [ARGUMENT ...]\n\n"
        "Calls a method of an object that the job at ADDRESS has published, and prints its result. Of a collection's\n"
        "element: NAME[1,2].METHOD. Arguments and results are JSON; NAME=ARGUMENT gives one by name, '-' takes one "
        "from\n"
        "standard input.\n\n",
        stdout);
    deploy_words_help(&WORDS, stdout);
}
