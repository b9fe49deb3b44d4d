/* deploy/agent.c: see agent.h.
 *
 *   (a member: AgentMember ->)
 *   OPEN -> OPENED -> START for each PE -> (data, signals) -> EXITED for each -> the launcher closes the stream -> gone
 *
 * What ends it before: the stream's end, silence, a signal. Then its PEs get SIGTERM, a second later SIGKILL, and the
 * agent leaves when they have. */
#include "deploy/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/address.h"
#include "deploy/agent_input.h"
#include "deploy/bridge.h"
#include "deploy/carry.h"
#include "deploy/clock.h"
#include "deploy/guard.h"
#include "deploy/launcher.h"
#include "deploy/options.h"
#include "deploy/rundir.h"
#include "deploy/signals.h"
#include "rpc/error.h"

enum { NUM_STREAMS = DEPLOY_STREAM_INPUT }; /* of every PE */
#define FIRST_WORD_S 60.0                   /* for the launcher to say what it wants */
#define KILL_AFTER_S 1.0

struct agent_pe {
    struct deploy_bridge bridges[NUM_STREAMS];
    bool started, gone;
};

struct deploy_agent {
    struct ev_loop *loop;
    const char *address; /* by which it has dialled in; NULL: it has not */
    bool is_member;      /* it has dialled in: its end is for people */
    uint32_t member;
    int status;
    struct deploy_relay relay;
    struct deploy_relay_handler relay_handler;
    struct deploy_signals signals;
    struct deploy_guard guard;
    struct deploy_launch launch;
    void *launcher; /* local.c's; NULL: not open */
    struct agent_pe *pes;
    struct deploy_agent_input input; /* PE 0's */
    struct deploy_carry carry;
    char *path, *run_dir;
    char **words;
    uint32_t alive;
    bool begun;                 /* a PE has started */
    struct deploy_ready *ready; /* a member's; NULL: none */
    bool leaving;
    ev_timer kill;
};

/* ---------------------------------------------------------------- saying */

static void say_failed(struct deploy_agent *agent, const struct deploy_reason *reason) {
    Chariot__V1__AgentFailed failed = CHARIOT__V1__AGENT_FAILED__INIT;
    failed.status = (uint32_t)reason->status;
    failed.text = (char *)(uintptr_t)reason->text;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_FAILED, &failed);
}

static void say_opened(struct deploy_agent *agent) {
    Chariot__V1__AgentOpened opened = CHARIOT__V1__AGENT_OPENED__INIT;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_OPENED, &opened);
}

static void say_started(struct deploy_agent *agent, uint32_t pe) {
    Chariot__V1__AgentStarted started = CHARIOT__V1__AGENT_STARTED__INIT;
    struct deploy_place place;
    deploy_local_ops.where(agent->launcher, pe, &place);
    started.pe = pe;
    started.pid = place.pid;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_STARTED, &started);
}

static void say_exited(struct deploy_agent *agent, uint32_t pe, const struct deploy_exit *how) {
    Chariot__V1__AgentExited exited = CHARIOT__V1__AGENT_EXITED__INIT;
    exited.pe = pe;
    exited.by_signal = how->by_signal;
    exited.code = how->code;
    exited.running = (char *)(uintptr_t)how->running;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_EXITED, &exited);
}

/* ---------------------------------------------------------------- the end */

static void leave_if_done(struct deploy_agent *agent) {
    if (agent->leaving && agent->alive == 0) ev_break(agent->loop, EVBREAK_ALL);
}

static void on_kill(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_agent *agent = watcher->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < agent->launch.num_pes; pe++) {
        if (agent->pes[pe].started) deploy_local_ops.signal(agent->launcher, pe, SIGKILL, false);
    }
}

static void leave(struct deploy_agent *agent) {
    if (agent->leaving) return;
    agent->leaving = true;
    for (uint32_t pe = 0; agent->launcher != NULL && pe < agent->launch.num_pes; pe++) {
        if (agent->pes[pe].started) deploy_local_ops.signal(agent->launcher, pe, SIGTERM, false);
    }
    ev_timer_set(&agent->kill, KILL_AFTER_S, 0.);
    ev_timer_start(agent->loop, &agent->kill);
    leave_if_done(agent);
}

/* The launcher closes the stream when all is over; before, it is lost. */
static void on_end(void *context, enum deploy_relay_end how) {
    static const char *const whats[] = {"the head has ended the connection before the job began; it has said why",
                                        "the head is gone; its PEs here are ended",
                                        "the head has not been heard of for 5 seconds; its PEs here are ended"};
    struct deploy_agent *agent = context;
    bool over = how == DEPLOY_RELAY_CLOSED && agent->begun && agent->alive == 0;
    if (agent->is_member && !over && !agent->leaving) {
        int what = how == DEPLOY_RELAY_SILENT ? 2 : agent->launcher != NULL;
        fprintf(stderr, "chariot: member %u: %s\n", agent->member, whats[what]);
        agent->status = DEPLOY_STATUS_PES;
    }
    leave(agent);
}

static void on_signal(void *context, int number, bool from_terminal) {
    struct deploy_agent *agent = context;
    (void)from_terminal;
    if (number != SIGINT && number != SIGTERM && number != SIGHUP && number != SIGQUIT) return;
    if (agent->is_member && !agent->leaving) agent->status = DEPLOY_STATUS_SIGNAL + number;
    leave(agent);
}

static void fail(struct deploy_agent *agent, const struct deploy_reason *reason) {
    say_failed(agent, reason);
    leave(agent);
}

/* ---------------------------------------------------------------- PEs */

/* It is gone: of its streams what is there now is all. */
static void finish_streams(struct agent_pe *one) {
    for (int i = NUM_STREAMS - 1; i >= 0; i--) { /* what it wrote before what it said */
        if (deploy_bridge_drain(&one->bridges[i])) deploy_bridge_finish(&one->bridges[i]);
    }
}

static void on_exit_of(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_agent *agent = context;
    agent->pes[pe].gone = true;
    agent->alive--;
    if (pe == 0) deploy_agent_input_finish(&agent->input);
    finish_streams(&agent->pes[pe]);
    say_exited(agent, pe, how);
    deploy_carry_add(&agent->carry, pe);
    leave_if_done(agent);
}

static int start_process(struct deploy_agent *agent, uint32_t pe, struct deploy_streams *streams,
                         struct deploy_reason *reason) {
    int input = -1, rc = pe == 0 ? deploy_agent_input_make(&agent->input, &input, reason) : 0;
    agent->launch.input = input;
    agent->launch.own_terminal = agent->input.rows > 0;
    if (rc == 0) rc = deploy_local_ops.start(agent->launcher, pe, streams, reason);
    if (input >= 0) close(input);
    return rc;
}

static void on_stopped(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_agent *agent = context;
    Chariot__V1__AgentStopped stopped = CHARIOT__V1__AGENT_STOPPED__INIT;
    stopped.pe = pe;
    stopped.number = how->code;
    stopped.running = (char *)(uintptr_t)how->running;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_STOPPED, &stopped);
}

static void start(struct deploy_agent *agent, uint32_t pe) {
    struct agent_pe *one = &agent->pes[pe];
    struct deploy_streams streams;
    struct deploy_reason reason;
    if (one->started) return;
    if (start_process(agent, pe, &streams, &reason) != 0) {
        fail(agent, &reason);
        return;
    }
    one->started = agent->begun = true;
    agent->alive++;
    const int fds[NUM_STREAMS] = {streams.control, streams.out, streams.err};
    for (uint32_t i = 0; i < NUM_STREAMS; i++) deploy_bridge_open(&one->bridges[i], &agent->relay, pe, i, fds[i], true);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_OUT], &one->bridges[DEPLOY_STREAM_CONTROL]);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_ERR], &one->bridges[DEPLOY_STREAM_CONTROL]);
    if (pe == 0)
        deploy_agent_input_open(&agent->input, &agent->relay, &one->bridges[DEPLOY_STREAM_OUT],
                                &one->bridges[DEPLOY_STREAM_ERR]);
    say_started(agent, pe);
}

/* ---------------------------------------------------------------- opening */

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
        for (int i = 0; i < NUM_STREAMS; i++) agent->pes[pe].bridges[i].fd = -1;
    }
    int rc = deploy_guard_start(&agent->guard, agent->run_dir, agent->relay.stream.in, reason);
    if (rc == 0) rc = deploy_rundir_join(agent->run_dir, reason);
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
                                           .on_exit = on_exit_of,
                                           .on_stopped = on_stopped,
                                           .context = agent};
    getrlimit(RLIMIT_NOFILE, &agent->launch.open_files);
    return deploy_local_ops.open(&agent->launch, &agent->launcher, reason);
}

static void on_open(struct deploy_agent *agent, const Chariot__V1__AgentOpen *open) {
    struct deploy_reason reason;
    int rc = check(agent, open, &reason);
    if (rc == 0) rc = set_surroundings(agent, open, &reason);
    if (rc == 0) rc = open_launcher(agent, open, &reason);
    if (rc != 0)
        fail(agent, &reason);
    else
        say_opened(agent);
}

/* ---------------------------------------------------------------- what the launcher says */

static bool is_own(const struct deploy_agent *agent, uint32_t pe) {
    return agent->launcher != NULL && pe >= agent->launch.first_pe &&
           pe - agent->launch.first_pe < agent->launch.own_pes;
}

static struct deploy_bridge *bridge_of(struct deploy_agent *agent, uint32_t pe, uint32_t stream) {
    if (agent->launcher == NULL || stream > DEPLOY_STREAM_INPUT) return NULL;
    if (stream == DEPLOY_STREAM_INPUT) return pe == 0 && agent->pes[0].started ? &agent->input.bridge : NULL;
    if (!is_own(agent, pe)) return NULL;
    return agent->pes[pe].started ? &agent->pes[pe].bridges[stream] : NULL;
}

static bool hear_data(struct deploy_agent *agent, const Chariot__V1__AgentData *data) {
    if (data->stream >= DEPLOY_STREAM_TIMELINE) return data->data.len == 0; /* no room there: it goes on to be taken */
    struct deploy_bridge *bridge = bridge_of(agent, data->pe, data->stream);
    bool takes = data->stream == DEPLOY_STREAM_CONTROL || data->stream == DEPLOY_STREAM_INPUT;
    return bridge != NULL && (takes || data->data.len == 0) && deploy_bridge_on_data(bridge, data);
}

static bool hear_taken(struct deploy_agent *agent, const Chariot__V1__AgentTaken *taken) {
    if (taken->stream >= DEPLOY_STREAM_TIMELINE) return deploy_carry_on_taken(&agent->carry, taken);
    struct deploy_bridge *bridge = bridge_of(agent, taken->pe, taken->stream);
    if (bridge == NULL || !deploy_bridge_on_taken(bridge, taken->bytes)) return false;
    if (agent->pes[taken->pe].gone) finish_streams(&agent->pes[taken->pe]);
    return true;
}

static void answer_clock(struct deploy_agent *agent, const Chariot__V1__AgentClock *asked) {
    char machine[DEPLOY_MACHINE_MAX];
    Chariot__V1__AgentClock clock = CHARIOT__V1__AGENT_CLOCK__INIT;
    deploy_clock_machine(machine);
    clock.asked_ns = asked->asked_ns;
    clock.answered_ns = deploy_clock_now_ns();
    clock.machine = machine;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_CLOCK, &clock);
}

static void on_refused(struct deploy_agent *agent, const Chariot__V1__AgentRefused *refused) {
    fprintf(stderr, "chariot: member %u is not wanted: %s\n", agent->member, refused->text);
    agent->status = refused->status > 0 && refused->status < 256 ? (int)refused->status : DEPLOY_STATUS_PES;
    leave(agent);
}

/* False: that makes no sense. */
static bool hear(struct deploy_agent *agent, const Chariot__V1__AgentMessage *message) {
    struct deploy_bridge *bridge;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_OPEN:
        on_open(agent, message->open);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_REFUSED:
        on_refused(agent, message->refused);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_START:
        if (!is_own(agent, message->start->pe)) return false;
        if (!agent->leaving) start(agent, message->start->pe);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_SIGNAL:
        bridge = bridge_of(agent, message->signal->pe, 0);
        if (bridge == NULL || message->signal->number < 1 || message->signal->number >= NSIG) return false;
        deploy_local_ops.signal(agent->launcher, message->signal->pe, message->signal->number, false);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_DATA:
        return hear_data(agent, message->data);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_TAKEN:
        return hear_taken(agent, message->taken);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_CLOCK:
        answer_clock(agent, message->clock);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_PAUSE:
        deploy_relay_pause(&agent->relay, message->pause->paused);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_READY:
        if (agent->ready != NULL) deploy_ready_say(agent->ready, agent->launch.num_pes);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_WINDOW:
        deploy_agent_input_resize(&agent->input, message->window);
        return true;
    default:
        return false;
    }
}

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct deploy_agent *agent = context;
    struct deploy_reason reason;
    if (hear(agent, message)) return;
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "the agent there got a message that makes no sense");
    fail(agent, &reason);
}

/* ---------------------------------------------------------------- life */

/* The stream gets descriptors of its own: nothing that runs here may print into it. */
static int move_stream(int fd, int flags) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", flags | O_CLOEXEC);
    if (moved < 0 || null < 0 || dup2(null, fd) < 0) return -1;
    close(null);
    return moved;
}

static void run(struct deploy_agent *agent) {
    ev_run(agent->loop, 0);
    deploy_relay_flush(&agent->relay, KILL_AFTER_S);
    ev_timer_stop(agent->loop, &agent->kill);
    for (uint32_t pe = 0; agent->pes != NULL && pe < agent->launch.num_pes; pe++) {
        for (int i = 0; i < NUM_STREAMS; i++) deploy_bridge_close(&agent->pes[pe].bridges[i]);
    }
    deploy_agent_input_close(&agent->input);
    deploy_carry_deinit(&agent->carry);
    deploy_relay_close(&agent->relay);
    if (agent->launcher != NULL) deploy_local_ops.close(agent->launcher);
    if (agent->run_dir != NULL) deploy_rundir_remove(agent->run_dir);
    deploy_guard_done(&agent->guard);
}

/* Takes the stream. */
static int init(struct deploy_agent *agent, struct ev_loop *loop, const struct deploy_stream *stream,
                struct deploy_reason *reason) {
    agent->loop = loop;
    agent->guard.fd = agent->input.bridge.fd = agent->input.ours = -1;
    agent->relay_handler = (struct deploy_relay_handler){on_message, on_end, NULL, agent};
    agent->signals = (struct deploy_signals){.fd = -1, .on_signal = on_signal, .context = agent};
    ev_timer_init(&agent->kill, on_kill, KILL_AFTER_S, 0.);
    agent->kill.data = agent;
    deploy_relay_open(&agent->relay, loop, stream, FIRST_WORD_S, &agent->relay_handler);
    return deploy_signals_open(&agent->signals, loop, reason);
}

static void deinit(struct deploy_agent *agent) {
    for (size_t i = 0; agent->words != NULL && agent->words[i] != NULL; i++) free(agent->words[i]);
    free(agent->words);
    free(agent->path);
    free(agent->run_dir);
    free(agent->pes);
    deploy_relay_close(&agent->relay);
    deploy_signals_close(&agent->signals);
}

/* ---------------------------------------------------------------- a member's */

int deploy_agent_new(struct deploy_agent **out, struct ev_loop *loop, const struct deploy_stream *stream,
                     const struct deploy_membership *self, const char *address, struct deploy_ready *ready,
                     struct deploy_reason *reason) {
    struct deploy_agent *agent = calloc(1, sizeof *agent);
    char version[] = CHARIOT_VERSION;
    Chariot__V1__AgentMember member = CHARIOT__V1__AGENT_MEMBER__INIT;
    if (agent == NULL) {
        struct deploy_stream left = *stream;
        deploy_stream_close(&left);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    agent->address = address;
    agent->is_member = true;
    agent->ready = ready;
    agent->member = self->member;
    int rc = init(agent, loop, stream, reason);
    if (rc != 0) {
        deploy_agent_free(agent);
        return rc;
    }
    member.version = version;
    member.member = self->member;
    member.members = self->members;
    member.host = (char *)(uintptr_t)self->host;
    member.machine = (char *)(uintptr_t)self->machine;
    member.pid = getpid();
    member.epoch = self->stamp.epoch;
    member.registration = self->stamp.registration;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER, &member);
    *out = agent;
    return 0;
}

int deploy_agent_run(struct deploy_agent *agent) {
    run(agent);
    return agent->status;
}

void deploy_agent_end(struct deploy_agent *agent, const struct deploy_reason *reason) {
    if (agent->leaving) return;
    deploy_reason_print(reason);
    agent->status = reason->status;
    fail(agent, reason);
}

void deploy_agent_free(struct deploy_agent *agent) {
    if (agent == NULL) return;
    deinit(agent);
    free(agent);
}

/* ---------------------------------------------------------------- the sub-command */

int deploy_agent(const char *argv0, char **argv) {
    struct deploy_agent agent = {0};
    struct deploy_reason reason;
    (void)argv0, (void)argv;
    int in = move_stream(STDIN_FILENO, O_RDONLY), out = move_stream(STDOUT_FILENO, O_WRONLY);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (in < 0 || out < 0 || loop == NULL) {
        fprintf(stderr, "chariot: agent: no descriptors or memory to be had\n");
        return DEPLOY_STATUS_OS;
    }
    struct deploy_stream stream = deploy_stream_plain(in, out);
    int rc = init(&agent, loop, &stream, &reason);
    if (rc == 0)
        run(&agent);
    else
        deploy_reason_print(&reason);
    deinit(&agent);
    ev_loop_destroy(loop);
    return rc == 0 ? 0 : reason.status;
}

void deploy_agent_help(void) {
    puts("usage: chariot agent\n\nStarts PEs for a launcher on another host, which speaks chariot/v1/agent.proto to it "
         "by\n"
         "standard input and output. 'chariot run --hosts' starts it there by ssh; nobody else need.");
}
