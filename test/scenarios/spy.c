#include "test/scenarios/spy.h"

#include <CUnit/CUnit.h>

static uint64_t draw(struct spy *spy, uint64_t below) {
    return rpc_random_draw(spy->random) % below;
}

/* ---------------------------------------------------------------- what is overheard */

static int send_on(struct rpc_transport *end, uint32_t pe, struct chariot_msg *msg) {
    struct spy *spy = end->owner;
    struct rpc_transport *real = spy->real[end->pe];
    if (spy->num_seen < SPY_SEEN) {
        spy->seen[spy->num_seen] = rpc_msg_copy(msg);
        CU_ASSERT_PTR_NOT_NULL_FATAL(spy->seen[spy->num_seen]);
        spy->num_seen++;
    }
    return real->ops->send(real, pe, msg);
}

static int poll_on(struct rpc_transport *end, bool urgent) {
    struct spy *spy = end->owner;
    return spy->real[end->pe]->ops->poll(spy->real[end->pe], urgent);
}

static const struct rpc_transport_ops ops = {.name = "spy", .send = send_on, .poll = poll_on};

void spy_open(struct spy *spy, struct world *world, struct rpc_random *random) {
    CU_ASSERT_TRUE_FATAL(world->num_pes <= SPY_PES);
    *spy = (struct spy){.world = world, .random = random};
    for (uint32_t i = 0; i < world->num_pes; i++) {
        spy->real[i] = world->pes[i].node.transport;
        spy->ends[i] = (struct rpc_transport){.ops = &ops, .owner = spy, .pe = i, .num_pes = world->num_pes};
        world->pes[i].node.transport = &spy->ends[i];
    }
}

void spy_close(struct spy *spy) {
    for (uint32_t i = 0; i < spy->world->num_pes; i++) spy->world->pes[i].node.transport = spy->real[i];
    while (spy->num_seen > 0) rpc_msg_unref(spy->seen[--spy->num_seen]);
}

void spy_know(struct spy *spy, uint64_t id) {
    if (spy->num_ids < SPY_IDS)
        spy->ids[spy->num_ids++] = id;
    else
        spy->ids[draw(spy, SPY_IDS)] = id;
}

/* ---------------------------------------------------------------- what is sent */

static uint64_t any_word(struct spy *spy) {
    const uint64_t words[] = {0,
                              1,
                              2,
                              UINT64_MAX,
                              (uint64_t)1 << draw(spy, 64),
                              draw(spy, 100),
                              obj_id_make(CHARIOT_GROUP, (uint32_t)draw(spy, 9), draw(spy, 9)),
                              obj_id_make((uint32_t)draw(spy, 8), (uint32_t)draw(spy, 9), draw(spy, 9)),
                              obj_id_make(0, (uint32_t)draw(spy, spy->world->num_pes), draw(spy, 9))};
    uint64_t at = draw(spy, sizeof words / sizeof words[0] + spy->num_ids);
    return at < spy->num_ids ? spy->ids[at] : words[at - spy->num_ids];
}

static void change_field(struct spy *spy, struct chariot_msg *msg) {
    switch (draw(spy, 11)) {
    case 0:
        msg->kind = (uint8_t)(RPC_KIND_FIRST_USER + draw(spy, OBJ_KIND_END - RPC_KIND_FIRST_USER + 1));
        break;
    case 1:
        msg->flags ^= (uint8_t)(1u << draw(spy, 8));
        break;
    case 2:
        msg->ndims = (uint8_t)draw(spy, 9);
        break;
    case 3:
        msg->from = (uint32_t)draw(spy, spy->world->num_pes + 1);
        break;
    case 4:
        msg->method = draw(spy, 2) ? (uint32_t)any_word(spy) : OBJ_METHOD_FIRST_PSEUDO + (uint32_t)draw(spy, 7);
        break;
    case 5:
        msg->root = (uint32_t)draw(spy, spy->world->num_pes + 1);
        break;
    case 6:
        msg->target = any_word(spy);
        break;
    case 7:
        msg->index[draw(spy, 3)] = any_word(spy);
        break;
    case 8:
        msg->reply = any_word(spy);
        break;
    case 9:
        msg->seq = draw(spy, 2) ? any_word(spy) : msg->seq + 1;
        break;
    default:
        msg->hops = (uint8_t)draw(spy, 256);
    }
}

/* Not the sizes of a collection: what is well-formed may be as large as it says. */
static void change_payload(struct spy *spy, struct chariot_msg *msg) {
    size_t from = msg->kind == OBJ_KIND_CREATE ? 80 : 0;
    if (msg->size <= from) return;
    if (draw(spy, 4) == 0) msg->size = draw(spy, msg->size + 1);
    for (uint64_t i = draw(spy, 4); i > 0 && msg->size > from; i--) {
        rpc_msg_payload(msg)[from + draw(spy, msg->size - from)] ^= (uint8_t)(1u << draw(spy, 8));
    }
}

void spy_inject(struct spy *spy) {
    struct chariot_msg *msg = rpc_msg_copy(spy->seen[draw(spy, spy->num_seen)]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    for (uint64_t i = draw(spy, 4); i > 0; i--) change_field(spy, msg);
    if (draw(spy, 2) == 0) change_payload(spy, msg);
    uint32_t to = (uint32_t)draw(spy, spy->world->num_pes);
    obj_upcalls.on_message_take(&spy->world->pes[to], msg);
    world_wake(spy->world, to);
}
