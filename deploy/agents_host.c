/* A host of several: its agent, and what becomes of the PEs there. See agents_impl.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "deploy/agents_impl.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- what becomes of PEs */

void deploy_agents_check_gathered(struct agents *agents) {
    struct deploy_reason problem;
    if (!agents->gathering || agents->fetch.missing > 0) return;
    agents->gathering = false;
    bool cut = deploy_fetch_problem(&agents->fetch, &problem);
    agents->launch->on_gathered(agents->launch->context, cut ? &problem : NULL);
}

void deploy_agents_close_waiting(struct agents_pe *one) {
    for (int i = 0; i < DEPLOY_AGENTS_STREAMS; i++) {
        if (one->waiting[i] >= 0) close(one->waiting[i]);
        one->waiting[i] = -1;
    }
}

void deploy_agents_gone(struct agents *agents, uint32_t pe, const struct deploy_exit *how) {
    struct agents_pe *one = &agents->pes[pe];
    if (one->gone) return;
    one->gone = true;
    deploy_agents_close_waiting(one);
    if (!one->begun) deploy_fetch_give_up(&agents->fetch, pe); /* it has written nothing */
    if (pe == 0) {
        deploy_bridge_close(&agents->input);
        deploy_terminal_give_back(&agents->terminal);
    }
    deploy_bridge_end(&one->bridges[DEPLOY_STREAM_CONTROL]); /* whatever the reader of its output does */
    agents->launch->on_exit(agents->launch->context, pe, how);
}

/* Its connection is gone, or of no use: so are its PEs. */
static void lose(struct agents_host *host, const struct deploy_reason *reason) {
    struct agents *agents = host->agents;
    const struct deploy_exit how = {.by_signal = true, .code = SIGKILL};
    if (host->lost) return;
    host->lost = true;
    deploy_relay_close(host->relay);
    agents->launch->on_failed(agents->launch->context, reason);
    for (uint32_t pe = host->host->first_pe; pe < host->host->first_pe + host->host->num_pes; pe++) {
        if (!agents->pes[pe].started) continue;
        deploy_agents_gone(agents, pe, &how);
        for (int i = 0; i < DEPLOY_AGENTS_STREAMS; i++)
            deploy_bridge_end(&agents->pes[pe].bridges[i]); /* nothing more comes */
        deploy_fetch_give_up(&agents->fetch, pe);
    }
    deploy_agents_check_gathered(agents);
}

static void on_end(void *context, enum deploy_relay_end how) {
    struct agents_host *host = context;
    struct deploy_reason reason;
    if (how == DEPLOY_RELAY_NO_MEMORY)
        deploy_reason_set(&reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    else
        host->agents->reach->explain(host->agents->reach_state, host->number, how, &reason);
    lose(host, &reason);
}

/* ---------------------------------------------------------------- beginning */

/* What we are given to read goes to PE 0. */
static void open_input(struct agents *agents, struct agents_host *host) {
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return;
    deploy_bridge_open_shared(&agents->input, host->relay, 0, DEPLOY_STREAM_INPUT, fd);
    if (!agents->launch->terminal) return;
    deploy_bridge_order(&agents->input, &agents->pes[0].bridges[DEPLOY_STREAM_OUT]);
    deploy_bridge_order(&agents->input, &agents->pes[0].bridges[DEPLOY_STREAM_ERR]);
    deploy_terminal_take(&agents->terminal);
}

static void begin(struct agents_host *host, uint32_t pe) {
    struct agents_pe *one = &host->agents->pes[pe];
    for (uint32_t i = 0; i < DEPLOY_AGENTS_STREAMS; i++) {
        deploy_bridge_open(&one->bridges[i], host->relay, pe, i, one->waiting[i], i == DEPLOY_STREAM_CONTROL);
        one->waiting[i] = -1;
    }
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_OUT], &one->bridges[DEPLOY_STREAM_CONTROL]);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_ERR], &one->bridges[DEPLOY_STREAM_CONTROL]);
    one->begun = true;
    Chariot__V1__AgentStart start = CHARIOT__V1__AGENT_START__INIT;
    start.pe = pe;
    deploy_relay_send(host->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_START, &start);
    if (pe == 0) open_input(host->agents, host);
}

/* PEs may reach each other from their first moment: so none begins before all hosts are ready. */
static void on_opened(struct agents_host *opened) {
    struct agents *agents = opened->agents;
    size_t count = agents->launch->remote->hosts.count;
    opened->opened = true;
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL && !agents->hosts[i].opened) return;
    }
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        const struct agents_pe *one = &agents->pes[pe];
        if (one->started && one->ended_by == 0 && !one->gone) begin(deploy_agents_host_of(agents, pe), pe);
    }
}

/* ---------------------------------------------------------------- what the agent says */

static struct agents_pe *pe_of(const struct agents_host *host, uint32_t pe) {
    bool here = pe >= host->host->first_pe && pe - host->host->first_pe < host->host->num_pes;
    return here && host->agents->pes[pe].begun ? &host->agents->pes[pe] : NULL;
}

static struct deploy_bridge *bridge_of(const struct agents_host *host, uint32_t pe, uint32_t stream) {
    struct agents_pe *one = pe_of(host, pe);
    if (one != NULL && pe == 0 && stream == DEPLOY_STREAM_INPUT) return &host->agents->input;
    return one == NULL || stream >= DEPLOY_AGENTS_STREAMS ? NULL : &one->bridges[stream];
}

static bool hear_file(struct agents_host *host, const Chariot__V1__AgentData *data) {
    struct agents *agents = host->agents;
    if (pe_of(host, data->pe) == NULL || !deploy_fetch_on_data(&agents->fetch, data, &host->clock)) return false;
    deploy_agents_check_gathered(agents);
    return true;
}

static bool hear_data(struct agents_host *host, const Chariot__V1__AgentData *data) {
    if (data->stream >= DEPLOY_STREAM_TIMELINE) return hear_file(host, data);
    struct deploy_bridge *bridge = bridge_of(host, data->pe, data->stream);
    return bridge != NULL && deploy_bridge_on_data(bridge, data);
}

static void ask_clock(struct agents_host *host) {
    Chariot__V1__AgentClock clock = CHARIOT__V1__AGENT_CLOCK__INIT;
    clock.asked_ns = deploy_clock_now_ns();
    deploy_relay_send(host->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_CLOCK, &clock);
}

static bool hear_exited(struct agents_host *host, const Chariot__V1__AgentExited *exited) {
    struct deploy_exit how = {.by_signal = exited->by_signal, .code = exited->code};
    if (pe_of(host, exited->pe) == NULL) return false;
    snprintf(how.running, sizeof how.running, "%s", exited->running);
    deploy_agents_gone(host->agents, exited->pe, &how);
    return true;
}

static bool hear_stopped(struct agents_host *host, const Chariot__V1__AgentStopped *stopped) {
    const struct deploy_launch *launch = host->agents->launch;
    struct deploy_exit how = {.by_signal = true, .code = stopped->number};
    if (pe_of(host, stopped->pe) == NULL || stopped->number < 1) return false;
    snprintf(how.running, sizeof how.running, "%s", stopped->running);
    launch->on_stopped(launch->context, stopped->pe, &how);
    return true;
}

static bool hear(struct agents_host *host, const Chariot__V1__AgentMessage *message) {
    struct deploy_bridge *bridge;
    struct deploy_reason reason;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_OPENED:
        if (host->opened) return false;
        on_opened(host);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_STARTED:
        if (pe_of(host, message->started->pe) == NULL) return false;
        pe_of(host, message->started->pe)->pid = message->started->pid;
        if (host->agents->launch->remote->timeline) ask_clock(host);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_CLOCK:
        deploy_clock_hear(&host->clock, message->clock->asked_ns, message->clock->answered_ns, deploy_clock_now_ns(),
                          message->clock->machine);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_DATA:
        return hear_data(host, message->data);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_TAKEN:
        bridge = bridge_of(host, message->taken->pe, message->taken->stream);
        return bridge != NULL && deploy_bridge_on_taken(bridge, message->taken->bytes);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_EXITED:
        return hear_exited(host, message->exited);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_STOPPED:
        return hear_stopped(host, message->stopped);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_FAILED:
        deploy_reason_set(&reason,
                          message->failed->status > 0 && message->failed->status < 256 ? (int)message->failed->status
                                                                                       : DEPLOY_STATUS_PES,
                          "host %s: %s", host->host->name, message->failed->text);
        lose(host, &reason);
        return true;
    default:
        return false;
    }
}

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct agents_host *host = context;
    struct deploy_reason reason;
    if (host->lost || hear(host, message)) return;
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "the agent on host %s said what makes no sense", host->host->name);
    lose(host, &reason);
}

/* ---------------------------------------------------------------- opening a host */

void deploy_agents_find_local(const struct agents_host *host, uint32_t *first, uint32_t *count) {
    const struct deploy_launch *launch = host->agents->launch;
    *first = *count = 0;
    if (launch->shm_dir != NULL) deploy_hosts_machine(&launch->remote->hosts, host->number, first, count);
}

static void say_open(struct agents_host *host) {
    const struct deploy_launch *launch = host->agents->launch;
    Chariot__V1__AgentOpen open = CHARIOT__V1__AGENT_OPEN__INIT;
    Chariot__V1__AgentWindow window = CHARIOT__V1__AGENT_WINDOW__INIT;
    size_t words = 0, environment = 0;
    while (launch->argv[words] != NULL) words++;
    while (launch->remote->environment[environment] != NULL) environment++;
    open.version = (char *)(uintptr_t)CHARIOT_VERSION;
    open.num_pes = launch->num_pes;
    open.path = (char *)(uintptr_t)launch->path;
    open.n_words = words;
    open.words = (char **)(uintptr_t)launch->argv;
    open.n_environment = environment;
    open.environment = (char **)(uintptr_t)launch->remote->environment;
    open.directory = (char *)(uintptr_t)launch->remote->directory;
    open.run_dir = host->run_dir;
    open.first_pe = host->host->first_pe;
    open.own_pes = host->host->num_pes;
    open.address = (char *)(uintptr_t)(host->host->address == NULL ? "" : host->host->address);
    open.reached = (char *)(uintptr_t)(host->host->reached == NULL ? "" : host->host->reached);
    open.interface = (char *)(uintptr_t)(launch->remote->interface == NULL ? "" : launch->remote->interface);
    open.ports = (char *)(uintptr_t)(launch->remote->ports == NULL ? "" : launch->remote->ports);
    deploy_agents_find_local(host, &open.local_first, &open.local_count);
    open.stop_patience_ms = (uint32_t)(launch->stop_patience_s * 1000);
    open.timeline = launch->remote->timeline;
    open.record = launch->remote->record != NULL;
    if (launch->terminal && deploy_terminal_size(&window.rows, &window.columns)) open.window = &window;
    deploy_relay_send(host->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_OPEN, &open);
}

/* Once a second: what has to be looked at again. */
static void on_tick(void *context) {
    struct agents_host *host = context;
    struct agents *agents = host->agents;
    if (agents->launch->remote->timeline) ask_clock(host);
    if (deploy_agents_host_of(agents, 0) != host || agents->input.fd < 0) return;
    if (agents->launch->terminal) deploy_terminal_take(&agents->terminal);
    deploy_bridge_retry(&agents->input);
}

int deploy_agents_reach(struct agents_host *host, struct deploy_reason *reason) {
    struct agents *agents = host->agents;
    if (host->relay != NULL) return 0;
    host->handler = (struct deploy_relay_handler){on_message, on_end, on_tick, host};
    int rc = agents->reach->reach(agents->reach_state, host->number, &host->handler, &host->relay, reason);
    if (rc == 0) say_open(host);
    return rc;
}
