/* What the launcher asks of an agent first: its surroundings, its directory, its launcher. See agent_impl.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/address.h"
#include "deploy/agent_impl.h"
#include "deploy/options.h"
#include "deploy/rundir.h"
#include "rpc/error.h"

static void say_opened(struct deploy_agent *agent) {
    Chariot__V1__AgentOpened opened = CHARIOT__V1__AGENT_OPENED__INIT;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_OPENED, &opened);
}

static char **copy_words(char *const *words, size_t count) {
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) copy[i] = strdup(words[i]);
    return copy;
}

/* Where this host was reached the launcher may know; or it has dialled in from there. */
static int settle_address(const struct deploy_agent *agent, const Chariot__V1__AgentOpen *open,
                          struct deploy_reason *reason) {
    const struct deploy_address address = {.interface = open->interface,
                                           .advertise = open->address,
                                           .reached = open->reached[0] != '\0' ? open->reached : agent->address,
                                           .ports = open->ports};
    return deploy_address_settle(&address, reason);
}

static int set_surroundings(const struct deploy_agent *agent, const Chariot__V1__AgentOpen *open,
                            struct deploy_reason *reason) {
    for (size_t i = 0; i < open->n_environment; i++) {
        char *value = strchr(open->environment[i], '=');
        if (value == NULL) continue;
        *value = '\0';
        setenv(open->environment[i], value + 1, 1);
    }
    int rc = settle_address(agent, open, reason);
    if (rc != 0) return rc;
    if (chdir(open->directory) == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND, "cannot enter directory '%s': %s", open->directory,
                             strerror(errno));
}

static int check(const struct deploy_agent *agent, const Chariot__V1__AgentOpen *open, struct deploy_reason *reason) {
    if (strcmp(open->version, CHARIOT_VERSION) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "chariot there is version %s, here it is %s",
                                 CHARIOT_VERSION, open->version);
    bool good = agent->launcher == NULL && open->num_pes > 0 && open->num_pes <= DEPLOY_MAX_PES &&
                open->first_pe <= open->num_pes && open->own_pes <= open->num_pes - open->first_pe &&
                open->path[0] != '\0' && open->run_dir[0] == '/' && strlen(open->run_dir) <= DEPLOY_RUNDIR_MAX;
    if (good) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_PES, "the launcher asks for what cannot be");
}

/* What comes home when PEs are gone is written here meanwhile. */
static int open_files(struct deploy_agent *agent, const Chariot__V1__AgentOpen *open) {
    char name[512];
    deploy_carry_record_name(agent->run_dir, name, sizeof name);
    if (open->record) setenv("CHARIOT_LB_RECORD", name, 1);
    agent->input.rows = open->window == NULL ? 0 : open->window->rows;
    agent->input.columns = open->window == NULL ? 0 : open->window->columns;
    return deploy_carry_init(&agent->carry, &agent->relay, agent->run_dir, open->num_pes, open->timeline, open->record);
}

static int open_launcher(struct deploy_agent *agent, const Chariot__V1__AgentOpen *open, struct deploy_reason *reason) {
    agent->pes = calloc(open->num_pes, sizeof *agent->pes);
    agent->path = strdup(open->path);
    agent->run_dir = strdup(open->run_dir);
    agent->words = copy_words(open->words, open->n_words);
    bool files = agent->run_dir != NULL && open_files(agent, open) == 0;
    if (agent->pes == NULL || agent->path == NULL || !files || agent->words == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    for (uint32_t pe = 0; pe < open->num_pes; pe++) {
        for (int i = 0; i < DEPLOY_AGENT_STREAMS; i++) agent->pes[pe].bridges[i].fd = -1;
    }
    deploy_guard_set_run_dir(&agent->guard, agent->run_dir);
    int rc = deploy_rundir_join(agent->run_dir, reason);
    if (rc != 0) return rc;
    agent->launch = (struct deploy_launch){.loop = agent->loop,
                                           .guard = &agent->guard,
                                           .run_dir = agent->run_dir,
                                           .num_pes = open->num_pes,
                                           .first_pe = open->first_pe,
                                           .own_pes = open->own_pes,
                                           .shm_dir = open->local_count > 0 ? agent->run_dir : NULL,
                                           .path = agent->path,
                                           .argv = agent->words,
                                           .signal_mask = agent->signals.before,
                                           .stop_patience_s = open->stop_patience_ms / 1000.,
                                           .on_exit = deploy_agent_on_exit,
                                           .on_stopped = deploy_agent_on_stopped,
                                           .context = agent};
    getrlimit(RLIMIT_NOFILE, &agent->launch.open_files);
    return deploy_local_ops.open(&agent->launch, &agent->launcher, reason);
}

void deploy_agent_on_open(struct deploy_agent *agent, const Chariot__V1__AgentOpen *open) {
    struct deploy_reason reason;
    int rc = check(agent, open, &reason);
    if (rc == 0) rc = set_surroundings(agent, open, &reason);
    if (rc == 0) rc = open_launcher(agent, open, &reason);
    if (rc != 0)
        deploy_agent_fail(agent, &reason);
    else
        say_opened(agent);
}
