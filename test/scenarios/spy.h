/* test/scenarios/spy.h: what a broken PE of a job may send: copies of messages that were overheard, nearly right, to
 * any PE, at any time. Found by the sanitizers, not by asserts. */
#ifndef CHARIOT_TEST_SCENARIOS_SPY_H
#define CHARIOT_TEST_SCENARIOS_SPY_H

#include "rpc/sim_flight.h"
#include "test/scenarios/world.h"

enum { SPY_PES = 8, SPY_SEEN = 2000, SPY_IDS = 32 };

struct spy {
    struct world *world;
    struct rpc_random *random;
    struct rpc_transport *real[SPY_PES];
    struct rpc_transport ends[SPY_PES];
    struct chariot_msg *seen[SPY_SEEN]; /* copies of what was sent */
    size_t num_seen;
    uint64_t ids[SPY_IDS]; /* of collections that there are */
    uint32_t num_ids;
};
/* The world, of at most SPY_PES PEs, and random are lent until spy_close(), which comes before world_close(). */
void spy_open(struct spy *spy, struct world *world, struct rpc_random *random);
void spy_close(struct spy *spy);
/* An id that broken messages may well name. */
void spy_know(struct spy *spy, uint64_t id);
void spy_inject(struct spy *spy);

#endif
