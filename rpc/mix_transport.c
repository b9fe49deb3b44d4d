/* rpc/mix_transport.c: two transports behind one ops table (mix.h).
 *
 * Closing: the near one first, then the far one, on every PE. Who closes the near one is waited for by nobody on its
 * host any more, since its sockets end; so no PE waits in the far one for a PE that waits in a near one for it. */
#include <stdlib.h>

#include "rpc/error.h"
#include "rpc/mix.h"

struct mix {
    struct rpc_transport base;
    struct rpc_transport *near, *far;
    uint32_t first, count;
};

static struct mix *mix_of(struct rpc_transport *transport) {
    return (struct mix *)transport;
}

static struct rpc_transport *way_to(const struct mix *mix, uint32_t pe) {
    return pe - mix->first < mix->count ? mix->near : mix->far; /* a number below `first` wraps round */
}

static int mix_send(struct rpc_transport *transport, uint32_t pe, struct chariot_msg *msg) {
    struct rpc_transport *way = way_to(mix_of(transport), pe);
    return way->ops->send(way, pe, msg);
}

static bool mix_pressed(struct rpc_transport *transport, uint32_t pe) {
    struct rpc_transport *way = way_to(mix_of(transport), pe);
    return way->ops->pressed(way, pe);
}

static int mix_poll(struct rpc_transport *transport, bool urgent) {
    struct mix *mix = mix_of(transport);
    int handled = mix->near->ops->poll(mix->near, urgent);
    return handled + mix->far->ops->poll(mix->far, urgent);
}

static bool mix_flushed(struct rpc_transport *transport) {
    struct mix *mix = mix_of(transport);
    return mix->near->ops->flushed(mix->near) && mix->far->ops->flushed(mix->far);
}

static void mix_close(struct rpc_transport *transport, bool abrupt) {
    struct mix *mix = mix_of(transport);
    mix->near->ops->close(mix->near, abrupt);
    mix->far->ops->close(mix->far, abrupt);
    free(mix);
}

static const struct rpc_transport_ops mix_ops = {
    .name = "mix",
    .send = mix_send,
    .pressed = mix_pressed,
    .poll = mix_poll,
    .flushed = mix_flushed,
    .close = mix_close,
};

int rpc_mix_open_take(struct rpc_node *node, const struct rpc_mix_config *config) {
    struct mix *mix = calloc(1, sizeof *mix);
    if (mix == NULL) return CHARIOT_ENOMEM;
    mix->base = (struct rpc_transport){
        .ops = &mix_ops, .up = node->up, .owner = node->owner, .pe = node->pe, .num_pes = node->num_pes};
    mix->near = config->near;
    mix->far = config->far;
    mix->first = config->first;
    mix->count = config->count;
    node->transport = &mix->base;
    return 0;
}
