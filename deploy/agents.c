/* deploy/agents.c: the launcher of several hosts: an agent on each (agent.h), which starts that host's PEs. How the
 * streams to agents come about is another's affair (reach.h).
 *
 * start:  a socket pair and two pipes stand here for the PE's streams there; the host is reached, where it is not yet
 *         -> OPEN -> OPENED from all hosts -> START for all PEs, and their streams are bridged.
 * end:    EXITED -> on_exit, while what it wrote may still come. An agent whose stream ends before, or falls silent,
 * has lost its host: the job ends with the reach's words for it, and the host's PEs count as killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/agents_impl.h"
#include "rpc/error.h"

/* Ends that the caller gets, and ends that bridges take. */
static int make_streams(int theirs[DEPLOY_AGENTS_STREAMS], int ours[DEPLOY_AGENTS_STREAMS]) {
    int pair[2];
    for (int i = 0; i < DEPLOY_AGENTS_STREAMS; i++) {
        int rc = i == DEPLOY_STREAM_CONTROL ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)
                                            : pipe2(pair, O_CLOEXEC);
        if (rc != 0) {
            while (i-- > 0) {
                close(theirs[i]);
                close(ours[i]);
                ours[i] = -1;
            }
            return CHARIOT_EIO;
        }
        theirs[i] = pair[0];
        ours[i] = pair[1];
        if (i != DEPLOY_STREAM_CONTROL) (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static int agents_start(void *state, uint32_t pe, struct deploy_streams *streams, struct deploy_reason *reason) {
    struct agents *agents = state;
    struct agents_host *host = deploy_agents_host_of(agents, pe);
    struct agents_pe *one = &agents->pes[pe];
    int theirs[DEPLOY_AGENTS_STREAMS];
    int rc = deploy_agents_reach(host, reason);
    if (rc == 0) rc = deploy_fetch_add(&agents->fetch, host->relay, pe, reason);
    if (rc != 0) return rc;
    if (make_streams(theirs, one->waiting) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start PE %u: %s", pe, strerror(errno));
    one->started = true;
    *streams = (struct deploy_streams){.control = theirs[0], .out = theirs[1], .err = theirs[2]};
    return 0;
}

/* It has nobody there yet who could obey; what ends processes ends it. */
static void end_before_begin(struct agents *agents, uint32_t pe, int number) {
    bool ends = number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
    if (!ends || agents->pes[pe].ended_by != 0) return;
    agents->pes[pe].ended_by = number;
    ev_timer_start(agents->launch->loop, &agents->endings);
}

static void agents_signal(void *state, uint32_t pe, int number, bool from_terminal) {
    struct agents *agents = state;
    (void)from_terminal;
    if (!agents->pes[pe].started || agents->pes[pe].gone) return;
    if (!agents->pes[pe].begun) {
        end_before_begin(agents, pe, number);
        return;
    }
    Chariot__V1__AgentSignal signal = CHARIOT__V1__AGENT_SIGNAL__INIT;
    signal.pe = pe;
    signal.number = number;
    deploy_relay_send(deploy_agents_host_of(agents, pe)->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_SIGNAL, &signal);
}

static void agents_gather(void *state) {
    struct agents *agents = state;
    agents->gathering = true;
    deploy_agents_check_gathered(agents);
}

static void agents_on_window(void *state) {
    struct agents *agents = state;
    Chariot__V1__AgentWindow window = CHARIOT__V1__AGENT_WINDOW__INIT;
    if (deploy_agents_host_of(agents, 0)->relay == NULL) return;
    if (!agents->launch->terminal || !deploy_terminal_size(&window.rows, &window.columns)) return;
    deploy_relay_send(deploy_agents_host_of(agents, 0)->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_WINDOW, &window);
}

/* Its terminal makes of the key what it is there: a signal, or a key as others. */
static void agents_on_console(void *state) {
    struct agents *agents = state;
    if (agents->launch->terminal) deploy_terminal_pass_interrupt(&agents->terminal);
}

/* Whoever has started a member hears of it there. */
static void agents_ready(void *state) {
    struct agents *agents = state;
    Chariot__V1__AgentReady ready = CHARIOT__V1__AGENT_READY__INIT;
    for (size_t i = 0; i < agents->launch->remote->hosts.count; i++) {
        struct deploy_relay *relay = agents->hosts[i].relay;
        if (relay != NULL) deploy_relay_send(relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_READY, &ready);
    }
}

/* While we do not run, agents need not wonder why we say nothing. */
static void agents_pause(void *state, bool paused) {
    struct agents *agents = state;
    Chariot__V1__AgentPause pause = CHARIOT__V1__AGENT_PAUSE__INIT;
    pause.paused = paused;
    for (size_t i = 0; i < agents->launch->remote->hosts.count; i++) {
        struct deploy_relay *relay = agents->hosts[i].relay;
        if (relay == NULL) continue;
        deploy_relay_send(relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_PAUSE, &pause);
        deploy_relay_pause(relay, paused);
        if (paused) deploy_relay_flush(relay, 0.2);
    }
    if (paused)
        deploy_terminal_give_back(&agents->terminal);
    else if (agents->launch->terminal && agents->input.fd >= 0)
        deploy_terminal_take(&agents->terminal);
}

static void agents_where(void *state, uint32_t pe, struct deploy_place *place) {
    struct agents *agents = state;
    struct agents_host *host = deploy_agents_host_of(agents, pe);
    *place = (struct deploy_place){.pid = agents->pes[pe].pid, .host = host->host->name, .run_dir = host->run_dir};
    deploy_agents_find_local(host, &place->local_first, &place->local_count);
}

enum { FLUSH_MS = 500, LEAVE_S = 2 };

/* Agents leave when their streams end: all at once, and none is waited for longer because another does not. */
static void agents_close(void *state) {
    struct agents *agents = state;
    size_t count = agents->launch->remote->hosts.count;
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        for (int i = 0; i < DEPLOY_AGENTS_STREAMS; i++) deploy_bridge_close(&agents->pes[pe].bridges[i]);
        deploy_agents_close_waiting(&agents->pes[pe]);
    }
    ev_timer_stop(agents->launch->loop, &agents->endings);
    deploy_bridge_close(&agents->input);
    deploy_terminal_give_back(&agents->terminal);
    deploy_fetch_deinit(&agents->fetch);
    ev_tstamp by = ev_time() + FLUSH_MS / 1000.;
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) deploy_relay_flush(agents->hosts[i].relay, by - ev_time());
    }
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) deploy_relay_close(agents->hosts[i].relay);
    }
    by = ev_time() + LEAVE_S;
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) agents->reach->leave(agents->reach_state, i, by - ev_time());
    }
    if (agents->reach_state != NULL) agents->reach->close(agents->reach_state);
    free(agents->hosts);
    free(agents->pes);
    free(agents);
}

/* One per machine. Machines may share a /tmp, and this one's other places for it may not be there. */
static void name_run_dir(struct agents_host *host, size_t number) {
    const char *own = strrchr(host->agents->launch->run_dir, '/');
    snprintf(host->run_dir, sizeof host->run_dir, "/tmp%.30s-%zu", own, number);
}

static void on_endings(struct ev_loop *loop, ev_timer *timer, int events) {
    struct agents *agents = timer->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        const struct deploy_exit how = {.by_signal = true, .code = agents->pes[pe].ended_by};
        if (how.code != 0) deploy_agents_gone(agents, pe, &how);
    }
}

static void init(struct agents *agents) {
    const struct deploy_hosts *hosts = &agents->launch->remote->hosts;
    for (size_t i = 0; i < hosts->count; i++) {
        agents->hosts[i] = (struct agents_host){.agents = agents, .number = i, .host = &hosts->items[i]};
        name_run_dir(&agents->hosts[i], hosts->items[i].machine);
    }
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        for (int i = 0; i < DEPLOY_AGENTS_STREAMS; i++) agents->pes[pe].bridges[i].fd = agents->pes[pe].waiting[i] = -1;
    }
    ev_timer_init(&agents->endings, on_endings, 0., 0.);
    agents->endings.data = agents;
}

static int agents_open(const struct deploy_launch *launch, void **state, struct deploy_reason *reason) {
    struct agents *agents = calloc(1, sizeof *agents);
    struct agents_host *hosts = calloc(launch->remote->hosts.count, sizeof *hosts);
    struct agents_pe *pes = calloc(launch->num_pes, sizeof *pes);
    if (agents == NULL || hosts == NULL || pes == NULL) {
        free(agents);
        free(hosts);
        free(pes);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    *agents = (struct agents){
        .launch = launch, .reach = launch->remote->reach, .hosts = hosts, .pes = pes, .input = {.fd = -1}};
    init(agents);
    int rc = deploy_fetch_init(&agents->fetch, launch->run_dir, launch->remote->timeline, launch->remote->record,
                               launch->num_pes);
    if (rc != 0)
        deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(rc));
    else
        rc = agents->reach->open(launch, &agents->reach_state, reason);
    if (rc != 0)
        agents_close(agents);
    else
        *state = agents;
    return rc;
}

const struct deploy_launcher_ops deploy_agents_ops = {
    .name = "agents",
    .carries_output = true,
    .open = agents_open,
    .start = agents_start,
    .signal = agents_signal,
    .where = agents_where,
    .gather = agents_gather,
    .pause = agents_pause,
    .on_window = agents_on_window,
    .ready = agents_ready,
    .on_console = agents_on_console,
    .close = agents_close,
};
