/* rpc/grpc_pulse.h: how a PE notices that a peer on another host is not there any more although its connection has not
 * ended: the host is gone, a cable is cut in one direction or in both, the process is stopped.
 *
 * Eight times in the time of silence that a transport allows (rpc_grpc_config.silence_ms) there is a pulse: on every
 * link on which nothing was written since the last one goes an ALIVE; on every link on which nothing was read the
 * silence grows, and where it is too long the peer is gone. Both directions of a connection are watched, each by the
 * end that reads it.
 *
 * Time counts while this PE runs: a pulse that is late counts as one in time, so a job that was suspended as a whole
 * finds nobody silent when it goes on. A link that this PE does not read (its peer has too much here already) is not
 * listened to. The scheduler pulses, asleep or not, and the stand-in while a method computes. */
#ifndef CHARIOT_RPC_GRPC_PULSE_H
#define CHARIOT_RPC_GRPC_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/grpc_transport.h"

/* Pulses where it is time. True: a peer was reported as gone. */
bool rpc_grpc_pulse(struct rpc_grpc *g, int64_t now_ns);
/* When the next one is due; RPC_FOREVER_NS: there is nobody to be heard of. */
int64_t rpc_grpc_next_pulse_ns(const struct rpc_grpc *g);

#endif
