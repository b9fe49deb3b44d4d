/* deploy/job.c: see job.h. */
#include "deploy/job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include "deploy/control_link.h"
#include "deploy/output.h"
#include "deploy/signals.h"
#include "rpc/error.h"

static const double KILL_AFTER_S = 1;      /* SIGTERM, then SIGKILL */
static const double INTERRUPT_AFTER_S = 2; /* the same after Ctrl-C: programs may want to say something */
static const double LEAVE_WITHIN_S = 10;   /* from the first Farewell until all PEs are gone */
static const double DESERTED_AFTER_S = 5;  /* a PE has ended without a word, others still run */

enum phase { RUNNING, LEAVING, ENDING, FLUSHING };

struct job_pe {
    struct deploy_link link;
    bool started, gone;
};

struct job {
    const struct deploy_job_config *config;
    struct ev_loop *loop;
    struct deploy_launch launch;
    void *launcher;
    struct deploy_link_handler link_handler;
    struct deploy_output_handler output_handler;
    struct deploy_output output;
    struct job_pe *pes;
    uint32_t num_pes, alive;
    enum phase phase;
    int status;
    uint8_t token[32];
    bool prompt_next;        /* with Settled PE 0 shows a prompt */
    bool has_console;        /* PE 0 has one: Ctrl-C is its own, and the terminal may be left in its mode */
    struct termios terminal; /* as it was before */
    uint32_t deserter;       /* the PE that ended without a word */
    ev_timer kill, leave, timeout, deserted;
    struct deploy_signals signals;
};

/* ---------------------------------------------------------------- ending */

static void signal_all(struct job *job, int number, bool from_terminal) {
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].started && !job->pes[pe].gone)
            job->config->launcher->signal(job->launcher, pe, number, from_terminal);
    }
}

static void start_timer(struct job *job, ev_timer *timer, double seconds) {
    ev_timer_stop(job->loop, timer);
    ev_timer_set(timer, seconds, 0);
    ev_timer_start(job->loop, timer);
}

static void check_all_gone(struct job *job) {
    if (job->alive > 0 || job->phase == FLUSHING) return;
    job->phase = FLUSHING;
    ev_timer_stop(job->loop, &job->kill);
    ev_timer_stop(job->loop, &job->leave);
    ev_timer_stop(job->loop, &job->deserted);
    deploy_output_finish(&job->output);
}

/* Nothing is printed and no status is changed once the job is ending. */
static void end(struct job *job, int status, int number, double kill_after_s) {
    if (job->phase == ENDING || job->phase == FLUSHING) return;
    job->phase = ENDING;
    job->status = status;
    ev_timer_stop(job->loop, &job->leave);
    ev_timer_stop(job->loop, &job->deserted);
    if (number != 0) signal_all(job, number, false);
    start_timer(job, &job->kill, kill_after_s);
    check_all_gone(job);
}

static void say_v(struct job *job, const char *format, va_list arguments) {
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    deploy_output_say(&job->output, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void say(struct job *job, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say_v(job, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void end_saying(struct job *job, int status, const char *format, ...) {
    va_list arguments;
    if (job->phase == ENDING || job->phase == FLUSHING) return;
    va_start(arguments, format);
    say_v(job, format, arguments);
    va_end(arguments);
    end(job, status, SIGTERM, KILL_AFTER_S);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    signal_all(timer->data, SIGKILL, false);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events) {
    struct job *job = timer->data;
    (void)loop, (void)events;
    end_saying(job, DEPLOY_STATUS_TIMEOUT, "chariot: the job has run for %g s (--timeout) and is ended\n",
               job->config->options->timeout);
}

static void on_leave_over(struct ev_loop *loop, ev_timer *timer, int events) {
    struct job *job = timer->data;
    char list[256] = "";
    size_t used = 0;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < job->num_pes && used + 16 < sizeof list; pe++) {
        if (job->pes[pe].started && !job->pes[pe].gone)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%u", used > 0 ? ", " : "", pe);
    }
    end_saying(job, DEPLOY_STATUS_PES,
               "chariot: the job has ended, but PE %s did not within %g s: a method that never returns?\n", list,
               LEAVE_WITHIN_S);
}

/* A program that does not use chariot may end where and when it likes; so the absence counts once another PE has opened
 * the job, which may be long after. */
static void on_deserted(struct ev_loop *loop, ev_timer *timer, int events) {
    struct job *job = timer->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].gone || !deploy_link_is_opened(&job->pes[pe].link)) continue;
        end_saying(job, DEPLOY_STATUS_PES,
                   "chariot: PE %u ended without charm.exit() while others still run: "
                   "did every PE call charm.start()?\n",
                   job->deserter);
        return;
    }
    start_timer(job, timer, DESERTED_AFTER_S);
}

/* ---------------------------------------------------------------- what PEs say */

static void on_listening(struct job *job, char *address) {
    for (uint32_t pe = 1; pe < job->num_pes; pe++) (void)deploy_link_send_rendezvous(&job->pes[pe].link, address);
}

static void on_verdict(struct job *job, const Chariot__V1__Verdict *verdict) {
    if (job->phase == ENDING || job->phase == FLUSHING) return;
    if (verdict->text[0] != '\0') deploy_output_say(&job->output, verdict->text, strlen(verdict->text));
    int status = verdict->status >= 1 && verdict->status <= 255 ? (int)verdict->status : 1;
    end(job, status, SIGTERM, KILL_AFTER_S);
}

static void on_farewell(struct job *job, const Chariot__V1__Farewell *farewell) {
    if (job->phase != RUNNING) return;
    job->phase = LEAVING;
    job->status = (int)(farewell->status & 0xff);
    ev_timer_stop(job->loop, &job->deserted);
    start_timer(job, &job->leave, LEAVE_WITHIN_S);
}

static void on_settle(struct job *job, bool prompt) {
    job->has_console = true;
    job->prompt_next = prompt;
    deploy_output_prompt(&job->output, false);
    deploy_output_settle(&job->output);
}

static void on_settled(void *context) {
    struct job *job = context;
    deploy_output_prompt(&job->output, job->prompt_next);
    (void)deploy_link_send_settled(&job->pes[0].link);
}

static void on_prompt_erased(void *context) {
    struct job *job = context;
    if (job->pes[0].started && !job->pes[0].gone) job->config->launcher->signal(job->launcher, 0, SIGWINCH, false);
}

static void on_malformed(void *context, uint32_t pe) {
    end_saying(context, DEPLOY_STATUS_PES, "chariot: PE %u sent garbage on its control stream\n", pe);
}

/* What PE 0 alone may say. */
static bool hear_first(struct job *job, const Chariot__V1__ToLauncher *message) {
    switch (message->what_case) {
    case CHARIOT__V1__TO_LAUNCHER__WHAT_LISTENING:
        on_listening(job, message->listening->address);
        return true;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_SETTLE:
        on_settle(job, message->settle->prompt);
        return true;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_PROMPT_OVER:
        deploy_output_prompt(&job->output, false);
        return true;
    default:
        return false;
    }
}

static void on_message(void *context, uint32_t pe, const Chariot__V1__ToLauncher *message) {
    struct job *job = context;
    if (pe == 0 && hear_first(job, message)) return;
    switch (message->what_case) {
    case CHARIOT__V1__TO_LAUNCHER__WHAT_VERDICT:
        on_verdict(job, message->verdict);
        return;
    case CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL:
        on_farewell(job, message->farewell);
        return;
    default:
        on_malformed(job, pe);
    }
}

/* ---------------------------------------------------------------- what becomes of PEs */

static void judge_exit(struct job *job, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_place place;
    job->config->launcher->where(job->launcher, pe, &place);
    if (how->by_signal) {
        end_saying(job, DEPLOY_STATUS_SIGNAL + how->code,
                   "chariot: PE %u (pid %ld on %s) was killed by signal %d (%s)\n", pe, place.pid, place.host,
                   how->code, strsignal(how->code));
    } else if (job->phase == RUNNING && how->code != 0) {
        end_saying(job, how->code, "chariot: PE %u (pid %ld on %s) ended with status %d before the job did\n", pe,
                   place.pid, place.host, how->code);
    } else if (job->phase == LEAVING && how->code != 0 && how->code != job->status) {
        say(job, "chariot: PE %u (pid %ld on %s) ended with status %d after the job had ended with %d\n", pe, place.pid,
            place.host, how->code, job->status);
        if (job->status == 0) job->status = how->code;
    } else if (job->phase == RUNNING && job->alive > 0) {
        job->deserter = pe;
        if (!ev_is_active(&job->deserted)) start_timer(job, &job->deserted, DESERTED_AFTER_S);
    }
}

static void on_exit_of(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct job *job = context;
    job->pes[pe].gone = true;
    job->alive--;
    deploy_signals_drain(&job->signals); /* Ctrl-C kills a PE 0 that shares our terminal: that is its cause */
    /* What this PE, or another, has said of the reason comes before what its death looks like. */
    deploy_link_drain(&job->pes[pe].link);
    for (uint32_t other = 0; other < job->num_pes && job->phase == RUNNING; other++) {
        if (job->pes[other].started) deploy_link_drain(&job->pes[other].link);
    }
    judge_exit(job, pe, how);
    check_all_gone(job);
}

static void on_broken(void *context, bool is_out, int error) {
    struct job *job = context;
    if (error == EPIPE) {
        end(job, DEPLOY_STATUS_SIGNAL + SIGPIPE, SIGTERM, KILL_AFTER_S);
        return;
    }
    end_saying(job, DEPLOY_STATUS_OUTPUT, "chariot: cannot write standard %s: %s\n", is_out ? "output" : "error",
               strerror(error));
}

static void on_finished(void *context) {
    struct job *job = context;
    ev_break(job->loop, EVBREAK_ALL);
}

/* ---------------------------------------------------------------- signals */

static void on_end_signal(struct job *job, int number, bool from_terminal) {
    if (job->phase == FLUSHING) { /* who reads our output does not read */
        job->status = DEPLOY_STATUS_SIGNAL + number;
        ev_break(job->loop, EVBREAK_ALL);
    } else if (job->phase == ENDING) {
        signal_all(job, SIGKILL, false);
    } else {
        signal_all(job, number, from_terminal);
        say(job, "chariot: ended by signal %d (%s)\n", number, strsignal(number));
        end(job, DEPLOY_STATUS_SIGNAL + number, 0, INTERRUPT_AFTER_S);
    }
}

static void on_signal(void *context, int number, bool from_terminal) {
    struct job *job = context;
    switch (number) {
    case SIGTSTP:
        signal_all(job, SIGTSTP, from_terminal);
        raise(SIGSTOP); /* SIGTSTP itself is blocked */
        return;
    case SIGCONT:
    case SIGUSR1:
    case SIGUSR2:
        signal_all(job, number, from_terminal);
        return;
    case SIGINT:
        if (from_terminal && job->has_console && job->phase == RUNNING) return; /* PE 0 has got it too */
        on_end_signal(job, number, from_terminal);
        return;
    default:
        on_end_signal(job, number, from_terminal);
    }
}

/* ---------------------------------------------------------------- life */

static int start_pe(struct job *job, uint32_t pe, struct deploy_reason *reason) {
    const struct deploy_job_config *config = job->config;
    struct deploy_streams streams;
    char name[64], transport[16], run_dir[256];
    int rc = config->launcher->start(job->launcher, pe, &streams, reason);
    if (rc != 0) return rc;
    job->pes[pe].started = true;
    job->alive++;
    deploy_link_open(&job->pes[pe].link, job->loop, streams.control, pe, &job->link_handler);
    deploy_output_add(&job->output, pe, streams.out, streams.err);
    snprintf(name, sizeof name, "chariot-%ld", (long)getpid());
    snprintf(transport, sizeof transport, "%s", config->options->transport);
    snprintf(run_dir, sizeof run_dir, "%s", config->run_dir);
    Chariot__V1__Ticket ticket = CHARIOT__V1__TICKET__INIT;
    ticket.job = name;
    ticket.pe = pe;
    ticket.num_pes = job->num_pes;
    ticket.token = (ProtobufCBinaryData){.len = sizeof job->token, .data = job->token};
    ticket.transport = transport;
    ticket.run_dir = run_dir;
    ticket.trace_limit = config->options->trace == NULL ? 0 : config->options->trace_limit;
    (void)deploy_link_send_ticket(&job->pes[pe].link, &ticket); /* gone already: its exit says why */
    return 0;
}

static void arm(struct job *job) {
    ev_timer *timers[] = {&job->kill, &job->leave, &job->timeout, &job->deserted};
    void (*on_timer[])(struct ev_loop *, ev_timer *, int) = {on_kill, on_leave_over, on_timeout, on_deserted};
    for (int i = 0; i < 4; i++) {
        ev_init(timers[i], on_timer[i]);
        timers[i]->data = job;
    }
    if (job->config->options->timeout > 0) start_timer(job, &job->timeout, job->config->options->timeout);
}

/* Once PEs exist. Where one cannot be started, those that were are ended. */
static int run(struct job *job, struct deploy_reason *reason) {
    bool is_terminal = tcgetattr(0, &job->terminal) == 0;
    arm(job);
    for (uint32_t pe = 0; pe < job->num_pes && reason->text[0] == '\0'; pe++) (void)start_pe(job, pe, reason);
    if (reason->text[0] != '\0') end(job, reason->status, SIGTERM, KILL_AFTER_S);
    if (job->alive > 0) ev_run(job->loop, 0);
    if (is_terminal && job->has_console) tcsetattr(0, TCSADRAIN, &job->terminal);
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].started) deploy_link_close(&job->pes[pe].link);
    }
    return job->status;
}

/* PEs get the signal mask and the limit of open files that we were started with. */
static void prepare(struct job *job) {
    const struct deploy_job_config *config = job->config;
    job->launch = (struct deploy_launch){.loop = job->loop,
                                         .guard = config->guard,
                                         .num_pes = job->num_pes,
                                         .path = config->program->path,
                                         .argv = config->program->argv,
                                         .terminal = isatty(0) == 1,
                                         .signal_mask = job->signals.before,
                                         .on_exit = on_exit_of,
                                         .context = job};
    getrlimit(RLIMIT_NOFILE, &job->launch.open_files);
    struct rlimit most = job->launch.open_files;
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    job->link_handler = (struct deploy_link_handler){on_message, on_malformed, job};
    job->output_handler = (struct deploy_output_handler){.on_broken = on_broken,
                                                         .on_finished = on_finished,
                                                         .on_settled = on_settled,
                                                         .on_prompt_erased = on_prompt_erased,
                                                         .context = job};
}

static int open_and_run(struct job *job, struct deploy_reason *reason) {
    const struct deploy_job_config *config = job->config;
    int status = DEPLOY_STATUS_OS;
    if (deploy_signals_open(&job->signals, job->loop, reason) != 0) return status;
    prepare(job);
    if (deploy_output_open(&job->output, job->loop, job->num_pes, config->options->tag, &job->output_handler) != 0) {
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
        goto err_after_signals;
    }
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
    struct job job = {.config = config, .num_pes = config->options->num_pes};
    job.signals = (struct deploy_signals){.fd = -1, .on_signal = on_signal, .context = &job};
    reason->text[0] = '\0';
    job.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    job.pes = calloc(job.num_pes, sizeof *job.pes);
    bool random = getrandom(job.token, sizeof job.token, 0) == (ssize_t)sizeof job.token;
    int status = DEPLOY_STATUS_OS;
    if (job.loop == NULL || job.pes == NULL || !random) {
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "no event loop, memory or random numbers to be had");
    } else {
        status = open_and_run(&job, reason);
    }
    free(job.pes);
    if (job.loop != NULL) ev_loop_destroy(job.loop);
    return reason->text[0] == '\0' ? status : reason->status;
}
