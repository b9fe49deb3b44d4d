/* A step in which no PE knows the whole: the agents of gossip.h, one on each PE, over messages between PEs.
 *
 * PE 0 leads them through acts, each a broadcast: ENTER (and SHARE), then for each iteration BEGIN, which spreads,
 * SPREAD, OFFER, SHARE; at the end CLAIM, LEAVE. After an act that sends messages the next begins when all have come.
 * That is counted (LB_ACTED ...): when each PE has told that it has done the act, what they sent is known; when as much
 * has come, it is known how much was sent in answer; when that has come, nothing is under way. A message for an act
 * that its receiver has not begun waits there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lb/gossip.h"
#include "lb/names.h"
#include "lb/step.h"
#include "objects/load.h"

enum { MOST_FANOUT = 1000, ACT_NS = 20000 }; /* ACT_NS: of PE 0's time, for an act, at most */

enum act_kind { ENTER, SHARE, BEGIN, SPREAD, OFFER, CLAIM, LEAVE };

/* What ACT says, as it lies in memory. */
struct act {
    uint32_t kind, number;
    uint32_t why, pad;
    uint64_t seed;
    struct lb_gossip_options options;
    struct lb_gossip_sum sum; /* for BEGIN */
};

/* In front of what an agent says. */
struct told {
    uint32_t act, answer;
};

/* What an iteration needs to know of all PEs, as two arrays of numbers: to be added up, and of which the highest count.
 */
enum { WORK, SPEED, OBJECTS, NUM_SUMS };
enum { FIXED, HEAVIEST, FASTEST, SLOWEST, NUM_HIGHEST };

struct lb_rumour {
    struct lb_gossip *agent; /* owned */
    struct obj_name *names;  /* owned: of this PE's objects, by their key */
    uint64_t num_names, cap_names;
    double fixed;               /* seconds of this PE that cannot be moved */
    uint32_t act;               /* the last that was done here */
    bool answers;               /* what is sent now is an answer */
    struct rpc_msg_queue early; /* messages for acts that were not yet done here */
    /* PE 0 */
    struct act next; /* the act under way */
    uint32_t iterations, rounds, trades;
    double sums[NUM_SUMS], highest[NUM_HIGHEST]; /* of all PEs */
    bool has_sums, has_highest;
};

static struct lb_rumour *rumour_of(const struct chariot_pe *pe) {
    return lb_part_of(pe)->rumour;
}

/* ---------------------------------------------------------------- the reduction */

static int reduce(const struct chariot_call *call, uint32_t reducer, const double *numbers, int64_t count) {
    struct chariot_target target = {.kind = CHARIOT_TO_METHOD, .method = LB_CALL_SUM};
    struct chariot_writer writer;
    struct chariot_msg *value;
    void *data = NULL;
    size_t size = (size_t)count * sizeof *numbers;
    obj_elem_ref(call->elem, &target.ref);
    target.ref.index[0] = 0;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_array(&writer, "<f8", 1, &count, 'C', size, &data);
    if (data != NULL) memcpy(data, numbers, size);
    int rc = chariot_writer_finish(&writer, &value);
    return rc != 0 ? rc : chariot_contribute_take(call->pe, call->elem, NULL, value, reducer, &target);
}

static int give_share(const struct chariot_call *call) {
    const struct lb_rumour *rumour = rumour_of(call->pe);
    const struct lb_gossip_sum share = lb_gossip_share(rumour->agent);
    const double sums[] = {[WORK] = share.work, [SPEED] = share.speed, [OBJECTS] = (double)rumour->num_names};
    const double highest[] = {
        [FIXED] = share.fixed, [HEAVIEST] = share.heaviest, [FASTEST] = share.fastest, [SLOWEST] = share.slowest};
    int rc = reduce(call, CHARIOT_REDUCE_SUM, sums, NUM_SUMS);
    return rc != 0 ? rc : reduce(call, CHARIOT_REDUCE_MAX, highest, NUM_HIGHEST);
}

/* ---------------------------------------------------------------- messages of agents */

static int send(void *ctx, uint32_t to, const void *data, size_t size) {
    struct chariot_pe *pe = ctx;
    const struct lb_rumour *rumour = rumour_of(pe);
    const struct told told = {rumour->act, rumour->answers};
    uint8_t *bytes = malloc(sizeof told + size);
    if (bytes == NULL) return CHARIOT_ENOMEM;
    memcpy(bytes, &told, sizeof told);
    memcpy(bytes + sizeof told, data, size);
    struct chariot_msg *args = lb_bytes_new(pe, bytes, sizeof told + size);
    free(bytes);
    if (args == NULL) return CHARIOT_ENOMEM;
    lb_call_take(pe, to, LB_CALL_GOSSIP, args);
    lb_note(pe, rumour->answers ? LB_ANSWERS : LB_SENT, 1);
    return 0;
}

static void receive(struct chariot_pe *pe, uint32_t from, const struct told *told, const uint8_t *data, size_t size) {
    struct lb_rumour *rumour = rumour_of(pe);
    rumour->answers = true;
    int rc = lb_gossip_receive(rumour->agent, from, data, size);
    rumour->answers = false;
    lb_note(pe, told->answer != 0 ? LB_ANSWERED : LB_RECEIVED, 1);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
}

static int read_told(const struct chariot_msg *msg, struct told *told, const uint8_t **data, size_t *size) {
    int rc = lb_bytes_read(msg, 0, data, size);
    if (rc != 0 || *size < sizeof *told) return CHARIOT_EMALFORMED;
    memcpy(told, *data, sizeof *told);
    *data += sizeof *told;
    *size -= sizeof *told;
    return 0;
}

int lb_on_gossip(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct lb_rumour *rumour = rumour_of(pe);
    struct told told;
    const uint8_t *data;
    size_t size;
    int rc = read_told(call->args, &told, &data, &size);
    if (rc != 0 || rumour == NULL || rumour->agent == NULL || told.act < rumour->act) return CHARIOT_EMALFORMED;
    OBJ_API(pe);
    if (told.act == rumour->act) {
        receive(pe, call->args->from, &told, data, size);
    } else {
        rpc_msg_consume(call->args);
        rpc_msg_queue_push_take(&rumour->early, rpc_msg_ref(call->args));
    }
    return 0;
}

/* What came too early, now that the act has been done here. */
static void receive_early(struct chariot_pe *pe) {
    struct lb_rumour *rumour = rumour_of(pe);
    struct rpc_msg_queue early = rumour->early;
    struct chariot_msg *msg;
    rumour->early = (struct rpc_msg_queue){0};
    while ((msg = rpc_msg_queue_pop(&early)) != NULL) {
        struct told told;
        const uint8_t *data;
        size_t size;
        if (read_told(msg, &told, &data, &size) == 0 && told.act > rumour->act) {
            rpc_msg_queue_push_take(&rumour->early, msg);
            continue;
        }
        receive(pe, msg->from, &told, data, size);
        rpc_msg_unref(msg);
    }
}

/* ---------------------------------------------------------------- acts, on every PE */

static int keep_name(struct lb_rumour *rumour, const struct chariot_elem *elem) {
    if (rumour->num_names == rumour->cap_names) {
        uint64_t cap = 2 * rumour->cap_names + 16;
        struct obj_name *grown = realloc(rumour->names, cap * sizeof *grown);
        if (grown == NULL) return CHARIOT_ENOMEM;
        rumour->names = grown;
        rumour->cap_names = cap;
    }
    lb_name_of(elem, &rumour->names[rumour->num_names++]);
    return 0;
}

/* What is movable gets a key; its load goes where the key leads, when there is an agent. */
struct entering {
    struct lb_rumour *rumour;
    double *loads; /* owned: by key */
};

static int take_local(void *ctx, const struct lb_local *local) {
    struct entering *entering = ctx;
    struct lb_rumour *rumour = entering->rumour;
    if (!local->movable) {
        rumour->fixed += local->load;
        return 0;
    }
    int rc = keep_name(rumour, local->elem);
    if (rc != 0) return rc;
    double *grown = realloc(entering->loads, rumour->cap_names * sizeof *grown);
    if (grown == NULL) return CHARIOT_ENOMEM;
    entering->loads = grown;
    grown[rumour->num_names - 1] = local->load;
    return 0;
}

static int make_agent(struct chariot_pe *pe, const struct act *act, const double *loads) {
    struct lb_rumour *rumour = rumour_of(pe);
    const struct lb_gossip_setting setting = {.self = pe->node.pe,
                                              .num_pes = pe->node.num_pes,
                                              .speed = 1,
                                              .fixed = rumour->fixed,
                                              .fanout = act->options.fanout,
                                              .most_known = act->options.known,
                                              .tolerance = act->options.tolerance,
                                              .seed = act->seed};
    int rc = lb_gossip_new(&setting, &(struct lb_gossip_transport){send, pe}, &rumour->agent);
    for (uint64_t key = 0; rc == 0 && key < rumour->num_names; key++)
        rc = lb_gossip_add(rumour->agent, key, loads[key]);
    return rc;
}

static int enter(struct chariot_pe *pe, const struct act *act) {
    struct lb_part *part = lb_part_of(pe);
    double background;
    if (part->rumour == NULL) part->rumour = calloc(1, sizeof *part->rumour); /* PE 0 has it already */
    if (part->rumour == NULL) return CHARIOT_ENOMEM;
    struct entering entering = {.rumour = part->rumour};
    int rc = lb_each_local(pe, act->why, take_local, &entering, &background);
    part->rumour->fixed += background;
    if (rc == 0) rc = make_agent(pe, act, entering.loads);
    free(entering.loads);
    return rc;
}

/* Objects that are claimed leave. That each is one of this PE's, and claimed once, is the word of others. */
static int depart(struct chariot_pe *pe) {
    struct lb_rumour *rumour = rumour_of(pe);
    size_t count;
    const struct lb_gossip_move *moves = lb_gossip_moves(rumour->agent, &count);
    lb_note(pe, LB_PLANNED, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct obj_name *name = moves[i].key < rumour->num_names ? &rumour->names[moves[i].key] : NULL;
        lb_move_start(pe, name == NULL ? NULL : obj_elem_find(pe, name->coll, name->index), moves[i].to);
    }
    return 0;
}

static int perform(struct chariot_pe *pe, const struct act *act) {
    struct lb_gossip *agent = act->kind == ENTER ? NULL : rumour_of(pe)->agent;
    switch (act->kind) {
    case ENTER:
        return enter(pe, act);
    case BEGIN:
        lb_gossip_begin(agent, &act->sum);
        return lb_gossip_spread(agent);
    case SPREAD:
        return lb_gossip_spread(agent);
    case OFFER:
        return lb_gossip_offer(agent);
    case CLAIM:
        return lb_gossip_claim(agent);
    case LEAVE:
        return depart(pe);
    default:
        return 0;
    }
}

/* The reduction tells PE 0 that all have done it. */
static bool shares(const struct act *act) {
    return act->kind == ENTER || act->kind == SHARE;
}

static void do_act(struct chariot_pe *pe, const struct act *act) {
    OBJ_API(pe);
    if (rumour_of(pe) != NULL) rumour_of(pe)->act = act->number;
    int rc = perform(pe, act);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (rc != 0) return;
    rumour_of(pe)->act = act->number;
    if (!shares(act)) lb_note(pe, LB_ACTED, 1);
    receive_early(pe);
}

static bool is_sound(const struct chariot_pe *pe, const struct act *act) {
    const struct lb_rumour *rumour = rumour_of(pe);
    bool entered = rumour != NULL && rumour->agent != NULL;
    if (act->kind > LEAVE || entered == (act->kind == ENTER) || act->options.fanout > MOST_FANOUT) return false;
    return !entered || act->number == rumour->act + 1;
}

int lb_on_act(struct chariot_call *call) {
    struct act act;
    const uint8_t *data;
    int rc = lb_bytes_read(call->args, sizeof act, &data, NULL);
    if (rc != 0) return rc;
    memcpy(&act, data, sizeof act);
    if (!is_sound(call->pe, &act)) return CHARIOT_EMALFORMED;
    do_act(call->pe, &act);
    return !call->pe->ending && shares(&act) ? give_share(call) : 0;
}

/* ---------------------------------------------------------------- PE 0 leads */

static void lead(struct chariot_pe *pe, enum act_kind kind) {
    struct lb_part *part = lb_part_of(pe);
    struct act *act = &part->rumour->next;
    for (int what = LB_ACTED; what <= LB_ANSWERED; what++) part->counts[what] = 0;
    act->kind = kind;
    act->number++;
    struct chariot_msg *args = lb_bytes_new(pe, act, sizeof *act);
    if (args != NULL) lb_broadcast_take(pe, LB_CALL_ACT, args);
}

void lb_rumour_begin(struct chariot_pe *pe) {
    struct lb_part *part = lb_part_of(pe);
    part->rumour = calloc(1, sizeof *part->rumour);
    if (part->rumour == NULL) {
        obj_out_of_memory(pe);
        return;
    }
    part->step.state = LB_GOSSIPS;
    part->rumour->next = (struct act){.why = part->step.why, .seed = part->step.number};
    lb_gossip_options_read(part->choice.options, &part->rumour->next.options);
    lead(pe, ENTER);
}

/* One of the two. */
static int read_numbers(struct lb_rumour *rumour, const struct chariot_msg *args) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, args);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_ARRAY, &value);
    if (rc != 0) return CHARIOT_EMALFORMED;
    bool sums = value.array.size == sizeof rumour->sums;
    if (!sums && value.array.size != sizeof rumour->highest) return CHARIOT_EMALFORMED;
    memcpy(sums ? rumour->sums : rumour->highest, value.array.data, value.array.size);
    *(sums ? &rumour->has_sums : &rumour->has_highest) = true;
    return 0;
}

static void note_sum(struct chariot_pe *pe) {
    struct lb_rumour *rumour = rumour_of(pe);
    struct lb_figures *figures = &lb_part_of(pe)->step.figures;
    const struct lb_gossip_sum sum = {.work = rumour->sums[WORK],
                                      .speed = rumour->sums[SPEED],
                                      .fixed = rumour->highest[FIXED],
                                      .heaviest = rumour->highest[HEAVIEST],
                                      .fastest = rumour->highest[FASTEST],
                                      .slowest = rumour->highest[SLOWEST]};
    rumour->has_sums = rumour->has_highest = false;
    if (rumour->iterations == 0) figures->before = sum.slowest;
    figures->after = sum.slowest;
    figures->average = sum.work / sum.speed;
    figures->objects = (size_t)fmin(fmax(rumour->sums[OBJECTS], 0), 1e15); /* also where somebody lies */
    rumour->next.sum = sum;
    lb_part_of(pe)->step.work_ns = (int64_t)rumour->next.number * ACT_NS;
}

/* An iteration begins, or it is good enough, or as good as it gets. */
static void iterate(struct chariot_pe *pe) {
    struct lb_rumour *rumour = rumour_of(pe);
    struct lb_step *step = &lb_part_of(pe)->step;
    const struct lb_gossip_options *options = &rumour->next.options;
    const struct lb_gossip_sum *sum = &rumour->next.sum;
    bool good = sum->slowest <= options->tolerance * lb_gossip_level(sum);
    if (rumour->iterations < options->iterations && !good) {
        rumour->iterations++;
        rumour->rounds = 1; /* BEGIN is the first */
        rumour->trades = 0;
        lead(pe, BEGIN);
    } else if (step->why == LB_WHY_IDLE && !lb_when_pays(pe, &step->figures, 0)) {
        step->figures.after = step->figures.before;
        lb_step_moves(pe, 0);
    } else {
        lead(pe, CLAIM);
    }
}

int lb_on_sum(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    struct lb_rumour *rumour = rumour_of(pe);
    if (lb_part_of(pe)->step.state != LB_GOSSIPS || read_numbers(rumour, call->args) != 0) return CHARIOT_EMALFORMED;
    OBJ_API(pe);
    if (!rumour->has_sums || !rumour->has_highest) return 0;
    note_sum(pe);
    iterate(pe);
    return 0;
}

static void go_on(struct chariot_pe *pe) {
    struct lb_rumour *rumour = rumour_of(pe);
    const struct lb_gossip_options *options = &rumour->next.options;
    if (rumour->next.kind == CLAIM) {
        lead(pe, LEAVE);
    } else if (rumour->rounds < options->rounds) {
        rumour->rounds++;
        lead(pe, SPREAD);
    } else if (rumour->trades < options->trades) {
        rumour->trades++;
        lead(pe, OFFER);
    } else {
        lead(pe, SHARE);
    }
}

void lb_rumour_on_counts(struct chariot_pe *pe) {
    const int64_t *counts = lb_part_of(pe)->counts;
    bool done = counts[LB_ACTED] == pe->node.num_pes && counts[LB_RECEIVED] == counts[LB_SENT] &&
                counts[LB_ANSWERED] == counts[LB_ANSWERS];
    const struct act *act = &rumour_of(pe)->next;
    if (!done || shares(act)) return;
    if (act->kind == LEAVE)
        lb_step_moves(pe, counts[LB_PLANNED]);
    else
        go_on(pe);
}

void lb_rumour_free(struct lb_part *part) {
    struct lb_rumour *rumour = part->rumour;
    if (rumour == NULL) return;
    lb_gossip_free(rumour->agent);
    rpc_msg_queue_clear(&rumour->early);
    free(rumour->names);
    free(rumour);
    part->rumour = NULL;
}
