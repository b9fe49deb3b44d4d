/* deploy/job.c: see job.h. */
#include "deploy/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "deploy/authority.h"
#include "deploy/job_end.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- what PEs say */

static void on_listening(struct deploy_job *job, char *address) {
    for (uint32_t pe = 1; pe < job->num_pes; pe++) (void)deploy_link_send_rendezvous(&job->pes[pe].link, address);
}

static void on_verdict(struct deploy_job *job, const Chariot__V1__Verdict *verdict) {
    if (job->phase == DEPLOY_JOB_ENDING || job->phase == DEPLOY_JOB_FLUSHING) return;
    if (verdict->text[0] != '\0') deploy_output_say(&job->output, verdict->text, strlen(verdict->text));
    int status = verdict->status >= 1 && verdict->status <= 255 ? (int)verdict->status : 1;
    deploy_job_end(job, status, SIGTERM, DEPLOY_JOB_KILL_AFTER_S);
}

static void on_settle(struct deploy_job *job, bool prompt) {
    const struct deploy_launcher_ops *launcher = job->config->launcher;
    if (!job->has_console && launcher->on_console != NULL) launcher->on_console(job->launcher);
    job->has_console = true;
    job->prompt_next = prompt;
    deploy_output_prompt(&job->output, false);
    deploy_output_settle(&job->output);
}

static void on_settled(void *context) {
    struct deploy_job *job = context;
    deploy_output_prompt(&job->output, job->prompt_next);
    (void)deploy_link_send_settled(&job->pes[0].link);
}

static void on_prompt_erased(void *context) {
    struct deploy_job *job = context;
    if (job->pes[0].started && !job->pes[0].gone) job->config->launcher->signal(job->launcher, 0, SIGWINCH, false);
}

static void on_malformed(void *context, uint32_t pe) {
    deploy_job_end_saying(context, DEPLOY_STATUS_PES, "chariot: PE %u sent garbage on its control stream\n", pe);
}

/* All PEs take part, and PE 0 serves where it was asked to. */
static void check_ready(struct deploy_job *job) {
    bool waits = job->config->options->serve.address != NULL && job->served_at == NULL;
    if (job->opened == job->num_pes && !waits) deploy_ready_say(job->config->ready, job->num_pes, job->served_at);
}

static void on_opened(void *context, uint32_t pe) {
    struct deploy_job *job = context;
    const struct deploy_launcher_ops *launcher = job->config->launcher;
    (void)pe;
    if (++job->opened < job->num_pes) return;
    check_ready(job);
    if (launcher->ready != NULL) launcher->ready(job->launcher);
}

static void on_served(struct deploy_job *job, const char *address) {
    if (job->served_at != NULL || job->config->options->serve.address == NULL) return;
    job->served_at = strdup(address);
    if (!job->config->options->quiet) deploy_job_say(job, "chariot: serving at %s\n", address);
    check_ready(job);
}

/* What PE 0 alone may say. */
static bool hear_first(struct deploy_job *job, const Chariot__V1__ToLauncher *message) {
    switch (message->what_case) {
    case CHARIOT__V1__TO_LAUNCHER__WHAT_LISTENING:
        on_listening(job, message->listening->address);
        return true;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_SERVED:
        on_served(job, message->served->address);
        return true;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_SETTLE:
        on_settle(job, message->settle->prompt);
        return true;
    default:
        return false;
    }
}

static void on_message(void *context, uint32_t pe, const Chariot__V1__ToLauncher *message) {
    struct deploy_job *job = context;
    if (pe == 0 && hear_first(job, message)) return;
    switch (message->what_case) {
    case CHARIOT__V1__TO_LAUNCHER__WHAT_VERDICT:
        on_verdict(job, message->verdict);
        return;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL:
        deploy_job_leave(job, (int)(message->farewell->status & 0xff));
        return;
    default:
        on_malformed(job, pe);
    }
}

/* ---------------------------------------------------------------- what becomes of PEs */

/* Between what has become of a PE and what it ran then. */
static const char *in(const struct deploy_exit *how) {
    return how->running[0] == '\0' ? "" : ", in ";
}

static void judge_exit(struct deploy_job *job, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_place place;
    job->config->launcher->where(job->launcher, pe, &place);
    if (how->by_signal) {
        deploy_job_end_saying(job, DEPLOY_STATUS_SIGNAL + how->code,
                              "chariot: PE %u (pid %ld on %s) was killed by signal %d (%s)%s%s\n", pe, place.pid,
                              place.host, how->code, strsignal(how->code), in(how), how->running);
    } else if (job->phase == DEPLOY_JOB_RUNNING && how->code != 0) {
        deploy_job_end_saying(job, how->code,
                              "chariot: PE %u (pid %ld on %s) ended with status %d before the job did%s%s\n", pe,
                              place.pid, place.host, how->code, in(how), how->running);
    } else if (job->phase == DEPLOY_JOB_LEAVING && how->code != 0 && how->code != job->status) {
        deploy_job_say(job, "chariot: PE %u (pid %ld on %s) ended with status %d after the job had ended with %d\n", pe,
                       place.pid, place.host, how->code, job->status);
        if (job->status == 0) job->status = how->code;
    } else if (job->phase == DEPLOY_JOB_RUNNING && job->alive > 0) {
        deploy_job_miss(job, pe);
    }
}

static void on_exit_of(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_job *job = context;
    job->pes[pe].gone = true;
    job->alive--;
    deploy_signals_drain(&job->signals); /* Ctrl-C kills a PE 0 that shares our terminal: that is its cause */
    /* What this PE, or another, has said of the reason comes before what its death looks like. */
    deploy_link_drain(&job->pes[pe].link);
    for (uint32_t other = 0; other < job->num_pes && job->phase == DEPLOY_JOB_RUNNING; other++) {
        if (job->pes[other].started) deploy_link_drain(&job->pes[other].link);
    }
    judge_exit(job, pe, how);
    deploy_job_check_gone(job);
}

/* A host is lost. */
static void on_failed(void *context, const struct deploy_reason *reason) {
    deploy_job_end_saying(context, reason->status, "chariot: %s\n", reason->text);
}

static void on_stopped(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_job *job = context;
    struct deploy_place place;
    job->config->launcher->where(job->launcher, pe, &place);
    deploy_job_end_saying(job, DEPLOY_STATUS_PES,
                          "chariot: PE %u (pid %ld on %s) has been stopped by signal %d (%s) for %g seconds%s%s\n", pe,
                          place.pid, place.host, how->code, strsignal(how->code), job->launch.stop_patience_s, in(how),
                          how->running);
}

static void on_broken(void *context, bool is_out, int error) {
    struct deploy_job *job = context;
    if (error == EPIPE) {
        deploy_job_end(job, DEPLOY_STATUS_SIGNAL + SIGPIPE, SIGTERM, DEPLOY_JOB_KILL_AFTER_S);
        return;
    }
    deploy_job_end_saying(job, DEPLOY_STATUS_OUTPUT, "chariot: cannot write standard %s: %s\n",
                          is_out ? "output" : "error", strerror(error));
}

static void on_finished(void *context) {
    struct deploy_job *job = context;
    job->flushed = true;
    if (!job->gathering) ev_break(job->loop, EVBREAK_ALL);
}

static void on_gathered(void *context, const struct deploy_reason *problem) {
    struct deploy_job *job = context;
    job->gathering = false;
    if (problem != NULL) deploy_reason_print(problem);
    if (problem != NULL && job->status == 0) job->status = problem->status;
    if (job->flushed) ev_break(job->loop, EVBREAK_ALL);
}

/* ---------------------------------------------------------------- signals */

static void on_end_signal(struct deploy_job *job, int number, bool from_terminal) {
    if (job->phase == DEPLOY_JOB_FLUSHING) { /* who reads our output does not read */
        job->status = DEPLOY_STATUS_SIGNAL + number;
        ev_break(job->loop, EVBREAK_ALL);
    } else if (job->phase == DEPLOY_JOB_ENDING) {
        deploy_job_signal(job, SIGKILL, false);
    } else {
        deploy_job_signal(job, number, from_terminal);
        deploy_job_say(job, "chariot: ended by signal %d (%s)\n", number, strsignal(number));
        deploy_job_end(job, DEPLOY_STATUS_SIGNAL + number, 0, DEPLOY_JOB_INTERRUPT_AFTER_S);
    }
}

static void suspend(struct deploy_job *job, bool from_terminal) {
    const struct deploy_launcher_ops *launcher = job->config->launcher;
    deploy_job_signal(job, SIGTSTP, from_terminal);
    if (launcher->pause != NULL) launcher->pause(job->launcher, true);
    raise(SIGSTOP); /* SIGTSTP itself is blocked */
    if (launcher->pause != NULL) launcher->pause(job->launcher, false);
}

static void on_signal(void *context, int number, bool from_terminal) {
    struct deploy_job *job = context;
    const struct deploy_launcher_ops *launcher = job->config->launcher;
    switch (number) {
    case SIGTSTP:
        suspend(job, from_terminal);
        return;
    case SIGWINCH:
        if (launcher->on_window != NULL) launcher->on_window(job->launcher);
        return;
    case SIGCONT:
    case SIGUSR1:
    case SIGUSR2:
        deploy_job_signal(job, number, from_terminal);
        return;
    case SIGINT:
        if (from_terminal && job->has_console && job->phase == DEPLOY_JOB_RUNNING) return; /* PE 0 has got it too */
        on_end_signal(job, number, from_terminal);
        return;
    default:
        on_end_signal(job, number, from_terminal);
    }
}

/* ---------------------------------------------------------------- life */

static Chariot__V1__Serving serving_of(const struct deploy_serve *serve) {
    Chariot__V1__Serving serving = CHARIOT__V1__SERVING__INIT;
    const char *const texts[] = {serve->address, serve->clients, serve->certificate, serve->key, serve->authority};
    char **const fields[] = {&serving.address, &serving.clients, &serving.certificate, &serving.key,
                             &serving.authority};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i] != NULL) *fields[i] = (char *)(uintptr_t)texts[i];
    }
    serving.anyone = serve->anyone;
    serving.traces = serve->traces;
    serving.max_message_bytes = serve->max_message_bytes;
    serving.max_calls = serve->max_calls;
    serving.max_rate = serve->max_rate;
    return serving;
}

static void send_ticket(struct deploy_job *job, uint32_t pe, const struct rpc_identity *identity) {
    const struct deploy_job_config *config = job->config;
    char transport[16], run_dir[256], host[256] = "";
    struct deploy_place place;
    config->launcher->where(job->launcher, pe, &place);
    snprintf(transport, sizeof transport, "%s", config->options->transport);
    snprintf(run_dir, sizeof run_dir, "%s", place.run_dir);
    Chariot__V1__Ticket ticket = CHARIOT__V1__TICKET__INIT;
    ticket.job = job->name;
    ticket.pe = pe;
    ticket.num_pes = job->num_pes;
    ticket.token = (ProtobufCBinaryData){.len = sizeof job->token, .data = job->token};
    ticket.transport = transport;
    ticket.run_dir = run_dir;
    ticket.local_first = place.local_first;
    ticket.local_count = place.local_count;
    if (config->remote != NULL) {
        snprintf(host, sizeof host, "%s", place.host);
        ticket.silence_ms = (uint32_t)(config->options->silence * 1000);
    }
    ticket.host = host;
    ticket.epoch = config->epoch;
    ticket.trace_limit = config->options->trace == NULL ? 0 : config->options->trace_limit;
    if (identity->authority != NULL) {
        ticket.authority = identity->authority;
        ticket.certificate = identity->certificate;
        ticket.key = identity->key;
    }
    Chariot__V1__Serving serving = serving_of(&config->options->serve);
    if (pe == 0 && config->options->serve.address != NULL) ticket.serving = &serving;
    (void)deploy_link_send_ticket(&job->pes[pe].link, &ticket); /* gone already: its exit says why */
}

static int start_pe(struct deploy_job *job, uint32_t pe, struct deploy_reason *reason) {
    const struct deploy_job_config *config = job->config;
    struct deploy_streams streams;
    struct rpc_identity identity = {0};
    int rc = 0;
    if (job->authority != NULL)
        rc = deploy_authority_issue(job->authority, pe, time(NULL) + DEPLOY_AUTHORITY_YEARS(10), &identity, reason);
    if (rc == 0) rc = config->launcher->start(job->launcher, pe, &streams, reason);
    if (rc == 0) {
        job->pes[pe].started = true;
        job->alive++;
        deploy_link_open(&job->pes[pe].link, job->loop, streams.control, pe, &job->link_handler);
        deploy_output_add(&job->output, pe, streams.out, streams.err);
        send_ticket(job, pe, &identity);
    }
    rpc_identity_deinit(&identity);
    return rc;
}

/* The authority signs for the PEs that start now, and for nobody after them. */
static void start_all(struct deploy_job *job, struct deploy_reason *reason) {
    int rc = 0;
    if (strcmp(job->config->options->transport, "tls") == 0)
        rc = deploy_authority_new(&job->authority, job->name, reason);
    for (uint32_t pe = 0; pe < job->num_pes && rc == 0; pe++) rc = start_pe(job, pe, reason);
    deploy_authority_free(job->authority);
    job->authority = NULL;
}

/* Once PEs exist. Where one cannot be started, those that were are ended. */
static int run(struct deploy_job *job, struct deploy_reason *reason) {
    bool is_terminal = tcgetattr(0, &job->terminal) == 0;
    deploy_job_arm(job);
    start_all(job, reason);
    if (reason->text[0] != '\0') deploy_job_end(job, reason->status, SIGTERM, DEPLOY_JOB_KILL_AFTER_S);
    if (job->alive > 0) ev_run(job->loop, 0);
    if (is_terminal && job->has_console) tcsetattr(0, TCSADRAIN, &job->terminal);
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].started) deploy_link_close(&job->pes[pe].link);
    }
    return job->status;
}

/* Shorter than others bear its silence (they hear of it every eighth of that), by an eighth at least, which is for the
 * way of the word: so the reason is what is said. */
static double stop_patience(const struct deploy_options *options) {
    return options->silence * 3 / 4;
}

/* PEs get the signal mask and the limit of open files that we were started with. */
static void prepare(struct deploy_job *job) {
    const struct deploy_job_config *config = job->config;
    /* On several hosts those of one share memory, unless all are to speak TLS. */
    bool near = config->remote != NULL && !config->options->has_transport;
    bool shm = (near || strcmp(config->options->transport, "shm") == 0) && job->num_pes > 1;
    job->launch = (struct deploy_launch){.loop = job->loop,
                                         .shm_dir = shm ? config->run_dir : NULL,
                                         .run_dir = config->run_dir,
                                         .remote = config->remote,
                                         .guard = config->guard,
                                         .num_pes = job->num_pes,
                                         .own_pes = job->num_pes,
                                         .stop_patience_s = config->remote == NULL ? 0 : stop_patience(config->options),
                                         .path = config->program->path,
                                         .argv = config->program->argv,
                                         .terminal = isatty(0) == 1,
                                         .signal_mask = job->signals.before,
                                         .on_exit = on_exit_of,
                                         .on_failed = on_failed,
                                         .on_stopped = on_stopped,
                                         .on_gathered = on_gathered,
                                         .context = job};
    getrlimit(RLIMIT_NOFILE, &job->launch.open_files);
    struct rlimit most = job->launch.open_files;
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    job->link_handler = (struct deploy_link_handler){on_message, on_malformed, on_opened, job};
    job->output_handler = (struct deploy_output_handler){.on_broken = on_broken,
                                                         .on_finished = on_finished,
                                                         .on_settled = on_settled,
                                                         .on_prompt_erased = on_prompt_erased,
                                                         .context = job};
}

static int open_and_run(struct deploy_job *job, struct deploy_reason *reason) {
    const struct deploy_job_config *config = job->config;
    int status = DEPLOY_STATUS_OS;
    if (deploy_signals_open(&job->signals, job->loop, reason) != 0) return status;
    prepare(job);
    if (deploy_output_open(&job->output, job->loop, job->num_pes, config->options->tag, &job->output_handler) != 0) {
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
        goto err_after_signals;
    }
    job->output.to_end = config->launcher->carries_output;
    if (config->launcher->open(&job->launch, &job->launcher, reason) == 0) {
        status = run(job, reason);
        config->launcher->close(job->launcher);
    }
    deploy_output_close(&job->output);
err_after_signals:
    deploy_signals_close(&job->signals);
    return status;
}

int deploy_job_run(const struct deploy_job_config *config, struct deploy_reason *reason) {
    struct deploy_job job = {.config = config, .num_pes = config->options->num_pes};
    snprintf(job.name, sizeof job.name, "chariot-%ld", (long)getpid());
    job.signals = (struct deploy_signals){.fd = -1, .on_signal = on_signal, .context = &job};
    reason->text[0] = '\0';
    job.loop = config->loop != NULL ? config->loop : ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    job.pes = calloc(job.num_pes, sizeof *job.pes);
    bool random = getrandom(job.token, sizeof job.token, 0) == (ssize_t)sizeof job.token;
    int status = DEPLOY_STATUS_OS;
    if (job.loop == NULL || job.pes == NULL || !random) {
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "no event loop, memory or random numbers to be had");
    } else {
        status = open_and_run(&job, reason);
    }
    free(job.pes);
    free(job.served_at);
    if (job.loop != NULL && job.loop != config->loop) ev_loop_destroy(job.loop);
    return reason->text[0] == '\0' ? status : reason->status;
}
