/* deploy/job_end.c: see job_end.h. */
#include "deploy/job_end.h"

#include <stdarg.h>
#include <string.h>

static const double LEAVE_WITHIN_S = 10;  /* from the first Farewell until all PEs are gone */
static const double DESERTED_AFTER_S = 5; /* a PE has ended without a word, others still run */

void deploy_job_signal(struct deploy_job *job, int number, bool from_terminal) {
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].started && !job->pes[pe].gone)
            job->config->launcher->signal(job->launcher, pe, number, from_terminal);
    }
}

static void start_timer(struct deploy_job *job, ev_timer *timer, double seconds) {
    ev_timer_stop(job->loop, timer);
    ev_timer_set(timer, seconds, 0);
    ev_timer_start(job->loop, timer);
}

void deploy_job_check_gone(struct deploy_job *job) {
    if (job->alive > 0 || job->phase == DEPLOY_JOB_FLUSHING) return;
    job->phase = DEPLOY_JOB_FLUSHING;
    ev_timer_stop(job->loop, &job->kill);
    ev_timer_stop(job->loop, &job->leave);
    ev_timer_stop(job->loop, &job->deserted);
    job->gathering = job->config->launcher->gather != NULL;
    if (job->gathering) job->config->launcher->gather(job->launcher);
    deploy_output_finish(&job->output);
}

void deploy_job_end(struct deploy_job *job, int status, int number, double kill_after_s) {
    if (job->phase == DEPLOY_JOB_ENDING || job->phase == DEPLOY_JOB_FLUSHING) return;
    job->phase = DEPLOY_JOB_ENDING;
    job->status = status;
    deploy_output_end_prompt(&job->output);
    ev_timer_stop(job->loop, &job->leave);
    ev_timer_stop(job->loop, &job->deserted);
    if (number != 0) deploy_job_signal(job, number, false);
    start_timer(job, &job->kill, kill_after_s);
    deploy_job_check_gone(job);
}

static void say_v(struct deploy_job *job, const char *format, va_list arguments) {
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    deploy_output_say(&job->output, text, strlen(text));
}

void deploy_job_say(struct deploy_job *job, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say_v(job, format, arguments);
    va_end(arguments);
}

void deploy_job_end_saying(struct deploy_job *job, int status, const char *format, ...) {
    va_list arguments;
    if (job->phase == DEPLOY_JOB_ENDING || job->phase == DEPLOY_JOB_FLUSHING) return;
    va_start(arguments, format);
    say_v(job, format, arguments);
    va_end(arguments);
    deploy_job_end(job, status, SIGTERM, DEPLOY_JOB_KILL_AFTER_S);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    deploy_job_signal(timer->data, SIGKILL, false);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events) {
    struct deploy_job *job = timer->data;
    (void)loop, (void)events;
    deploy_job_end_saying(job, DEPLOY_STATUS_TIMEOUT, "chariot: the job has run for %g s (--timeout) and is ended\n",
                          job->config->options->timeout);
}

static void on_leave_over(struct ev_loop *loop, ev_timer *timer, int events) {
    struct deploy_job *job = timer->data;
    char list[256] = "";
    size_t used = 0;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < job->num_pes && used + 16 < sizeof list; pe++) {
        if (job->pes[pe].started && !job->pes[pe].gone)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%u", used > 0 ? ", " : "", pe);
    }
    deploy_job_end_saying(job, DEPLOY_STATUS_PES,
                          "chariot: the job has ended, but PE %s did not within %g s: a method that never returns?\n",
                          list, LEAVE_WITHIN_S);
}

/* A program that does not use chariot may end where and when it likes; so the absence counts once another PE has opened
 * the job, which may be long after. */
static void on_deserted(struct ev_loop *loop, ev_timer *timer, int events) {
    struct deploy_job *job = timer->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < job->num_pes; pe++) {
        if (job->pes[pe].gone || !job->pes[pe].link.opened) continue;
        deploy_job_end_saying(job, DEPLOY_STATUS_PES,
                              "chariot: PE %u ended without charm.exit() while others still run: "
                              "did every PE call charm.start()?\n",
                              job->deserter);
        return;
    }
    start_timer(job, timer, DESERTED_AFTER_S);
}

/* ---------------------------------------------------------------- on the way to it */

void deploy_job_leave(struct deploy_job *job, int status) {
    if (job->phase != DEPLOY_JOB_RUNNING) return;
    job->phase = DEPLOY_JOB_LEAVING;
    job->status = status;
    ev_timer_stop(job->loop, &job->deserted);
    start_timer(job, &job->leave, LEAVE_WITHIN_S);
}

void deploy_job_miss(struct deploy_job *job, uint32_t pe) {
    job->deserter = pe;
    if (!ev_is_active(&job->deserted)) start_timer(job, &job->deserted, DESERTED_AFTER_S);
}

void deploy_job_arm(struct deploy_job *job) {
    ev_timer *timers[] = {&job->kill, &job->leave, &job->timeout, &job->deserted};
    void (*on_timer[])(struct ev_loop *, ev_timer *, int) = {on_kill, on_leave_over, on_timeout, on_deserted};
    for (int i = 0; i < 4; i++) {
        ev_init(timers[i], on_timer[i]);
        timers[i]->data = job;
    }
    if (job->config->options->timeout > 0) start_timer(job, &job->timeout, job->config->options->timeout);
}
