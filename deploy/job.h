/* deploy/job.h: one job from the launcher's side: starts its PEs, passes on what they print, and sees it to its end.
 *
 *              Farewell, or all have exited
 *   RUNNING ---------------------------------> LEAVING --all PEs gone--> FLUSHING --all written--> done
 *      |                                          |                         ^
 *      |  Verdict, a PE's death, signal, timeout  |  a PE's death, time     |
 *      '------------------> ENDING <--------------'                         |
 *                     SIGTERM, a second later SIGKILL ---all PEs gone-------'
 *
 * The first reason to end is the only one that is printed, and its status is the job's. */
#ifndef CHARIOT_DEPLOY_JOB_H
#define CHARIOT_DEPLOY_JOB_H

#include "deploy/launcher.h"
#include "deploy/options.h"
#include "deploy/program.h"
#include "deploy/ready.h"

struct deploy_job_config {
    const struct deploy_options *options;
    const struct deploy_program *program;
    const struct deploy_launcher_ops *launcher;
    const struct deploy_guard *guard;
    const struct deploy_remote *remote; /* NULL: all PEs run here */
    struct deploy_ready *ready;
    const char *run_dir;
    struct ev_loop *loop; /* borrowed; NULL: the job makes one */
    int64_t epoch;        /* of the job among those of its name; 0: not counted */
    /* NULL, or called when no PE is left: before anything is made of what they have written down. */
    void (*on_over)(void *context);
    void *context;
};

/* Runs the job to its end; returns its exit status. What it has to say has been printed, but for *reason, which is
 * filled in (text not empty) where the job could not start. */
int deploy_job_run(const struct deploy_job_config *config, struct deploy_reason *reason);

#endif
