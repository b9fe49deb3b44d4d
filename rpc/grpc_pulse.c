/* rpc/grpc_pulse.c: see grpc_pulse.h. */
#include "rpc/grpc_pulse.h"

#include <stdio.h>

#include "rpc/error.h"
#include "rpc/grpc_link.h"

enum { PULSES_IN_SILENCE = 8 };

static int64_t period_ns(const struct rpc_grpc *g) {
    return (int64_t)g->silence_ms * 1000000 / PULSES_IN_SILENCE;
}

int64_t rpc_grpc_next_pulse_ns(const struct rpc_grpc *g) {
    return g->silence_ms == 0 || g->links == NULL ? RPC_FOREVER_NS : g->pulsed_ns + period_ns(g);
}

static void give_up(struct rpc_link *link) {
    char who[RPC_PEER_TEXT_BYTES], text[RPC_PEER_TEXT_BYTES + 64];
    rpc_grpc_describe_peer(link->g, link->pe, who);
    snprintf(text, sizeof text, "nothing has come from %s for %.1f seconds", who, link->g->silence_ms / 1000.);
    rpc_grpc_peer_gone(link->g, link->pe, CHARIOT_ETIMEOUT, text);
}

/* True: its peer is gone. */
static bool is_silent(struct rpc_link *link, uint32_t passed_ms) {
    bool nothing = !link->heard && link->reading;
    link->silent_ms = nothing ? link->silent_ms + passed_ms : 0;
    link->heard = false;
    if (link->silent_ms < link->g->silence_ms) return false;
    give_up(link);
    return true;
}

bool rpc_grpc_pulse(struct rpc_grpc *g, int64_t now_ns) {
    int64_t passed_ns = now_ns - g->pulsed_ns;
    bool news = false;
    if (g->silence_ms == 0 || passed_ns < period_ns(g)) return false;
    if (passed_ns > 2 * period_ns(g)) passed_ns = period_ns(g);
    g->pulsed_ns = now_ns;
    for (struct rpc_link *link = g->links; link != NULL; link = link->next) {
        if (link->state != RPC_LINK_OPEN) continue;
        if (is_silent(link, (uint32_t)(passed_ns / 1000000))) {
            news = true;
            continue;
        }
        if (!link->said) rpc_link_say_alive(link);
        link->said = false;
    }
    return news;
}
