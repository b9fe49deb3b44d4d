#include "lb/gossip_agent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lb/random.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- making one */

int lb_gossip_new(const struct lb_gossip_setting *setting, const struct lb_gossip_transport *transport,
                  struct lb_gossip **out) {
    struct lb_gossip *agent = calloc(1, sizeof *agent);
    if (agent == NULL) return CHARIOT_ENOMEM;
    agent->setting = *setting;
    agent->transport = *transport;
    uint64_t mixed = setting->seed; /* drawn twice, for neighbours' numbers not to be each other's, shifted by one */
    mixed = lb_draw(&mixed) + setting->self;
    agent->random = lb_draw(&mixed);
    *out = agent;
    return 0;
}

void lb_gossip_free(struct lb_gossip *agent) {
    if (agent == NULL) return;
    free(agent->objects);
    free(agent->known);
    free(agent->moves);
    free(agent->box.head);
    free(agent);
}

int gossip_hold(struct lb_gossip *agent, const struct lb_gossip_object *object) {
    if (agent->num_objects == agent->object_room) {
        uint32_t room = 2 * agent->object_room + 8;
        struct lb_gossip_object *grown = realloc(agent->objects, room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        agent->objects = grown;
        agent->object_room = room;
    }
    agent->objects[agent->num_objects++] = *object;
    agent->work += object->load;
    return 0;
}

void gossip_drop(struct lb_gossip *agent, uint32_t row) {
    agent->work -= agent->objects[row].load;
    agent->objects[row] = agent->objects[--agent->num_objects];
}

int lb_gossip_add(struct lb_gossip *agent, uint64_t key, double load) {
    return gossip_hold(agent, &(struct lb_gossip_object){key, load, agent->setting.self});
}

double lb_gossip_time(const struct lb_gossip *agent) {
    return (agent->setting.fixed + agent->work + agent->offered) / agent->setting.speed;
}

/* ---------------------------------------------------------------- messages */

static struct gossip_entry *entries_of(const struct gossip_head *head) {
    return (struct gossip_entry *)(head + 1);
}

static int make_room(struct gossip_box *box, uint32_t count) {
    if (count <= box->room) return 0;
    uint32_t room = 2 * box->room + 16;
    struct gossip_head *grown = realloc(box->head, sizeof *grown + room * sizeof(struct gossip_entry));
    if (grown == NULL) return CHARIOT_ENOMEM;
    box->head = grown;
    box->room = room;
    return 0;
}

int gossip_box_open(struct lb_gossip *agent, enum gossip_kind kind) {
    int error = make_room(&agent->box, 1);
    if (error == 0) *agent->box.head = (struct gossip_head){.kind = kind};
    return error;
}

int gossip_box_add(struct lb_gossip *agent, const struct gossip_entry *entry) {
    int error = make_room(&agent->box, agent->box.head->count + 1);
    if (error == 0) entries_of(agent->box.head)[agent->box.head->count++] = *entry;
    return error;
}

int gossip_box_send(struct lb_gossip *agent, uint32_t to) {
    struct gossip_head *head = agent->box.head;
    head->speed = agent->setting.speed;
    head->seconds = lb_gossip_time(agent);
    return agent->transport.send(agent->transport.ctx, to, head,
                                 sizeof *head + head->count * sizeof(struct gossip_entry));
}

/* ---------------------------------------------------------------- the reduction */

struct lb_gossip_sum lb_gossip_share(const struct lb_gossip *agent) {
    const struct lb_gossip_setting *s = &agent->setting;
    struct lb_gossip_sum sum = {.work = s->fixed + agent->work, .speed = s->speed, .fixed = s->fixed / s->speed};
    for (uint32_t i = 0; i < agent->num_objects; i++) sum.heaviest = fmax(sum.heaviest, agent->objects[i].load);
    sum.fastest = s->speed;
    sum.slowest = lb_gossip_time(agent);
    return sum;
}

void lb_gossip_sum_add(struct lb_gossip_sum *sum, const struct lb_gossip_sum *other) {
    sum->work += other->work;
    sum->speed += other->speed;
    sum->fixed = fmax(sum->fixed, other->fixed);
    sum->heaviest = fmax(sum->heaviest, other->heaviest);
    sum->fastest = fmax(sum->fastest, other->fastest);
    sum->slowest = fmax(sum->slowest, other->slowest);
}

double lb_gossip_level(const struct lb_gossip_sum *sum) {
    return fmax(sum->work / sum->speed, fmax(sum->fixed, sum->heaviest / sum->fastest));
}

/* ---------------------------------------------------------------- spreading */

static uint32_t find_known(const struct lb_gossip *agent, uint32_t pe) {
    uint32_t low = 0, high = agent->num_known;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (agent->known[middle].pe < pe)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct gossip_known *gossip_find_known(const struct lb_gossip *agent, uint32_t pe) {
    uint32_t at = find_known(agent, pe);
    return at < agent->num_known && agent->known[at].pe == pe ? &agent->known[at] : NULL;
}

/* Who remembers as many as it may forgets one of them at random. */
static int learn(struct lb_gossip *agent, uint32_t pe, double time) {
    if (gossip_find_known(agent, pe) != NULL) return 0;
    uint32_t at = find_known(agent, pe);
    if (agent->num_known >= agent->setting.most_known) {
        uint32_t lost = lb_draw_below(&agent->random, agent->num_known--);
        memmove(&agent->known[lost], &agent->known[lost + 1], (agent->num_known - lost) * sizeof *agent->known);
        at = find_known(agent, pe);
    }
    if (agent->num_known == agent->known_room) {
        uint32_t room = 2 * agent->known_room + 8;
        struct gossip_known *grown = realloc(agent->known, room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        agent->known = grown;
        agent->known_room = room;
    }
    memmove(&agent->known[at + 1], &agent->known[at], (agent->num_known++ - at) * sizeof *agent->known);
    agent->known[at] = (struct gossip_known){pe, false, time};
    agent->has_news = true;
    return 0;
}

void lb_gossip_begin(struct lb_gossip *agent, const struct lb_gossip_sum *sum) {
    agent->level = lb_gossip_level(sum);
    agent->offered = agent->work = 0;
    for (uint32_t i = 0; i < agent->num_objects; i++) agent->work += agent->objects[i].load;
    agent->num_known = 0;
    agent->has_news = false;
}

int lb_gossip_spread(struct lb_gossip *agent) {
    const struct lb_gossip_setting *s = &agent->setting;
    int error = lb_gossip_time(agent) < agent->level ? learn(agent, s->self, lb_gossip_time(agent)) : 0;
    if (error == 0 && agent->has_news) error = gossip_box_open(agent, GOSSIP_KNOW);
    if (error != 0 || !agent->has_news) return error;
    for (uint32_t i = 0; error == 0 && i < agent->num_known; i++) {
        error = gossip_box_add(agent, &(struct gossip_entry){.key = agent->known[i].pe, .time = agent->known[i].time});
    }
    agent->has_news = false;
    for (uint32_t i = 0; error == 0 && i < s->fanout && s->num_pes > 1; i++) {
        uint32_t to = lb_draw_below(&agent->random, s->num_pes - 1);
        error = gossip_box_send(agent, to < s->self ? to : to + 1);
    }
    return error;
}

static int on_know(struct lb_gossip *agent, const struct gossip_head *head, const struct gossip_entry *entries) {
    for (uint32_t i = 0; i < head->count; i++) {
        if (entries[i].key >= agent->setting.num_pes) return CHARIOT_EMALFORMED;
    }
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < head->count; i++) {
        error = learn(agent, (uint32_t)entries[i].key, entries[i].time);
    }
    return error;
}

/* ---------------------------------------------------------------- the end */

static int by_home(const void *a, const void *b) {
    const struct lb_gossip_object *x = a, *y = b;
    if (x->home != y->home) return x->home < y->home ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

int lb_gossip_claim(struct lb_gossip *agent) {
    int error = 0;
    if (agent->num_objects > 0) qsort(agent->objects, agent->num_objects, sizeof *agent->objects, by_home);
    for (uint32_t i = 0; error == 0 && i < agent->num_objects; i++) {
        const struct lb_gossip_object *object = &agent->objects[i];
        if (object->home == agent->setting.self) continue;
        if (i == 0 || object[-1].home != object->home) error = gossip_box_open(agent, GOSSIP_CLAIM);
        if (error == 0) error = gossip_box_add(agent, &(struct gossip_entry){.key = object->key});
        bool last = i + 1 == agent->num_objects || object[1].home != object->home;
        if (error == 0 && last) error = gossip_box_send(agent, object->home);
    }
    return error;
}

static int on_claim(struct lb_gossip *agent, uint32_t from, const struct gossip_head *head,
                    const struct gossip_entry *entries) {
    size_t room = agent->num_moves + head->count;
    if (room > agent->move_room) {
        struct lb_gossip_move *grown = realloc(agent->moves, 2 * room * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        agent->moves = grown;
        agent->move_room = 2 * room;
    }
    for (uint32_t i = 0; i < head->count; i++) {
        agent->moves[agent->num_moves++] = (struct lb_gossip_move){entries[i].key, from};
    }
    return 0;
}

const struct lb_gossip_move *lb_gossip_moves(const struct lb_gossip *agent, size_t *count) {
    *count = agent->num_moves;
    return agent->moves;
}

/* ---------------------------------------------------------------- receiving */

static bool is_sound(const struct lb_gossip *agent, const struct gossip_entry *entries, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct gossip_entry *entry = &entries[i];
        if (!(entry->load >= 0 && entry->load <= 1e300) || !isfinite(entry->time)) return false;
        if (entry->home >= agent->setting.num_pes) return false;
    }
    return true;
}

int lb_gossip_receive(struct lb_gossip *agent, uint32_t from, const void *data, size_t size) {
    struct gossip_head head;
    if (size < sizeof head || from >= agent->setting.num_pes) return CHARIOT_EMALFORMED;
    memcpy(&head, data, sizeof head);
    size_t bytes = head.count * sizeof(struct gossip_entry);
    if (size - sizeof head != bytes || !(head.speed > 0) || !isfinite(head.speed) || !isfinite(head.seconds) ||
        !isfinite(head.settled))
        return CHARIOT_EMALFORMED;
    struct gossip_entry *entries = malloc(bytes + 1); /* aligned, and safe from what `send` may do */
    if (entries == NULL) return CHARIOT_ENOMEM;
    memcpy(entries, (const char *)data + sizeof head, bytes);
    int error = CHARIOT_EMALFORMED;
    if (is_sound(agent, entries, head.count)) {
        if (head.kind == GOSSIP_KNOW) error = on_know(agent, &head, entries);
        if (head.kind == GOSSIP_OFFER) error = gossip_on_offer(agent, from, &head, entries);
        if (head.kind == GOSSIP_ANSWER) error = gossip_on_answer(agent, from, &head, entries);
        if (head.kind == GOSSIP_CLAIM) error = on_claim(agent, from, &head, entries);
    }
    free(entries);
    return error;
}
