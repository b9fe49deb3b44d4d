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

#include "deploy/bridge.h"
#include "deploy/clock.h"
#include "deploy/fetch.h"
#include "deploy/launcher.h"
#include "deploy/reach.h"
#include "deploy/rundir.h"
#include "deploy/terminal.h"
#include "rpc/error.h"

enum { NUM_STREAMS = DEPLOY_STREAM_INPUT, CONTROL = DEPLOY_STREAM_CONTROL }; /* of every PE */

struct agents_pe {
    struct deploy_bridge bridges[NUM_STREAMS];
    int waiting[NUM_STREAMS]; /* what they will take when the PE begins; -1: none */
    long pid;                 /* there; 0: not heard of yet */
    bool started;             /* by the job: it is to begin when all hosts have opened */
    bool begun;               /* the agent was told to start it */
    int ended_by;             /* a signal that came before it began; 0: none */
    bool gone;
};

struct agents_host {
    struct agents *agents;
    size_t number;
    const struct deploy_host *host;
    struct deploy_relay *relay; /* the reach's; NULL: not reached */
    struct deploy_relay_handler handler;
    struct deploy_clock clock;
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    bool opened, lost;
};

struct agents {
    const struct deploy_launch *launch;
    const struct deploy_reach_ops *reach;
    void *reach_state;
    struct agents_host *hosts;
    struct agents_pe *pes;
    struct deploy_bridge input; /* our standard input, to PE 0 */
    struct deploy_terminal terminal;
    struct deploy_fetch fetch;
    bool gathering;
    ev_timer endings; /* of PEs that never began: on_exit is called from the loop */
};

static struct agents_host *host_of(struct agents *agents, uint32_t pe) {
    return &agents->hosts[deploy_hosts_of(&agents->launch->remote->hosts, pe)];
}

/* ---------------------------------------------------------------- what becomes of PEs */

static void check_gathered(struct agents *agents) {
    struct deploy_reason problem;
    if (!agents->gathering || agents->fetch.missing > 0) return;
    agents->gathering = false;
    bool cut = deploy_fetch_problem(&agents->fetch, &problem);
    agents->launch->on_gathered(agents->launch->context, cut ? &problem : NULL);
}

static void agents_gather(void *state) {
    struct agents *agents = state;
    agents->gathering = true;
    check_gathered(agents);
}

static void close_waiting(struct agents_pe *one) {
    for (int i = 0; i < NUM_STREAMS; i++) {
        if (one->waiting[i] >= 0) close(one->waiting[i]);
        one->waiting[i] = -1;
    }
}

static void gone(struct agents *agents, uint32_t pe, const struct deploy_exit *how) {
    struct agents_pe *one = &agents->pes[pe];
    if (one->gone) return;
    one->gone = true;
    close_waiting(one);
    if (!one->begun) deploy_fetch_give_up(&agents->fetch, pe); /* it has written nothing */
    if (pe == 0) {
        deploy_bridge_close(&agents->input);
        deploy_terminal_give_back(&agents->terminal);
    }
    deploy_bridge_end(&one->bridges[CONTROL]); /* whatever the reader of its output does */
    agents->launch->on_exit(agents->launch->context, pe, how);
}

static void on_endings(struct ev_loop *loop, ev_timer *timer, int events) {
    struct agents *agents = timer->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        const struct deploy_exit how = {.by_signal = true, .code = agents->pes[pe].ended_by};
        if (how.code != 0) gone(agents, pe, &how);
    }
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
        gone(agents, pe, &how);
        for (int i = 0; i < NUM_STREAMS; i++) deploy_bridge_end(&agents->pes[pe].bridges[i]); /* nothing more comes */
        deploy_fetch_give_up(&agents->fetch, pe);
    }
    check_gathered(agents);
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
    for (uint32_t i = 0; i < NUM_STREAMS; i++) {
        deploy_bridge_open(&one->bridges[i], host->relay, pe, i, one->waiting[i], i == CONTROL);
        one->waiting[i] = -1;
    }
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_OUT], &one->bridges[CONTROL]);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_ERR], &one->bridges[CONTROL]);
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
        if (one->started && one->ended_by == 0 && !one->gone) begin(host_of(agents, pe), pe);
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
    return one == NULL || stream >= NUM_STREAMS ? NULL : &one->bridges[stream];
}

static bool hear_file(struct agents_host *host, const Chariot__V1__AgentData *data) {
    struct agents *agents = host->agents;
    if (pe_of(host, data->pe) == NULL || !deploy_fetch_on_data(&agents->fetch, data, &host->clock)) return false;
    check_gathered(agents);
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
    gone(host->agents, exited->pe, &how);
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

/* The PEs with which those of a host share memory; 0: with none. */
static void find_local(const struct agents_host *host, uint32_t *first, uint32_t *count) {
    const struct deploy_launch *launch = host->agents->launch;
    *first = *count = 0;
    if (launch->shm_dir != NULL) deploy_hosts_machine(&launch->remote->hosts, host->number, first, count);
}

static void say_open(struct agents_host *host) {
    const struct deploy_launch *launch = host->agents->launch;
    char version[] = CHARIOT_VERSION;
    Chariot__V1__AgentOpen open = CHARIOT__V1__AGENT_OPEN__INIT;
    Chariot__V1__AgentWindow window = CHARIOT__V1__AGENT_WINDOW__INIT;
    size_t words = 0, environment = 0;
    while (launch->argv[words] != NULL) words++;
    while (launch->remote->environment[environment] != NULL) environment++;
    open.version = version;
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
    find_local(host, &open.local_first, &open.local_count);
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
    if (host_of(agents, 0) != host || agents->input.fd < 0) return;
    if (agents->launch->terminal) deploy_terminal_take(&agents->terminal);
    deploy_bridge_retry(&agents->input);
}

static int reach(struct agents_host *host, struct deploy_reason *reason) {
    struct agents *agents = host->agents;
    if (host->relay != NULL) return 0;
    host->handler = (struct deploy_relay_handler){on_message, on_end, on_tick, host};
    int rc = agents->reach->reach(agents->reach_state, host->number, &host->handler, &host->relay, reason);
    if (rc == 0) say_open(host);
    return rc;
}

/* ---------------------------------------------------------------- the operations */

/* Ends that the caller gets, and ends that bridges take. */
static int make_streams(int theirs[NUM_STREAMS], int ours[NUM_STREAMS]) {
    int pair[2];
    for (int i = 0; i < NUM_STREAMS; i++) {
        int rc = i == CONTROL ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC);
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
        if (i != CONTROL) (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static int agents_start(void *state, uint32_t pe, struct deploy_streams *streams, struct deploy_reason *reason) {
    struct agents *agents = state;
    struct agents_host *host = host_of(agents, pe);
    struct agents_pe *one = &agents->pes[pe];
    int theirs[NUM_STREAMS];
    int rc = reach(host, reason);
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
    deploy_relay_send(host_of(agents, pe)->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_SIGNAL, &signal);
}

static void agents_on_window(void *state) {
    struct agents *agents = state;
    Chariot__V1__AgentWindow window = CHARIOT__V1__AGENT_WINDOW__INIT;
    if (host_of(agents, 0)->relay == NULL) return;
    if (!agents->launch->terminal || !deploy_terminal_size(&window.rows, &window.columns)) return;
    deploy_relay_send(host_of(agents, 0)->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_WINDOW, &window);
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
    struct agents_host *host = host_of(agents, pe);
    *place = (struct deploy_place){.pid = agents->pes[pe].pid, .host = host->host->name, .run_dir = host->run_dir};
    find_local(host, &place->local_first, &place->local_count);
}

/* Agents leave when their streams end: all at once. */
static void agents_close(void *state) {
    struct agents *agents = state;
    size_t count = agents->launch->remote->hosts.count;
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        for (int i = 0; i < NUM_STREAMS; i++) deploy_bridge_close(&agents->pes[pe].bridges[i]);
        close_waiting(&agents->pes[pe]);
    }
    ev_timer_stop(agents->launch->loop, &agents->endings);
    deploy_bridge_close(&agents->input);
    deploy_terminal_give_back(&agents->terminal);
    deploy_fetch_deinit(&agents->fetch);
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) deploy_relay_flush(agents->hosts[i].relay, 0.5);
    }
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) deploy_relay_close(agents->hosts[i].relay);
    }
    for (size_t i = 0; i < count; i++) {
        if (agents->hosts[i].relay != NULL) agents->reach->leave(agents->reach_state, i);
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

static void init(struct agents *agents) {
    const struct deploy_hosts *hosts = &agents->launch->remote->hosts;
    for (size_t i = 0; i < hosts->count; i++) {
        agents->hosts[i] = (struct agents_host){.agents = agents, .number = i, .host = &hosts->items[i]};
        name_run_dir(&agents->hosts[i], hosts->items[i].machine);
    }
    for (uint32_t pe = 0; pe < agents->launch->num_pes; pe++) {
        for (int i = 0; i < NUM_STREAMS; i++) agents->pes[pe].bridges[i].fd = agents->pes[pe].waiting[i] = -1;
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
