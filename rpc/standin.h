/* rpc/standin.h: the stand-in: a thread that moves bytes while a user's method computes.
 *
 * One per loop with gRPC. It looks every 5 ms (every 50 ms when the scheduler has been idle for a second) whether the
 * loop has turned since; if it has not, and is not asleep, and the turns of all nodes on the loop are lent, then it
 * borrows them for moments and polls in the scheduler's stead: what arrives is given to the nodes' upcalls, what waits
 * is written. Waiting for more it holds no turn, so that a method that ends never waits for it.
 *
 * It also ends the loop's sleep in the completion queue for rpc_loop_wake(): signal handlers may write to an eventfd,
 * and may not call gRPC. */
#ifndef CHARIOT_RPC_STANDIN_H
#define CHARIOT_RPC_STANDIN_H

struct rpc_hub;
struct rpc_standin;

/* CHARIOT_ENOMEM; CHARIOT_EIO: no thread. The hub must outlive it. */
int rpc_standin_start(struct rpc_hub *hub, struct rpc_standin **out);
/* Joins the thread and frees. Takes NULL. */
void rpc_standin_stop(struct rpc_standin *standin);

/* Held while the hub's list of transports changes. */
void rpc_standin_lock(struct rpc_standin *standin);
void rpc_standin_unlock(struct rpc_standin *standin);

#endif
