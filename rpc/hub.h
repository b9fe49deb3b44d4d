/* rpc/hub.h: gRPC's queue of events as the loop and the stand-in see it: behind an ops table, since gRPC and all of
 * ours that calls it are in a module of their own (rpc/module.h). grpc_hub.h says what each of them does. */
#ifndef CHARIOT_RPC_HUB_H
#define CHARIOT_RPC_HUB_H

#include <stdbool.h>
#include <stdint.h>

struct rpc_hub;
struct rpc_tag;

struct rpc_hub_ops {
    /* By the loop's thread, with the turns of its nodes. */
    int (*poll)(struct rpc_hub *hub, bool urgent);
    bool (*has_handed)(struct rpc_hub *hub);
    /* By the same, asleep. False: nothing came of it that the scheduler has to see. */
    bool (*handle_asleep)(struct rpc_hub *hub, struct rpc_tag *tag, bool ok);
    bool (*pulse)(struct rpc_hub *hub);
    int64_t (*next_pulse_ns)(const struct rpc_hub *hub);
    /* By the stand-in, with the turns. */
    int (*poll_instead)(struct rpc_hub *hub);
    /* By either, with the turns: an event that take() gave. */
    void (*handle)(struct rpc_tag *tag, bool ok);
    /* Any thread, without a turn. */
    bool (*take)(struct rpc_hub *hub, int64_t timeout_ns, struct rpc_tag **tag, bool *ok);
    void (*hand_over)(struct rpc_hub *hub, struct rpc_tag *tag, bool ok);
    void (*ring)(struct rpc_hub *hub);
};

#endif
