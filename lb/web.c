#include "lb/web.h"

#include <stdlib.h>

#include "rpc/error.h"

struct arc {
    uint32_t to;
    double bytes;
};

static int by_end(const void *a, const void *b) {
    const struct arc *x = a, *y = b;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* Which vertex each object is, into `vertex`. */
static void number(struct lb_web *web, const struct lb_stats *stats, uint32_t *vertex) {
    web->num_vertices = stats->num_pes;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        vertex[i] = stats->objects[i].pe;
        if (!stats->objects[i].migratable) continue;
        vertex[i] = web->num_vertices++;
        web->objects[vertex[i]] = i;
    }
}

static void fill(struct lb_web *web, const struct lb_stats *stats, const uint32_t *vertex, struct arc *arcs) {
    size_t *at = web->first + 1; /* one further on, until all are put in */
    for (size_t i = 0; i < stats->num_edges; i++) {
        uint32_t a = vertex[stats->edges[i].from], b = vertex[stats->edges[i].to];
        if (a != b) at[a + 1]++, at[b + 1]++;
    }
    for (uint32_t v = 0; v < web->num_vertices; v++) at[v + 1] += at[v];
    for (size_t i = 0; i < stats->num_edges; i++) {
        uint32_t a = vertex[stats->edges[i].from], b = vertex[stats->edges[i].to];
        if (a == b) continue;
        arcs[at[a]++] = (struct arc){b, stats->edges[i].bytes};
        arcs[at[b]++] = (struct arc){a, stats->edges[i].bytes};
    }
}

/* Makes one of several edges between the same two. */
static void merge(struct lb_web *web, struct arc *arcs) {
    size_t used = 0, begin = 0;
    for (uint32_t v = 0; v < web->num_vertices; v++) {
        size_t end = web->first[v + 1], here = used;
        if (end > begin) qsort(&arcs[begin], end - begin, sizeof *arcs, by_end);
        for (size_t i = begin; i < end; i++) {
            if (used == here || web->to[used - 1] != arcs[i].to) {
                web->to[used] = arcs[i].to;
                web->bytes[used++] = 0;
            }
            web->bytes[used - 1] += arcs[i].bytes;
        }
        begin = end;
        web->first[v + 1] = used;
    }
}

int lb_web_init(struct lb_web *web, const struct lb_stats *stats) {
    size_t most = stats->num_pes + (size_t)stats->num_objects, num_arcs = 2 * stats->num_edges;
    struct arc *arcs = malloc((num_arcs + 1) * sizeof *arcs);
    uint32_t *vertex = malloc((stats->num_objects + (size_t)1) * sizeof *vertex);
    *web = (struct lb_web){.num_pes = stats->num_pes,
                           .objects = malloc((most + 1) * sizeof *web->objects),
                           .first = calloc(most + 2, sizeof *web->first),
                           .to = malloc((num_arcs + 1) * sizeof *web->to),
                           .bytes = malloc((num_arcs + 1) * sizeof *web->bytes)};
    bool good = arcs != NULL && vertex != NULL && web->objects != NULL && web->first != NULL && web->to != NULL &&
                web->bytes != NULL;
    if (good) {
        number(web, stats, vertex);
        fill(web, stats, vertex, arcs);
        merge(web, arcs);
    } else
        lb_web_deinit(web);
    free(arcs);
    free(vertex);
    return good ? 0 : CHARIOT_ENOMEM;
}

void lb_web_deinit(struct lb_web *web) {
    free(web->objects);
    free(web->first);
    free(web->to);
    free(web->bytes);
    *web = (struct lb_web){0};
}
