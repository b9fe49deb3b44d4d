/* deploy/job_end.h: the job as its own files see it, and how it comes to its end (the phases are drawn in job.h).
 *
 * Whatever asks for the end first is the reason: once the job is ending nothing more is printed of it, and its status
 * stands. Timers see to what does not come by itself: PEs that ignore SIGTERM, that stay after the job's end, or that
 * left before it. */
#ifndef CHARIOT_DEPLOY_JOB_END_H
#define CHARIOT_DEPLOY_JOB_END_H

#include <ev.h>
#include <stdint.h>
#include <termios.h>

#include "deploy/control_link.h"
#include "deploy/job.h"
#include "deploy/output.h"
#include "deploy/signals.h"

#define DEPLOY_JOB_KILL_AFTER_S      1.0 /* SIGTERM, then SIGKILL */
#define DEPLOY_JOB_INTERRUPT_AFTER_S 2.0 /* the same after Ctrl-C: programs may want to say something */

enum deploy_job_phase { DEPLOY_JOB_RUNNING, DEPLOY_JOB_LEAVING, DEPLOY_JOB_ENDING, DEPLOY_JOB_FLUSHING }; /* job.h */

struct deploy_job_pe {
    struct deploy_link link;
    bool started, gone;
};

struct deploy_job {
    const struct deploy_job_config *config;
    struct ev_loop *loop;
    struct deploy_launch launch;
    void *launcher;
    struct deploy_link_handler link_handler;
    struct deploy_output_handler output_handler;
    struct deploy_output output;
    struct deploy_authority *authority; /* while PEs start, where they speak TLS */
    char name[32];
    struct deploy_job_pe *pes;
    uint32_t num_pes, alive, opened; /* PEs; that live; that take part */
    char *served_at;                 /* where PE 0 serves foreign programs; NULL: it does not, or not yet */
    enum deploy_job_phase phase;
    int status;
    uint8_t token[32];
    bool prompt_next;        /* with Settled PE 0 shows a prompt */
    bool gathering;          /* what PEs left on other hosts is on its way, */
    bool flushed;            /* though all that they printed is written */
    bool has_console;        /* PE 0 has one: Ctrl-C is its own, and the terminal may be left in its mode */
    struct termios terminal; /* as it was before */
    uint32_t deserter;       /* the PE that ended without a word */
    ev_timer kill, leave, timeout, deserted;
    struct deploy_signals signals;
};

/* Before PEs start. */
void deploy_job_arm(struct deploy_job *job);

/* The signal `number`, to every PE that lives. */
void deploy_job_signal(struct deploy_job *job, int number, bool from_terminal);
/* A line for people. */
__attribute__((format(printf, 2, 3))) void deploy_job_say(struct deploy_job *job, const char *format, ...);

/* Ends the job with that status: PEs get the signal (0: none), later SIGKILL. */
void deploy_job_end(struct deploy_job *job, int status, int number, double kill_after_s);
/* The same with SIGTERM, and a line for people. */
__attribute__((format(printf, 3, 4))) void deploy_job_end_saying(struct deploy_job *job, int status, const char *format,
                                                                 ...);
/* A Farewell: the job has ended as it was meant to, and its PEs go. */
void deploy_job_leave(struct deploy_job *job, int status);
/* That PE has ended without a word while others live. */
void deploy_job_miss(struct deploy_job *job, uint32_t pe);
/* A PE is gone: was it the last? */
void deploy_job_check_gone(struct deploy_job *job);

#endif
