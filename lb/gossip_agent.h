/* lb/gossip_agent.h: what is inside of an agent of lb/gossip.h, for gossip_agent.c, gossip_trade.c. */
#ifndef CHARIOT_LB_GOSSIP_AGENT_H
#define CHARIOT_LB_GOSSIP_AGENT_H

#include "lb/gossip.h"

enum gossip_kind {
    GOSSIP_KNOW = 1, /* entries: PE, time */
    GOSSIP_OFFER,    /* entries: objects, and the giver's time before it gave each */
    GOSSIP_ANSWER,   /* entries: objects that are not wanted, or given in exchange */
    GOSSIP_CLAIM,    /* entries: objects whose last holder sends this */
};

/* All messages are entries of 32 bytes after a head of 32. */
struct gossip_head {
    uint32_t kind, count;
    double speed, seconds; /* of the sender, and what it takes now */
    double settled;        /* in an answer: the work that was offered */
};

struct gossip_entry {
    uint64_t key; /* an object's, or a PE */
    double load;
    double time;
    uint32_t home;
    uint32_t choice; /* in an offer: 1: one of those that follow each other may be taken */
};

struct gossip_known {
    uint32_t pe;
    bool asked; /* for an exchange, in this step */
    double time;
};

/* A list of entries on its way out; kept, to be filled again. */
struct gossip_box {
    struct gossip_head *head; /* owned; entries follow */
    uint32_t room;
};

struct lb_gossip {
    struct lb_gossip_setting setting;
    struct lb_gossip_transport transport;
    struct lb_gossip_object *objects; /* owned: held now */
    uint32_t num_objects, object_room;
    double work;                /* of them */
    double offered;             /* work that is offered to others, who have not yet answered: it counts as held */
    struct gossip_known *known; /* owned: PEs below the level, by number */
    uint32_t num_known, known_room;
    struct lb_gossip_move *moves; /* owned */
    size_t num_moves, move_room;
    struct gossip_box box;
    double level;
    uint64_t random;
    bool has_news;
};

/* Starts a message; adds to it; sends it. */
int gossip_box_open(struct lb_gossip *agent, enum gossip_kind kind);
int gossip_box_add(struct lb_gossip *agent, const struct gossip_entry *entry);
int gossip_box_send(struct lb_gossip *agent, uint32_t to);

int gossip_hold(struct lb_gossip *agent, const struct lb_gossip_object *object);
/* By its row, which the last object then has. */
void gossip_drop(struct lb_gossip *agent, uint32_t row);

/* Entries have been checked to be whole; their content has not. */
int gossip_on_offer(struct lb_gossip *agent, uint32_t from, const struct gossip_head *head,
                    const struct gossip_entry *entries);
int gossip_on_answer(struct lb_gossip *agent, uint32_t from, const struct gossip_head *head,
                     const struct gossip_entry *entries);
/* What is known of a PE; NULL: nothing. */
struct gossip_known *gossip_find_known(const struct lb_gossip *agent, uint32_t pe);

#endif
