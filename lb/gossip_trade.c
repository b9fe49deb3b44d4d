/* lb/gossip_trade.c: what one agent offers, and what another makes of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lb/gossip_agent.h"
#include "lb/random.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- offering */

enum { MOST_CHOICES = 32, MOST_BACK = 4 };

/* What a move must gain at least, in levels. */
#define WORTH 1e-3

struct offer {
    uint32_t to, number;
    struct gossip_entry entry;
};

struct offering {
    struct lb_gossip *agent;
    struct offer *offers; /* owned */
    uint32_t num_offers;
    uint32_t first, end; /* of the agent's objects, the longest first, those that may still be offered */
    double time;         /* of the agent, if all offers are taken */
};

static int by_load(const void *a, const void *b) {
    const struct lb_gossip_object *x = a, *y = b;
    if (x->load != y->load) return x->load > y->load ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_receiver(const void *a, const void *b) {
    const struct offer *x = a, *y = b;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The smallest object that brings the agent to its level, else the largest: so that few move. */
static uint32_t choose_object(const struct offering *o) {
    const struct lb_gossip *agent = o->agent;
    double excess = (o->time - agent->level) * agent->setting.speed;
    uint32_t low = o->first, high = o->end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (agent->objects[middle].load >= excess)
            low = middle + 1;
        else
            high = middle;
    }
    return low > o->first ? low - 1 : o->first;
}

/* What is asked of a PE: to take an object and stay below the level; to take one and be done before us still, so that
 * it passes some on; to take one for others of its own. */
enum wish { TO_FIT, TO_SPILL, TO_EXCHANGE };

/* How much less the PE takes than it might; 0: not this one. */
static double weight_of(const struct offering *o, const struct gossip_known *known, enum wish wish, double load) {
    const struct lb_gossip *agent = o->agent;
    double least[] = {[TO_FIT] = load, [TO_SPILL] = 2 * load, [TO_EXCHANGE] = 0};
    double room = (wish == TO_FIT ? agent->level * (1 + 1e-9) : o->time) - known->time;
    if (known->pe == agent->setting.self || (wish == TO_EXCHANGE && known->asked)) return 0;
    return room > 0 && room >= least[wish] ? room : 0;
}

/* Draws a PE with the chance that its weight gives it. NULL: there is none. Loads of others count at one's own speed:
 * they judge for themselves. */
static struct gossip_known *choose_pe(const struct offering *o, enum wish wish, double load) {
    struct lb_gossip *agent = o->agent;
    struct gossip_known *last = NULL;
    double sum = 0;
    for (uint32_t i = 0; i < agent->num_known; i++) sum += weight_of(o, &agent->known[i], wish, load);
    double drawn = sum * lb_draw_share(&agent->random);
    for (uint32_t i = 0; sum > 0 && i < agent->num_known; i++) {
        double weight = weight_of(o, &agent->known[i], wish, load);
        if (weight == 0) continue;
        last = &agent->known[i];
        if ((drawn -= weight) < 0) break;
    }
    return last;
}

static void offer(struct offering *o, uint32_t row, struct gossip_known *to, bool is_choice) {
    struct lb_gossip *agent = o->agent;
    struct lb_gossip_object object = agent->objects[row];
    o->offers[o->num_offers] = (struct offer){
        to->pe,
        o->num_offers,
        {.key = object.key, .load = object.load, .time = o->time, .home = object.home, .choice = is_choice}};
    o->num_offers++;
    memmove(&agent->objects[o->first + 1], &agent->objects[o->first], (row - o->first) * sizeof object);
    agent->objects[o->first++] = object;
}

/* Objects of which the receiver may take one, for another or none. */
static int offer_exchange(struct offering *o) {
    struct gossip_known *to = choose_pe(o, TO_EXCHANGE, 0);
    uint32_t left = o->end - o->first, step = 1 + (left - 1) / MOST_CHOICES;
    if (to == NULL) return 1;
    to->asked = true;
    for (uint32_t row = o->first; row < o->end; row += step) offer(o, row, to, true);
    o->time = 0;
    return 0;
}

/* 1: nobody is known who could take anything. */
static int offer_one(struct offering *o) {
    struct lb_gossip *agent = o->agent;
    uint32_t row = choose_object(o);
    double load = agent->objects[row].load / agent->setting.speed;
    struct gossip_known *to = choose_pe(o, TO_FIT, load);
    if (to == NULL && o->time - load >= agent->level) to = choose_pe(o, TO_SPILL, load);
    if (to == NULL) return offer_exchange(o);
    offer(o, row, to, false);
    to->time += load;
    o->time -= load;
    return 0;
}

static int send_offers(struct offering *o) {
    int error = 0;
    if (o->num_offers > 0) qsort(o->offers, o->num_offers, sizeof *o->offers, by_receiver);
    for (uint32_t i = 0; error == 0 && i < o->num_offers; i++) {
        if (i == 0 || o->offers[i].to != o->offers[i - 1].to) error = gossip_box_open(o->agent, GOSSIP_OFFER);
        if (error == 0) error = gossip_box_add(o->agent, &o->offers[i].entry);
        if (error == 0 && (i + 1 == o->num_offers || o->offers[i + 1].to != o->offers[i].to))
            error = gossip_box_send(o->agent, o->offers[i].to);
    }
    return error;
}

/* What is offered is held no more; what is not wanted comes back. */
int lb_gossip_offer(struct lb_gossip *agent) {
    struct offering o = {.agent = agent, .end = agent->num_objects, .time = lb_gossip_time(agent)};
    if (o.time <= agent->level * agent->setting.tolerance || agent->num_objects == 0) return 0;
    o.offers = malloc(agent->num_objects * sizeof *o.offers);
    if (o.offers == NULL) return CHARIOT_ENOMEM;
    qsort(agent->objects, agent->num_objects, sizeof *agent->objects, by_load);
    for (uint32_t i = 0; i < agent->num_known; i++) agent->known[i].asked = false;
    while (o.first < o.end && o.time > agent->level * agent->setting.tolerance) {
        if (offer_one(&o) != 0) break;
    }
    for (uint32_t row = o.first; row-- > 0;) {
        agent->offered += agent->objects[row].load;
        gossip_drop(agent, row);
    }
    int error = send_offers(&o);
    free(o.offers);
    return error;
}

/* ---------------------------------------------------------------- taking */

/* What comes of an offer: the longer of giver and taker, if `back` (0: nothing) goes the other way. */
static double longer_after(const struct lb_gossip *agent, double giver_speed, const struct gossip_entry *offered,
                           double back) {
    double shift = offered->load - back;
    return fmax(offered->time - shift / giver_speed, lb_gossip_time(agent) + shift / agent->setting.speed);
}

/* The best of what an offer lets one do. */
struct deal {
    const struct gossip_entry *take; /* NULL: nothing */
    uint32_t back[MOST_BACK];        /* rows of objects that are given for it, ascending */
    uint32_t num_back;
    double longer;
};

/* Several that together come near to making both equal, from below: the agent's objects stand about by size. */
static struct deal several_back(const struct lb_gossip *agent, double giver_speed, const struct gossip_entry *offered) {
    double per_work = 1 / giver_speed + 1 / agent->setting.speed, sum = 0;
    double wanted = offered->load - (offered->time - lb_gossip_time(agent)) / per_work;
    struct deal deal = {.take = offered};
    for (uint32_t i = 0; i < agent->num_objects && deal.num_back < MOST_BACK; i++) {
        if (agent->objects[i].load == 0 || sum + agent->objects[i].load > wanted) continue;
        sum += agent->objects[i].load;
        deal.back[deal.num_back++] = i;
    }
    deal.longer = longer_after(agent, giver_speed, offered, sum);
    return deal;
}

static void consider(const struct lb_gossip *agent, double giver_speed, const struct gossip_entry *offered,
                     struct deal *deal) {
    double after = longer_after(agent, giver_speed, offered, 0);
    if (after < deal->longer) *deal = (struct deal){.take = offered, .longer = after};
    double fits = lb_gossip_time(agent) + offered->load / agent->setting.speed;
    if (!offered->choice && fits <= agent->level * (1 + 1e-9)) return; /* it was not meant as an exchange */
    for (uint32_t i = 0; i < agent->num_objects; i++) {
        after = longer_after(agent, giver_speed, offered, agent->objects[i].load);
        if (after < deal->longer) *deal = (struct deal){offered, {i}, 1, after};
    }
    struct deal several = several_back(agent, giver_speed, offered);
    if (several.longer < deal->longer - WORTH * agent->level) *deal = several;
}

static int close_deal(struct lb_gossip *agent, const struct deal *deal) {
    int error = 0;
    for (uint32_t i = deal->num_back; error == 0 && i-- > 0;) {
        const struct lb_gossip_object *object = &agent->objects[deal->back[i]];
        error = gossip_box_add(agent,
                               &(struct gossip_entry){.key = object->key, .load = object->load, .home = object->home});
        if (error == 0) gossip_drop(agent, deal->back[i]);
    }
    const struct gossip_entry *take = deal->take;
    return error != 0 ? error : gossip_hold(agent, &(struct lb_gossip_object){take->key, take->load, take->home});
}

/* One object, or several of which one may be taken: `count` entries. */
static int decide(struct lb_gossip *agent, double giver_speed, const struct gossip_entry *entries, uint32_t count) {
    /* What is gained must be worth a move. */
    struct deal deal = {.longer = entries->time - WORTH * agent->level};
    for (uint32_t i = 0; i < count; i++) consider(agent, giver_speed, &entries[i], &deal);
    int error = deal.take == NULL ? 0 : close_deal(agent, &deal);
    for (uint32_t i = 0; error == 0 && i < count; i++) {
        if (&entries[i] != deal.take) error = gossip_box_add(agent, &entries[i]);
    }
    return error;
}

/* It is answered in any case: the giver learns what the taker takes now. */
int gossip_on_offer(struct lb_gossip *agent, uint32_t from, const struct gossip_head *head,
                    const struct gossip_entry *entries) {
    int error = gossip_box_open(agent, GOSSIP_ANSWER);
    double settled = 0;
    for (uint32_t i = 0; i < head->count; i++) settled += entries[i].load;
    if (agent->num_objects > 0) qsort(agent->objects, agent->num_objects, sizeof *agent->objects, by_load);
    for (uint32_t i = 0, count = 1; error == 0 && i < head->count; i += count, count = 1) {
        while (entries[i].choice && i + count < head->count && entries[i + count].choice) count++;
        error = decide(agent, head->speed, &entries[i], count);
    }
    if (error != 0) return error;
    agent->box.head->settled = settled;
    return gossip_box_send(agent, from);
}

int gossip_on_answer(struct lb_gossip *agent, uint32_t from, const struct gossip_head *head,
                     const struct gossip_entry *entries) {
    struct gossip_known *known = gossip_find_known(agent, from);
    int error = 0;
    if (known != NULL) known->time = head->seconds;
    agent->offered = fmax(0, agent->offered - head->settled);
    for (uint32_t i = 0; error == 0 && i < head->count; i++) {
        error = gossip_hold(agent, &(struct lb_gossip_object){entries[i].key, entries[i].load, entries[i].home});
    }
    return error;
}
