/* A PE of a real job: chariot_open(), chariot_run(), chariot_close(). The common path:
 *
 *   chariot_open   ticket from the launcher, loop, PE
 *   chariot_run    meet the other PEs, check that all agree, then turn: some messages, then the loop
 *   EXIT arrives   obj_route_take() sets pe->ending; farewell, goodbye to all peers */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/load.h"
#include "objects/meter.h"
#include "objects/serve.h"
#include "rpc/job.h"
#include "rpc/record.h"

enum { MESSAGES_PER_TURN = 64, STATUS_USAGE = 2, STATUS_UNAVAILABLE = 69 };

/* The PE comes first, so that a pointer to it is one to this. */
struct run {
    struct chariot_pe pe;
    struct rpc_job job;
    struct rpc_timeline_file timeline;
    struct rpc_record record;
    struct rpc_now now;
    struct obj_serving serving;
};

static struct run *run_of(struct chariot_pe *pe) {
    return (struct run *)pe;
}

static int64_t now_ns(void *ctx) {
    (void)ctx;
    return rpc_loop_now_ns();
}

static int64_t cpu_ns(void *ctx) {
    (void)ctx;
    return rpc_loop_cpu_ns();
}

static void make_room(void *ctx, uint32_t to) {
    struct run *run = ctx;
    const struct chariot_face *face = &run->pe.face;
    if (face->before_sleep != NULL) face->before_sleep(face->ctx);
    rpc_job_make_room(&run->pe.node, to, &run->pe.ending);
    if (face->after_sleep != NULL) face->after_sleep(face->ctx);
}

static void on_abort(void *ctx, int status, const char *text) {
    struct run *run = ctx;
    rpc_job_verdict(&run->job, status, text);
    if (run->job.loop != NULL) rpc_loop_wake(run->job.loop);
}

static void *timeline_more(void *ctx, size_t *size) {
    return rpc_timeline_file_more(ctx, size);
}

/* Where the launcher wants one. */
static int start_timeline(struct run *run) {
    const struct rpc_ticket *ticket = &run->job.control.ticket;
    if (ticket->trace_limit == 0) return 0;
    int rc = rpc_timeline_file_open(&run->timeline, ticket->run_dir, ticket->pe);
    if (rc != 0) return rc;
    const struct obj_timeline to = {.ctx = &run->timeline,
                                    .more = timeline_more,
                                    .dropped = &run->timeline.head->dropped,
                                    .limit = ticket->trace_limit};
    return obj_timeline_start(&run->pe, &to);
}

/* ---------------------------------------------------------------- what runs now */

enum { NOW_METHODS = 1000 }; /* of a type; further ones have no name there */

static void on_type(void *ctx, const struct chariot_type *type) {
    struct run *run = ctx;
    const char *names[1 + NOW_METHODS] = {obj_meter_type_name(type)};
    uint32_t count = type->num_methods < NOW_METHODS ? type->num_methods : NOW_METHODS;
    for (uint32_t i = 0; i < count; i++) names[1 + i] = type->methods[i].name;
    if (run->now.fd >= 0) (void)rpc_now_add_type(&run->now, names, 1 + count); /* or its methods have no names */
}

/* For the launcher, if there is one; without the file it does not know. */
static void start_now(struct run *run) {
    const struct rpc_ticket *ticket = &run->job.control.ticket;
    run->now.fd = -1;
    if (run->job.control.fd >= 0 && rpc_now_open(&run->now, ticket->run_dir, ticket->pe) == 0)
        run->pe.runs = run->now.runs;
}

/* ---------------------------------------------------------------- a record of load */

static void record(void *ctx, const char *phase, size_t size) {
    struct run *run = ctx;
    char line[RPC_RECORD_MAX_PATH + 200];
    if (run->record.fd < 0 || rpc_record_add(&run->record, phase, size) == 0) return;
    snprintf(line, sizeof line, "chariot: PE %u cannot write '%s', and records no more: %s\n", run->pe.node.pe,
             run->record.path, strerror(errno));
    rpc_record_close(&run->record, false);
    run->pe.around.on_warning(run, line);
}

int chariot_load_record(struct chariot_pe *pe, const char *name, double period_s) {
    struct run *run = run_of(pe);
    const struct rpc_ticket *ticket = &run->job.control.ticket;
    if (pe->around.record != NULL) return CHARIOT_ESTATE;
    if (period_s != 0 && !(period_s >= 1e-3 && period_s <= 1e9)) return CHARIOT_ERANGE;
    int rc = rpc_record_open(&run->record, name, ticket->pe, ticket->num_pes, ticket->job == NULL ? "" : ticket->job);
    if (rc != 0) return rc;
    pe->around.record = record;
    pe->around.record_period_ns = (int64_t)(period_s * 1e9);
    return 0;
}

/* Where the launcher was asked to. What this process starts is no part of the job. */
static int start_record(struct run *run) {
    const char *name = getenv("CHARIOT_LB_RECORD"), *period = getenv("CHARIOT_LB_RECORD_PERIOD");
    int rc = name == NULL || name[0] == 0 ? 0 : chariot_load_record(&run->pe, name, period == NULL ? 0 : atof(period));
    unsetenv("CHARIOT_LB_RECORD");
    unsetenv("CHARIOT_LB_RECORD_PERIOD");
    return rc;
}

/* ---------------------------------------------------------------- opening */

static void on_warning(void *ctx, const char *text) {
    (void)ctx;
    fflush(stdout);
    fputs(text, stderr);
}

int chariot_open(struct chariot_pe **out, char *why, size_t why_size) {
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        snprintf(why, why_size, "chariot: out of memory\n");
        return CHARIOT_ENOMEM;
    }
    run->record.fd = -1;
    int rc = rpc_job_open(&run->job, why, why_size);
    if (rc != 0) {
        free(run);
        return rc;
    }
    struct chariot_pe *pe = &run->pe;
    pe->node.pe = run->job.control.ticket.pe;
    pe->node.num_pes = run->job.control.ticket.num_pes;
    pe->node.num_hosts = 1;
    pe->now_ns = rpc_loop_now_ns();
    pe->around = (struct obj_surroundings){.ctx = run,
                                           .make_room = make_room,
                                           .now_ns = now_ns,
                                           .cpu_ns = cpu_ns,
                                           .on_abort = on_abort,
                                           .on_type = on_type,
                                           .on_warning = on_warning,
                                           .balancer = getenv("CHARIOT_BALANCER"),
                                           .balance_period = getenv("CHARIOT_LB_PERIOD"),
                                           .balance_log = getenv("CHARIOT_LB_LOG") != NULL};
    pe->hang.mode = CHARIOT_HANG_EXIT;
    start_now(run);
    rc = obj_pe_init(pe);
    if (rc != 0) {
        snprintf(why, why_size, "chariot: %s\n", chariot_error_text(rc));
        rpc_now_close(&run->now);
        rpc_job_close(&run->job, &pe->node, true);
        free(run);
        return rc;
    }
    rc = start_timeline(run);
    if (rc != 0) {
        snprintf(why, why_size, "chariot: PE %u cannot write its part of the trace in %s: %s\n", pe->node.pe,
                 run->job.control.ticket.run_dir, chariot_error_text(rc));
        chariot_close(pe);
        return rc;
    }
    rc = start_record(run);
    if (rc != 0) {
        snprintf(why, why_size, "chariot: PE %u cannot record load in '%.200s': %s\n", pe->node.pe, run->record.path,
                 rc == CHARIOT_EIO ? strerror(errno) : chariot_error_text(rc));
        chariot_close(pe);
        return rc;
    }
    *out = pe;
    return 0;
}

void chariot_close(struct chariot_pe *pe) {
    if (pe == NULL) return;
    struct run *run = run_of(pe);
    rpc_job_serve_end(&run->serving.at);
    obj_serve_forget(&run->serving);
    obj_pe_deinit(pe);
    rpc_now_close(&run->now);
    rpc_timeline_file_close(&run->timeline);
    rpc_record_close(&run->record, false);
    rpc_job_close(&run->job, &pe->node, true);
    free(run);
}

/* What another thread posts, on its way to the PE's. */
struct errand {
    struct chariot_pe *pe;
    void (*fn)(struct chariot_pe *pe, void *ctx);
    void *ctx;
};

static void on_errand(void *ctx) {
    struct errand errand = *(struct errand *)ctx;
    free(ctx);
    if (chariot_post(errand.pe, errand.fn, errand.ctx) != 0) obj_out_of_memory(errand.pe);
}

int chariot_post_from_thread(struct chariot_pe *pe, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx) {
    struct errand *errand = malloc(sizeof *errand);
    if (errand == NULL) return CHARIOT_ENOMEM;
    *errand = (struct errand){.pe = pe, .fn = fn, .ctx = ctx};
    int rc = rpc_loop_call(run_of(pe)->job.loop, on_errand, errand);
    if (rc != 0) free(errand);
    return rc;
}

void chariot_set_face(struct chariot_pe *pe, const struct chariot_face *face) {
    pe->face = *face;
    struct rpc_loop *loop = run_of(pe)->job.loop;
    if (loop != NULL) rpc_loop_set_sleep_hooks(loop, face->before_sleep, face->after_sleep, face->ctx);
}

/* ---------------------------------------------------------------- consoles */

int chariot_console_open(struct chariot_pe *pe) {
    return rpc_control_dup(&run_of(pe)->job.control);
}

int chariot_console_settle(int fd, bool prompt) {
    return rpc_control_settle(fd, prompt);
}

/* ---------------------------------------------------------------- the public service */

static int serve(struct run *run, struct rpc_job_serve *how, char **address, char *why, size_t why_size) {
    struct obj_serving *serving = &run->serving;
    if (serving->at.service != NULL) return CHARIOT_EEXIST;
    how->methods = obj_serve_methods;
    how->num_methods = OBJ_SERVE_NUM_METHODS;
    how->ops = &obj_serve_ops;
    how->owner = serving;
    serving->pe = &run->pe;
    serving->shows_traces = how->traces;
    serving->seal = (struct obj_seal){.ctx = serving, .make = obj_serve_seal};
    int rc = rpc_job_serve(&run->job, &run->pe.node, how, &serving->at, address, why, why_size);
    if (rc == 0) chariot_outside_add(&run->pe);
    return rc;
}

int chariot_serve_start(struct chariot_pe *pe, const struct chariot_serve *how, char **address, char *why,
                        size_t why_size) {
    OBJ_API(pe);
    struct rpc_job_serve to = {.address = how->address,
                               .clients = how->clients,
                               .certificate = how->certificate,
                               .key = how->key,
                               .authority = how->authority,
                               .anyone = how->anyone,
                               .traces = how->shows_traces,
                               .limits = {.message_bytes = how->message_bytes, .calls = how->calls, .rate = how->rate}};
    return serve(run_of(pe), &to, address, why, why_size);
}

/* Where the launcher was asked to; else the job has no beginning. */
static void serve_as_asked(struct run *run) {
    struct rpc_job_serve how;
    char why[500] = "", line[600], *address;
    if (!rpc_job_serve_asked(&run->job, &how)) return;
    int rc = serve(run, &how, &address, why, sizeof why);
    if (rc == 0) {
        rpc_job_served(&run->job, address);
        free(address);
        return;
    }
    snprintf(line, sizeof line, "chariot: --serve: %s\n", why[0] != 0 ? why : chariot_error_text(rc));
    obj_end_abort(&run->pe, rc == CHARIOT_EINVAL ? STATUS_USAGE : STATUS_UNAVAILABLE, line);
}

void chariot_serve_stop(struct chariot_pe *pe) {
    OBJ_API(pe);
    struct obj_serving *serving = &run_of(pe)->serving;
    if (serving->at.service == NULL) return;
    rpc_job_serve_end(&serving->at);
    chariot_outside_remove(pe);
}

/* ---------------------------------------------------------------- life */

static int end(struct run *run) {
    struct chariot_pe *pe = &run->pe;
    rpc_job_serve_end(&run->serving.at);
    if (!pe->aborted) obj_load_finish(pe);
    rpc_record_close(&run->record, !pe->aborted);
    OBJ_METER(pe, obj_meter_note_end(pe));
    if (!pe->aborted) rpc_job_farewell(&run->job, pe->status);
    if (pe->node.transport != NULL) pe->node.transport->ops->close(pe->node.transport, pe->aborted);
    pe->node.transport = NULL;
    return pe->status;
}

int chariot_run(struct chariot_pe *pe, void (*entry)(struct chariot_pe *pe, void *ctx), void *ctx) {
    struct run *run = run_of(pe);
    char why[512] = "";
    pe->entry = entry;
    pe->entry_ctx = ctx;
    OBJ_METER(pe, obj_meter_note_start(pe));
    int rc = pe->ending ? 0 : rpc_job_connect(&run->job, &pe->node, why, sizeof why);
    if (rc != 0)
        obj_end_abort(pe, STATUS_UNAVAILABLE, why);
    else
        obj_start(pe);
    if (!pe->ending) serve_as_asked(run);
    while (!pe->ending) {
        bool busy = obj_pe_step(pe, rpc_loop_now_ns(), MESSAGES_PER_TURN);
        if (!busy) OBJ_METER(pe, obj_meter_note_idle(pe));
        if (!pe->ending) rpc_loop_turn(run->job.loop, busy, obj_pe_deadline_ns(pe));
    }
    return end(run);
}
