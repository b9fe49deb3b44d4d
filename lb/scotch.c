#include "lb/scotch.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/place.h"
#include "rpc/error.h"

/* Scotch 7.0, built for 32-bit numbers, as Debian's libscotch-7.0 is; asked when it is loaded. */
typedef int32_t num;

enum {
    BALANCE = 4, /* SCOTCH_STRATBALANCE: balance goes before the cut */
    MOST_WEIGHT = 1 << 29,
};

/* X(name, result, arguments): what we use of it; its objects are opaque. */
#define FUNCTIONS(X)                                                                                                   \
    X(numSizeof, int, (void))                                                                                          \
    X(graphAlloc, void *, (void))                                                                                      \
    X(graphInit, int, (void *))                                                                                        \
    X(graphExit, void, (void *))                                                                                       \
    X(graphBuild, int,                                                                                                 \
      (void *, num base, num count, const num *first, const num *end, const num *load, const num *label, num arcs,     \
       const num *to, const num *weight))                                                                              \
    X(graphMapFixed, int, (void *, void *arch, void *strat, num *parts))                                               \
    X(archAlloc, void *, (void))                                                                                       \
    X(archInit, int, (void *))                                                                                         \
    X(archExit, void, (void *))                                                                                        \
    X(archCmpltw, int, (void *, num count, const num *weights))                                                        \
    X(stratAlloc, void *, (void))                                                                                      \
    X(stratInit, int, (void *))                                                                                        \
    X(stratExit, void, (void *))                                                                                       \
    X(stratGraphMapBuild, int, (void *, num flags, num parts, double imbalance))                                       \
    X(contextAlloc, void *, (void))                                                                                    \
    X(contextInit, int, (void *))                                                                                      \
    X(contextExit, void, (void *))                                                                                     \
    X(contextRandomClone, int, (void *))                                                                               \
    X(contextRandomSeed, void, (void *, num seed))                                                                     \
    X(contextThreadSpawn, int, (void *, int threads, const int *cores))                                                \
    X(contextBindGraph, int, (void *, const void *graph, void *bound))                                                 \
    X(memFree, void, (void *))

struct scotch {
    void *error_library, *library;
#define FIELD(name, result, arguments) result(*name) arguments;
    FUNCTIONS(FIELD)
#undef FIELD
};

static void unload(struct scotch *s) {
    if (s->library != NULL) dlclose(s->library);
    if (s->error_library != NULL) dlclose(s->error_library);
}

/* libscotcherr has the function that libscotch prints errors with. */
static int load(struct scotch *s, char *why, size_t size) {
    *s = (struct scotch){.error_library = dlopen("libscotcherr-7.0.so", RTLD_NOW | RTLD_LOCAL),
                         .library = dlopen("libscotch-7.0.so", RTLD_NOW | RTLD_LOCAL)};
    const char *missing = s->library == NULL ? "libscotch-7.0.so" : NULL;
#define FIND(function, result, arguments)                                                                              \
    if (missing == NULL && (*(void **)&s->function = dlsym(s->library, "SCOTCH_" #function)) == NULL)                  \
        missing = "SCOTCH_" #function;
    FUNCTIONS(FIND)
#undef FIND
    if (missing == NULL && s->numSizeof() == sizeof(num)) return 0;
    snprintf(why, size,
             "the graph partitioner Scotch is not there (%s): as root, apt-get install libscotch-7.0; or take another "
             "balancer: greedy-refine",
             missing == NULL ? "its numbers are not of 32 bits" : missing);
    unload(s);
    return CHARIOT_ENOENT;
}

/* ---------------------------------------------------------------- the graph, in its numbers */

struct input {
    num *first, *load, *to, *weight, *parts, *shares; /* owned */
};

static double scale_of(double sum) {
    return sum > 0 ? MOST_WEIGHT / sum : 0;
}

static bool input_init(struct input *in, const struct lb_web *web) {
    size_t count = web->num_vertices, arcs = web->first[web->num_vertices];
    *in = (struct input){malloc((count + 1) * sizeof(num)), malloc((count + 1) * sizeof(num)),
                         malloc((arcs + 1) * sizeof(num)),  malloc((arcs + 1) * sizeof(num)),
                         malloc((count + 1) * sizeof(num)), malloc(web->num_pes * sizeof(num))};
    return in->first != NULL && in->load != NULL && in->to != NULL && in->weight != NULL && in->parts != NULL &&
           in->shares != NULL && count + arcs < MOST_WEIGHT;
}

static void input_deinit(struct input *in) {
    free(in->first);
    free(in->load);
    free(in->to);
    free(in->weight);
    free(in->parts);
    free(in->shares);
}

static double work_of(const struct lb_web *web, const struct lb_stats *stats, const double *fixed, uint32_t v) {
    return v < web->num_pes ? fixed[v] * lb_speed(stats, v) : stats->objects[web->objects[v]].load;
}

static void fill(struct input *in, const struct lb_web *web, const struct lb_stats *stats, const double *fixed) {
    double work = 0, bytes = 0, speeds = lb_speed_sum(stats);
    size_t arcs = web->first[web->num_vertices];
    for (uint32_t v = 0; v < web->num_vertices; v++) work += work_of(web, stats, fixed, v);
    for (size_t i = 0; i < arcs; i++) bytes += web->bytes[i];
    for (uint32_t v = 0; v < web->num_vertices; v++) {
        in->load[v] = (num)(scale_of(work) * work_of(web, stats, fixed, v));
        in->parts[v] = v < web->num_pes ? (num)v : -1;
        in->first[v] = (num)web->first[v];
    }
    in->first[web->num_vertices] = (num)arcs;
    for (size_t i = 0; i < arcs; i++) {
        in->to[i] = (num)web->to[i];
        in->weight[i] = 1 + (num)(scale_of(bytes) * web->bytes[i]);
    }
    for (uint32_t pe = 0; pe < web->num_pes; pe++) {
        in->shares[pe] = 1 + (num)((1 << 20) * lb_speed(stats, pe) / speeds);
    }
}

/* ---------------------------------------------------------------- partitioning */

struct run {
    void *graph, *bound, *arch, *strat, *context;
};

static int partition(const struct scotch *s, const struct run *r, struct input *in, const struct lb_web *web,
                     double imbalance, uint64_t seed) {
    num count = (num)web->num_vertices, arcs = (num)web->first[web->num_vertices], pes = (num)web->num_pes;
    if (s->contextRandomClone(r->context) != 0) return CHARIOT_ENOMEM;
    s->contextRandomSeed(r->context, (num)(seed & 0x3fffffff));
    bool good =
        s->contextThreadSpawn(r->context, 1, NULL) == 0 &&
        s->graphBuild(r->graph, 0, count, in->first, in->first + 1, in->load, NULL, arcs, in->to, in->weight) == 0 &&
        s->contextBindGraph(r->context, r->graph, r->bound) == 0 && s->archCmpltw(r->arch, pes, in->shares) == 0 &&
        s->stratGraphMapBuild(r->strat, BALANCE, pes, imbalance) == 0 &&
        s->graphMapFixed(r->bound, r->arch, r->strat, in->parts) == 0;
    return good ? 0 : CHARIOT_EINVAL;
}

static int run(const struct scotch *s, struct input *in, const struct lb_web *web, double imbalance, uint64_t seed) {
    struct run r = {s->graphAlloc(), s->graphAlloc(), s->archAlloc(), s->stratAlloc(), s->contextAlloc()};
    int error = CHARIOT_ENOMEM;
    if (r.graph != NULL && r.bound != NULL && r.arch != NULL && r.strat != NULL && r.context != NULL) {
        s->graphInit(r.graph), s->graphInit(r.bound), s->archInit(r.arch), s->stratInit(r.strat);
        s->contextInit(r.context);
        error = partition(s, &r, in, web, imbalance, seed);
        s->graphExit(r.bound), s->contextExit(r.context), s->graphExit(r.graph), s->archExit(r.arch);
        s->stratExit(r.strat);
    }
    void *all[] = {r.graph, r.bound, r.arch, r.strat, r.context};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] != NULL) s->memFree(all[i]);
    }
    return error;
}

int lb_scotch_partition(const struct lb_web *web, const struct lb_stats *stats, const double *fixed, double imbalance,
                        uint64_t seed, uint32_t *parts, char *why, size_t size) {
    struct scotch s;
    struct input in;
    int error = load(&s, why, size);
    if (error != 0) return error;
    error = input_init(&in, web) ? 0 : CHARIOT_ENOMEM;
    if (error == 0) {
        fill(&in, web, stats, fixed);
        error = run(&s, &in, web, imbalance, seed);
    }
    for (uint32_t v = 0; error == 0 && v < web->num_vertices; v++) {
        if (in.parts[v] < 0 || (uint32_t)in.parts[v] >= web->num_pes) error = CHARIOT_EINVAL;
        parts[v] = (uint32_t)in.parts[v];
    }
    if (error == CHARIOT_EINVAL) snprintf(why, size, "the graph partitioner Scotch gave up on this graph");
    input_deinit(&in);
    unload(&s);
    return error;
}
