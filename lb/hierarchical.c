/* lb/hierarchical.c: two levels. Between hosts first, each host as one fast PE, and few objects cross; then inside each
 * host, for its own PEs, without a look at the others. Both by greedy-refine.
 *
 * Source: Zheng, Bhatele, Meneses, Kale, Periodic hierarchical load balancing for large supercomputers, 2011; Charm++'s
 * HybridLB. */
#include <stdlib.h>
#include <string.h>

#include "lb/balancers.h"
#include "lb/place.h"
#include "lb/queue.h"
#include "rpc/error.h"

enum { TOLERANCE, BETWEEN };

static const struct lb_option OPTIONS[] = {
    [TOLERANCE] = {"tolerance", 1.02, 1, 100, false, "inside a host: the longest time, by the host's lower bound"},
    [BETWEEN] = {"between", 1.02, 1, 100, false, "between hosts: the longest time of a host, by the lower bound"},
};

/* Some of the job as statistics of their own, for one level. */
struct level {
    struct lb_stats stats;
    struct lb_object *objects;   /* owned */
    double *background, *speeds; /* owned */
    uint32_t *names;             /* owned: which object each is in the job */
};

struct hosts {
    uint32_t *of;    /* owned, per PE: its host, counted from 0 */
    uint32_t *pes;   /* owned: PEs, host by host */
    uint32_t *rank;  /* owned, per PE: its number in its host */
    uint32_t *first; /* owned: host h has pes[first[h]] .. pes[first[h + 1]] */
    uint32_t count;
};

static int level_init(struct level *level, uint32_t num_pes, uint32_t num_objects) {
    *level = (struct level){.objects = malloc((num_objects + (size_t)1) * sizeof *level->objects),
                            .background = calloc(num_pes, sizeof(double)),
                            .speeds = calloc(num_pes, sizeof(double)),
                            .names = malloc((num_objects + (size_t)1) * sizeof *level->names)};
    level->stats = (struct lb_stats){
        .num_pes = num_pes, .objects = level->objects, .background = level->background, .speeds = level->speeds};
    bool good = level->objects != NULL && level->background != NULL && level->speeds != NULL && level->names != NULL;
    return good ? 0 : CHARIOT_ENOMEM;
}

static void level_deinit(struct level *level) {
    free(level->objects);
    free(level->background);
    free(level->speeds);
    free(level->names);
}

static void level_add_pe(struct level *level, uint32_t to, const struct lb_stats *stats, uint32_t pe) {
    level->speeds[to] += lb_speed(stats, pe);
    level->background[to] += stats->background == NULL ? 0 : stats->background[pe];
}

static void level_add_object(struct level *level, const struct lb_stats *stats, uint32_t object, uint32_t pe) {
    struct lb_object copy = stats->objects[object];
    copy.pe = pe;
    level->names[level->stats.num_objects] = object;
    level->objects[level->stats.num_objects++] = copy;
}

static int refine(const struct lb_stats *stats, double tolerance, uint64_t seed, struct lb_plan *out, char *why,
                  size_t size) {
    double options[LB_MAX_OPTIONS];
    for (uint32_t i = 0; i < lb_greedy_refine.num_options; i++) options[i] = lb_greedy_refine.options[i].preset;
    options[0] = tolerance; /* greedy-refine's first option */
    return lb_greedy_refine.plan(stats, options, seed, out, why, size);
}

/* ---------------------------------------------------------------- hosts */

struct named {
    uint32_t host, pe;
};

static int by_host(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    if (x->host != y->host) return x->host < y->host ? -1 : 1;
    return x->pe < y->pe ? -1 : x->pe > y->pe;
}

static void count_hosts(struct hosts *hosts, const struct named *list, uint32_t num_pes) {
    for (uint32_t i = 0; i < num_pes; i++) {
        if (i == 0 || list[i].host != list[i - 1].host) hosts->first[hosts->count++] = i;
        hosts->pes[i] = list[i].pe;
        hosts->of[list[i].pe] = hosts->count - 1;
        hosts->rank[list[i].pe] = i - hosts->first[hosts->count - 1];
    }
    hosts->first[hosts->count] = num_pes;
}

static int hosts_init(struct hosts *hosts, const struct lb_stats *stats) {
    size_t bytes = (stats->num_pes + (size_t)1) * sizeof(uint32_t);
    struct named *list = malloc(stats->num_pes * sizeof *list);
    *hosts = (struct hosts){malloc(bytes), malloc(bytes), malloc(bytes), malloc(bytes), 0};
    bool good = list != NULL && hosts->of != NULL && hosts->pes != NULL && hosts->rank != NULL && hosts->first != NULL;
    for (uint32_t pe = 0; good && pe < stats->num_pes; pe++) {
        list[pe] = (struct named){stats->hosts == NULL ? 0 : stats->hosts[pe], pe};
    }
    if (good) {
        qsort(list, stats->num_pes, sizeof *list, by_host);
        count_hosts(hosts, list, stats->num_pes);
    }
    free(list);
    return good ? 0 : CHARIOT_ENOMEM;
}

static void hosts_deinit(struct hosts *hosts) {
    free(hosts->of);
    free(hosts->pes);
    free(hosts->rank);
    free(hosts->first);
}

/* ---------------------------------------------------------------- the two levels */

/* Which host each object is to be on, into host_of. */
static int between_hosts(const struct hosts *hosts, const struct lb_stats *stats, double tolerance, uint32_t *host_of,
                         char *why, size_t size) {
    struct level level;
    struct lb_plan plan = {0};
    int error = level_init(&level, hosts->count, stats->num_objects);
    if (error == 0) {
        for (uint32_t pe = 0; pe < stats->num_pes; pe++) level_add_pe(&level, hosts->of[pe], stats, pe);
        for (uint32_t i = 0; i < stats->num_objects; i++) {
            host_of[i] = hosts->of[stats->objects[i].pe];
            level_add_object(&level, stats, i, host_of[i]);
        }
        error = refine(&level.stats, tolerance, 0, &plan, why, size);
    }
    for (size_t i = 0; error == 0 && i < plan.num_moves; i++) host_of[plan.moves[i].object] = plan.moves[i].to;
    lb_plan_deinit(&plan);
    level_deinit(&level);
    return error;
}

/* Objects that come from other hosts are put where they are done first, in the order of their numbers. */
static int settle(struct level *level, uint32_t num_here) {
    struct lb_place place;
    struct lb_queue queue;
    uint32_t all = level->stats.num_objects;
    level->stats.num_objects = num_here;
    int error = lb_place_init(&place, &level->stats, true);
    level->stats.num_objects = all;
    if (error != 0) return error;
    error = lb_queue_init(&queue, &level->stats, place.time);
    for (uint32_t i = num_here; error == 0 && i < all; i++) {
        level->objects[i].pe = lb_queue_put(&queue, level->objects[i].load);
    }
    if (error == 0) lb_queue_deinit(&queue);
    lb_place_deinit(&place);
    return error;
}

/* Objects host by host; in each, those that live there before those that come. Those of h: first[h] .. first[h + 1]. */
struct lists {
    uint32_t *objects, *first; /* owned */
};

static int lists_init(struct lists *lists, const struct hosts *hosts, const struct lb_stats *stats,
                      const uint32_t *host_of) {
    *lists = (struct lists){malloc((stats->num_objects + (size_t)1) * sizeof *lists->objects),
                            calloc(hosts->count + (size_t)2, sizeof *lists->first)};
    if (lists->objects == NULL || lists->first == NULL) return CHARIOT_ENOMEM;
    uint32_t *at = lists->first + 1; /* one further on, until all are put in */
    for (uint32_t i = 0; i < stats->num_objects; i++) at[host_of[i] + 1]++;
    for (uint32_t host = 0; host < hosts->count; host++) at[host + 1] += at[host];
    for (int coming = 0; coming < 2; coming++) {
        for (uint32_t i = 0; i < stats->num_objects; i++) {
            bool comes = hosts->of[stats->objects[i].pe] != host_of[i];
            if (comes == (coming == 1)) lists->objects[at[host_of[i]]++] = i;
        }
    }
    return 0;
}

static void lists_deinit(struct lists *lists) {
    free(lists->objects);
    free(lists->first);
}

static int fill_host(struct level *level, const struct hosts *hosts, uint32_t host, const struct lb_stats *stats,
                     const struct lists *lists) {
    uint32_t num_here = 0, begin = lists->first[host], end = lists->first[host + 1];
    int error = level_init(level, hosts->first[host + 1] - hosts->first[host], end - begin);
    if (error != 0) return error;
    for (uint32_t i = 0; i < level->stats.num_pes; i++) {
        level_add_pe(level, i, stats, hosts->pes[hosts->first[host] + i]);
    }
    for (uint32_t i = begin; i < end; i++) {
        uint32_t pe = stats->objects[lists->objects[i]].pe;
        bool is_here = hosts->of[pe] == host;
        level_add_object(level, stats, lists->objects[i], is_here ? hosts->rank[pe] : 0);
        num_here += is_here;
    }
    return settle(level, num_here);
}

static int inside_host(const struct hosts *hosts, uint32_t host, const struct lb_stats *stats, double tolerance,
                       const struct lists *lists, uint32_t *where, char *why, size_t size) {
    struct level level;
    struct lb_plan plan = {0};
    const uint32_t *pes = &hosts->pes[hosts->first[host]];
    int error = fill_host(&level, hosts, host, stats, lists);
    if (error == 0) error = refine(&level.stats, tolerance, 0, &plan, why, size);
    for (uint32_t i = 0; error == 0 && i < level.stats.num_objects; i++) {
        where[level.names[i]] = pes[level.objects[i].pe];
    }
    for (size_t i = 0; error == 0 && i < plan.num_moves; i++) {
        where[level.names[plan.moves[i].object]] = pes[plan.moves[i].to];
    }
    lb_plan_deinit(&plan);
    level_deinit(&level);
    return error;
}

static int plan(const struct lb_stats *stats, const double *options, uint64_t seed, struct lb_plan *out, char *why,
                size_t size) {
    struct hosts hosts;
    struct lists lists = {0};
    size_t bytes = (stats->num_objects + (size_t)1) * sizeof(uint32_t);
    uint32_t *host_of = malloc(bytes), *where = malloc(bytes);
    int error = hosts_init(&hosts, stats);
    if (error == 0) error = host_of == NULL || where == NULL ? CHARIOT_ENOMEM : 0;
    if (error == 0) error = between_hosts(&hosts, stats, options[BETWEEN], host_of, why, size);
    if (error == 0) error = lists_init(&lists, &hosts, stats, host_of);
    for (uint32_t host = 0; error == 0 && host < hosts.count; host++) {
        error = inside_host(&hosts, host, stats, options[TOLERANCE], &lists, where, why, size);
    }
    if (error == 0) error = lb_plan_make(stats, where, out);
    hosts_deinit(&hosts);
    lists_deinit(&lists);
    free(host_of);
    free(where);
    return error;
}

const struct lb_balancer lb_hierarchical = {.name = "hierarchical",
                                            .old_name = "HybridLB",
                                            .help = "between hosts first, few objects; then inside each host",
                                            .source = "Zheng, Bhatele, Meneses, Kale 2011 (HybridLB)",
                                            .options = OPTIONS,
                                            .num_options = sizeof OPTIONS / sizeof *OPTIONS,
                                            .plan = plan};
