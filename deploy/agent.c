/* deploy/agent.c: see agent.h.
 *
 *   (a member: AgentMember ->)
 *   OPEN -> OPENED -> START for each PE -> (data, signals) -> EXITED for each -> the launcher closes the stream -> gone
 *
 * What ends it before: the stream's end, silence, a signal. Then its PEs get SIGTERM, a second later SIGKILL, and the
 * agent leaves when they have. */
#include "deploy/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "deploy/agent_impl.h"
#include "deploy/clock.h"
#include "deploy/options.h"
#include "deploy/rundir.h"
#include "rpc/error.h"

#define FIRST_WORD_S 60.0 /* for the launcher to say what it wants */
#define KILL_AFTER_S 1.0

/* ---------------------------------------------------------------- the end */

void deploy_agent_leave_if_done(struct deploy_agent *agent) {
    if (agent->leaving && agent->alive == 0) ev_break(agent->loop, EVBREAK_ALL);
}

static void on_kill(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_agent *agent = watcher->data;
    (void)loop, (void)events;
    for (uint32_t pe = 0; pe < agent->launch.num_pes; pe++) {
        if (agent->pes[pe].started) deploy_local_ops.signal(agent->launcher, pe, SIGKILL, false);
    }
}

void deploy_agent_leave(struct deploy_agent *agent) {
    if (agent->leaving) return;
    agent->leaving = true;
    for (uint32_t pe = 0; agent->launcher != NULL && pe < agent->launch.num_pes; pe++) {
        if (agent->pes[pe].started) deploy_local_ops.signal(agent->launcher, pe, SIGTERM, false);
    }
    ev_timer_set(&agent->kill, KILL_AFTER_S, 0.);
    ev_timer_start(agent->loop, &agent->kill);
    deploy_agent_leave_if_done(agent);
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
    deploy_agent_leave(agent);
}

static void on_signal(void *context, int number, bool from_terminal) {
    struct deploy_agent *agent = context;
    (void)from_terminal;
    if (number != SIGINT && number != SIGTERM && number != SIGHUP && number != SIGQUIT) return;
    if (agent->is_member && !agent->leaving) agent->status = DEPLOY_STATUS_SIGNAL + number;
    deploy_agent_leave(agent);
}

void deploy_agent_fail(struct deploy_agent *agent, const struct deploy_reason *reason) {
    Chariot__V1__AgentFailed failed = CHARIOT__V1__AGENT_FAILED__INIT;
    failed.status = (uint32_t)reason->status;
    failed.text = (char *)(uintptr_t)reason->text;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_FAILED, &failed);
    deploy_agent_leave(agent);
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
    if (agent->pes[taken->pe].gone) deploy_agent_finish_streams(&agent->pes[taken->pe]);
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
    deploy_agent_leave(agent);
}

/* False: that makes no sense. */
static bool hear(struct deploy_agent *agent, const Chariot__V1__AgentMessage *message) {
    struct deploy_bridge *bridge;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_OPEN:
        deploy_agent_on_open(agent, message->open);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_REFUSED:
        on_refused(agent, message->refused);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_START:
        if (!is_own(agent, message->start->pe)) return false;
        if (!agent->leaving) deploy_agent_start_pe(agent, message->start->pe);
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
        if (agent->ready != NULL) deploy_ready_say(agent->ready, agent->launch.num_pes, NULL);
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
    deploy_agent_fail(agent, &reason);
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
        for (int i = 0; i < DEPLOY_AGENT_STREAMS; i++) deploy_bridge_close(&agent->pes[pe].bridges[i]);
    }
    deploy_agent_input_close(&agent->input);
    deploy_carry_deinit(&agent->carry);
    deploy_relay_close(&agent->relay);
    if (agent->launcher != NULL) deploy_local_ops.close(agent->launcher);
    if (agent->run_dir != NULL) deploy_rundir_remove(agent->run_dir);
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
    int rc =
        deploy_guard_start(&agent->guard, stream->in, reason); /* first of all: who stops us now is not forgotten */
    return rc != 0 ? rc : deploy_signals_open(&agent->signals, loop, reason);
}

static void deinit(struct deploy_agent *agent) {
    for (size_t i = 0; agent->words != NULL && agent->words[i] != NULL; i++) free(agent->words[i]);
    free(agent->words);
    free(agent->path);
    free(agent->run_dir);
    free(agent->pes);
    deploy_relay_close(&agent->relay);
    deploy_signals_close(&agent->signals);
    deploy_guard_done(&agent->guard);
}

/* ---------------------------------------------------------------- a member's */

int deploy_agent_new(struct deploy_agent **out, struct ev_loop *loop, const struct deploy_stream *stream,
                     const struct deploy_membership *self, const char *address, struct deploy_ready *ready,
                     struct deploy_reason *reason) {
    struct deploy_agent *agent = calloc(1, sizeof *agent);
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
    member.version = (char *)(uintptr_t)CHARIOT_VERSION;
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
    deploy_agent_fail(agent, reason);
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
