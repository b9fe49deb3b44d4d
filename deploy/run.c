/* deploy/run.c: see run.h. From the command line to a job: options, program, run directory, guard, job. */
#include "deploy/run.h"

#include <stdlib.h>
#include <string.h>

#include "deploy/charmrun.h"
#include "deploy/dial.h"
#include "deploy/door.h"
#include "deploy/guard.h"
#include "deploy/job.h"
#include "deploy/reach.h"
#include "deploy/remote.h"
#include "deploy/rundir.h"
#include "deploy/timeline.h"

struct launcher {
    const char *name;
    const struct deploy_launcher_ops *ops;
    const struct deploy_reach_ops *reach; /* NULL: there are no agents */
};

static const struct launcher LAUNCHERS[] = {
    {"local", &deploy_local_ops, NULL},
    {"ssh", &deploy_agents_ops, &deploy_ssh_reach},
    {"slurm", &deploy_agents_ops, &deploy_ssh_reach},
};
enum { NUM_LAUNCHERS = sizeof LAUNCHERS / sizeof LAUNCHERS[0] };

static int choose_launcher(struct deploy_job_config *config, struct deploy_remote *remote,
                           const struct deploy_options *options, struct deploy_reason *reason) {
    const char *name = options->launcher;
    for (size_t i = 0; i < NUM_LAUNCHERS; i++) {
        if (strcmp(LAUNCHERS[i].name, name) != 0) continue;
        config->launcher = LAUNCHERS[i].ops;
        remote->reach = LAUNCHERS[i].reach;
        return 0;
    }
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "no launcher '%s'; there are: local, ssh, slurm", name);
}

/* PEs inherit it, here and on other hosts. */
static void set_environment(const struct deploy_options *options) {
    if (options->charm4py) setenv("CHARIOT_CHARM4PY", "1", 1);
    if (options->lb_record != NULL) setenv("CHARIOT_LB_RECORD", options->lb_record, 1);
    if (options->lb_record_period > 0) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.9g", options->lb_record_period);
        setenv("CHARIOT_LB_RECORD_PERIOD", seconds, 1);
    }
    if (options->quiet) setenv("CHARIOT_QUIET", "1", 1);
    if (options->balancer != NULL) setenv("CHARIOT_BALANCER", options->balancer, 1);
    if (options->lb_period != NULL) setenv("CHARIOT_LB_PERIOD", options->lb_period, 1);
    if (options->lb_log) setenv("CHARIOT_LB_LOG", "1", 1);
}

/* What became of the job stands; a timeline that cannot be written only spoils a success. */
static int write_timeline(struct deploy_timeline *line, const struct deploy_job_config *config, int status) {
    struct deploy_reason reason = {0};
    uint64_t dropped;
    if (deploy_timeline_write(line, config->run_dir, config->options->num_pes, &dropped, &reason) != 0) {
        deploy_reason_print(&reason);
        return status == 0 ? reason.status : status;
    }
    if (dropped > 0)
        fprintf(stderr, "chariot: %llu events are not in %s (--trace-limit %llu per PE, or no room in %s)\n",
                (unsigned long long)dropped, line->path, (unsigned long long)config->options->trace_limit,
                config->run_dir);
    return status;
}

/* The guard knows the run directory before it is made, and forgets it after it was removed. */
static int run_guarded(struct deploy_job_config *config, struct deploy_reason *reason) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    struct deploy_guard guard = {.fd = -1};
    struct deploy_timeline line;
    int status = DEPLOY_STATUS_OS;
    if (deploy_rundir_choose(run_dir, reason) != 0) return status;
    if (deploy_timeline_open(&line, config->options->trace, reason) != 0) return reason->status;
    if (deploy_guard_start(&guard, -1, reason) != 0) return status;
    deploy_guard_set_run_dir(&guard, run_dir);
    config->run_dir = run_dir;
    config->guard = &guard;
    if (deploy_rundir_make(run_dir, reason) == 0) status = deploy_job_run(config, reason);
    if (config->on_over != NULL) config->on_over(config->context);
    status = write_timeline(&line, config, status);
    deploy_rundir_remove(run_dir);
    deploy_guard_done(&guard);
    return status;
}

static int fail(const struct deploy_reason *reason) {
    deploy_reason_print(reason);
    return reason->status;
}

static int init_program(struct deploy_program *program, const char *argv0, const struct deploy_options *options,
                        struct deploy_reason *reason) {
    return options->interactive ? deploy_program_init_interactive(program, argv0, options->program, reason)
                                : deploy_program_init(program, argv0, options->program, reason);
}

static int run_job(const char *argv0, struct deploy_job_config *config, struct deploy_remote *remote,
                   struct deploy_options *options) {
    struct deploy_reason reason = {0};
    struct deploy_program program;
    config->options = options;
    config->program = &program;
    if (remote->hosts.count > 0) config->remote = remote;
    if (init_program(&program, argv0, options, &reason) != 0) return fail(&reason);
    int status = run_guarded(config, &reason);
    deploy_program_deinit(&program);
    return reason.text[0] == '\0' ? status : fail(&reason);
}

static void leave_meeting(void *context) {
    deploy_meeting_leave(context);
}

/* Member 0 of an engine's job: gathers the others, and launches. */
static int run_head(const char *argv0, struct deploy_meeting *meeting, struct deploy_options *options) {
    struct deploy_job_config config = {.launcher = &deploy_agents_ops,
                                       .loop = meeting->loop,
                                       .ready = meeting->ready,
                                       .on_over = leave_meeting,
                                       .context = meeting};
    struct deploy_door *door = NULL;
    struct deploy_hosts hosts = {0};
    struct deploy_remote remote = {0};
    struct deploy_reason reason = {0};
    int err = deploy_door_open(&door, meeting, &reason);
    if (err == 0) err = deploy_door_gather(door, &hosts, &reason);
    if (err == 0) err = deploy_remote_init(&remote, options, &hosts, &reason);
    deploy_meeting_stamp(meeting);
    config.epoch = meeting->self.stamp.epoch;
    remote.reach = &deploy_door_reach;
    remote.reach_context = door;
    int status = err == 0 ? run_job(argv0, &config, &remote, options) : fail(&reason);
    deploy_remote_deinit(&remote);
    deploy_door_close(door);
    return status;
}

static int run_member(const char *argv0, const struct deploy_membership *self, struct deploy_options *options,
                      struct deploy_ready *ready) {
    struct deploy_meeting meeting;
    struct deploy_reason reason = {0};
    int status = 0;
    if (options->has_num_pes && options->num_pes < self->members)
        deploy_reason_set(&reason, DEPLOY_STATUS_USAGE, "%u PEs on %u members (%s): each has one at least",
                          options->num_pes, self->members, self->engine);
    else if (deploy_meeting_open(&meeting, self, ready, &reason) == 0) {
        status = meeting.self.member == 0 ? run_head(argv0, &meeting, options) : deploy_dial(&meeting, &reason);
        deploy_meeting_close(&meeting);
    }
    return reason.text[0] == '\0' ? status : fail(&reason);
}

static int run_as_found(const char *argv0, struct deploy_options *options, struct deploy_ready *ready) {
    struct deploy_job_config config = {.ready = ready};
    struct deploy_membership self;
    struct deploy_remote remote;
    struct deploy_reason reason = {0};
    if (deploy_members_find(&self, options, &reason) != 0) return fail(&reason);
    if (self.engine != NULL && self.members > 1) return run_member(argv0, &self, options, ready);
    if (deploy_remote_init(&remote, options, NULL, &reason) != 0) return fail(&reason);
    int status = choose_launcher(&config, &remote, options, &reason) == 0 ? run_job(argv0, &config, &remote, options)
                                                                          : fail(&reason);
    deploy_remote_deinit(&remote);
    return status;
}

/* Whoever runs services hears when the job runs, and that it does no longer. */
static int run_options(const char *argv0, struct deploy_options *options) {
    struct deploy_ready ready;
    struct deploy_reason reason = {0};
    set_environment(options);
    if (deploy_ready_init(&ready, options->ready_file, &reason) != 0) return fail(&reason);
    int status = run_as_found(argv0, options, &ready);
    deploy_ready_over(&ready);
    return status;
}

void deploy_run_help(void) {
    fputs("usage: chariot run [-n N] [options] prog.py [arguments]\n\n"
          "Starts N PEs of one job, on this host or on others, each running the program, and returns the job's "
          "status.\n\n",
          stdout);
    deploy_options_help(stdout);
}

int deploy_run(const char *argv0, char **argv) {
    struct deploy_options options;
    struct deploy_reason reason = {0};
    deploy_options_init(&options);
    if (deploy_options_parse(&options, argv, &reason) != 0) return fail(&reason);
    if (!options.help) return run_options(argv0, &options);
    deploy_run_help();
    return 0;
}

int deploy_run_charmrun(const char *argv0, char **argv) {
    struct deploy_options options;
    struct deploy_reason reason = {0};
    deploy_options_init(&options);
    if (deploy_charmrun_parse(&options, argv, stderr, &reason) != 0) return fail(&reason);
    options.charm4py = true;
    if (!options.help) return run_options(argv0, &options);
    deploy_charmrun_help(stdout);
    return 0;
}
