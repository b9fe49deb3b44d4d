/* rpc/standin.h: the stand-in: a thread that moves bytes while a user's method computes.
 *
 * One per loop with a transport. It looks every 5 ms (every 50 ms when the scheduler has been idle for a second)
 * whether the loop has turned since; if it has not, and is not asleep, and the turns of all nodes on the loop are lent,
 * then it borrows them for moments and polls in the scheduler's stead: what arrives is given to the nodes' upcalls,
 * what waits is written. Waiting for more it holds no turn, so that a method that ends never waits for it.
 *
 * It also ends the loop's sleep in the completion queue: for rpc_loop_wake(), since signal handlers may write to an
 * eventfd and may not call gRPC, and for peers that have written to shared memory. */
#ifndef CHARIOT_RPC_STANDIN_H
#define CHARIOT_RPC_STANDIN_H

struct rpc_loop;
struct rpc_node;

/* From now on it serves the node, whose turn is shared from here on; it starts with the first node of a loop. By the
 * loop's thread. CHARIOT_ENOMEM; CHARIOT_EIO: no thread. */
int rpc_standin_join(struct rpc_loop *loop, struct rpc_node *node);
/* Not any more; left as often as joined. Leaves it paused: rpc_standin_resume() has it serve those that stay. */
void rpc_standin_leave(struct rpc_loop *loop, struct rpc_node *node);

/* Around changes of what it polls (the loop's hub and its shm ends): ends its thread, and starts it again where there
 * are nodes to be served. By the loop's thread. rpc_standin_resume: CHARIOT_ENOMEM, CHARIOT_EIO. */
void rpc_standin_pause(struct rpc_loop *loop);
int rpc_standin_resume(struct rpc_loop *loop);

#endif
