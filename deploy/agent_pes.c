/* The agent's PEs: started, gone, stopped. See agent_impl.h. */
#include <signal.h>
#include <unistd.h>

#include "deploy/agent_impl.h"

/* ---------------------------------------------------------------- saying */

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

/* ---------------------------------------------------------------- what becomes of them */

void deploy_agent_finish_streams(struct agent_pe *one) {
    for (int i = DEPLOY_AGENT_STREAMS - 1; i >= 0; i--) { /* what it wrote before what it said */
        if (deploy_bridge_drain(&one->bridges[i])) deploy_bridge_finish(&one->bridges[i]);
    }
}

void deploy_agent_on_exit(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_agent *agent = context;
    agent->pes[pe].gone = true;
    agent->alive--;
    if (pe == 0) deploy_agent_input_finish(&agent->input);
    deploy_agent_finish_streams(&agent->pes[pe]);
    say_exited(agent, pe, how);
    deploy_carry_add(&agent->carry, pe);
    deploy_agent_leave_if_done(agent);
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

void deploy_agent_on_stopped(void *context, uint32_t pe, const struct deploy_exit *how) {
    struct deploy_agent *agent = context;
    Chariot__V1__AgentStopped stopped = CHARIOT__V1__AGENT_STOPPED__INIT;
    stopped.pe = pe;
    stopped.number = how->code;
    stopped.running = (char *)(uintptr_t)how->running;
    deploy_relay_send(&agent->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_STOPPED, &stopped);
}

void deploy_agent_start_pe(struct deploy_agent *agent, uint32_t pe) {
    struct agent_pe *one = &agent->pes[pe];
    struct deploy_streams streams;
    struct deploy_reason reason;
    if (one->started) return;
    if (start_process(agent, pe, &streams, &reason) != 0) {
        deploy_agent_fail(agent, &reason);
        return;
    }
    one->started = agent->begun = true;
    agent->alive++;
    const int fds[DEPLOY_AGENT_STREAMS] = {streams.control, streams.out, streams.err};
    for (uint32_t i = 0; i < DEPLOY_AGENT_STREAMS; i++)
        deploy_bridge_open(&one->bridges[i], &agent->relay, pe, i, fds[i], true);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_OUT], &one->bridges[DEPLOY_STREAM_CONTROL]);
    deploy_bridge_order(&one->bridges[DEPLOY_STREAM_ERR], &one->bridges[DEPLOY_STREAM_CONTROL]);
    if (pe == 0)
        deploy_agent_input_open(&agent->input, &agent->relay, &one->bridges[DEPLOY_STREAM_OUT],
                                &one->bridges[DEPLOY_STREAM_ERR]);
    say_started(agent, pe);
}
