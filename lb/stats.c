/* What PEs tell PE 0 of a phase, and what PE 0 makes of it. */
#include <stdlib.h>
#include <string.h>

#include "lb/names.h"
#include "lb/step.h"
#include "objects/load.h"
#include "objects/move.h"
#include "objects/ref.h"

/* A share, as it lies in memory: head, objects, edges (struct obj_edge). PEs of a job run one build. */
struct share_head {
    double background;
    uint32_t num_objects, num_edges;
};

struct share_object {
    struct obj_name name;
    double load;
    uint32_t bytes;
    uint8_t ndims, movable, pad[2];
};

/* ---------------------------------------------------------------- this PE's elements */

struct walk {
    struct chariot_pe *pe;
    enum lb_why why;
    int (*fn)(void *ctx, const struct lb_local *local);
    void *ctx;
    double sum;
    int rc;
};

/* Of arrays, those that this step is for. */
static void visit(struct chariot_elem *elem, void *ctx) {
    struct walk *walk = ctx;
    if (elem->own.coll->kind != CHARIOT_ARRAY_OF || walk->rc != 0) return;
    if (walk->why == LB_WHY_SYNC && !elem->synced) return;
    struct lb_local local = {.elem = elem, .load = (double)elem->load_ns * 1e-9};
    local.movable = lb_is_movable(walk->pe, elem);
    walk->sum += local.load;
    walk->rc = walk->fn(walk->ctx, &local);
}

int lb_each_local(struct chariot_pe *pe, enum lb_why why, int (*fn)(void *ctx, const struct lb_local *local), void *ctx,
                  double *background) {
    struct obj_load_phase phase = {0};
    if (pe->load != NULL) obj_load_end_phase(pe, &phase);
    struct walk walk = {.pe = pe, .why = why, .fn = fn, .ctx = ctx};
    obj_elem_each(pe, visit, &walk);
    double rest = (double)phase.cpu_ns * 1e-9 - walk.sum;
    *background = rest > 0 && !lb_part_of(pe)->how.objects_only ? rest : 0;
    return walk.rc;
}

/* ---------------------------------------------------------------- telling */

struct packer {
    uint8_t *data; /* owned */
    size_t size, cap;
    struct share_head head;
};

static int pack(struct packer *packer, const void *data, size_t size) {
    if (packer->size + size > packer->cap) {
        size_t cap = 2 * packer->cap + size + 1024;
        uint8_t *grown = realloc(packer->data, cap);
        if (grown == NULL) return CHARIOT_ENOMEM;
        packer->data = grown;
        packer->cap = cap;
    }
    memcpy(packer->data + packer->size, data, size);
    packer->size += size;
    return 0;
}

static int pack_local(void *ctx, const struct lb_local *local) {
    struct packer *packer = ctx;
    struct share_object object = {
        .load = local->load, .ndims = local->elem->own.coll->ndims, .movable = local->movable};
    lb_name_of(local->elem, &object.name);
    if (local->elem->move != NULL) object.bytes = local->elem->move->bytes;
    packer->head.num_objects++;
    return pack(packer, &object, sizeof object);
}

static int pack_edge(void *ctx, const struct obj_edge *edge) {
    struct packer *packer = ctx;
    packer->head.num_edges++;
    return pack(packer, edge, sizeof *edge);
}

struct chariot_msg *lb_share_new(struct chariot_pe *pe, enum lb_why why, bool edges) {
    OBJ_API(pe);
    struct packer packer = {0};
    struct chariot_msg *share = NULL;
    int rc = pack(&packer, &packer.head, sizeof packer.head);
    if (rc == 0) rc = lb_each_local(pe, why, pack_local, &packer, &packer.head.background);
    if (rc == 0 && edges && pe->load != NULL) rc = obj_load_each_edge(pe, pack_edge, &packer);
    if (rc == 0) {
        memcpy(packer.data, &packer.head, sizeof packer.head);
        share = lb_bytes_new(pe, packer.data, packer.size);
    } else {
        obj_out_of_memory(pe);
    }
    free(packer.data);
    return share;
}

/* ---------------------------------------------------------------- PE 0 */

/* Reads a share's head, and whether its size is what that says. */
static int open_share(const struct chariot_value *value, struct share_head *head) {
    if (value->type != CHARIOT_BYTES || value->bytes.size < sizeof *head) return CHARIOT_EMALFORMED;
    memcpy(head, value->bytes.data, sizeof *head);
    size_t rest = value->bytes.size - sizeof *head;
    size_t objects = head->num_objects * sizeof(struct share_object);
    bool good = objects <= rest && rest - objects == head->num_edges * sizeof(struct obj_edge);
    return good && head->background >= 0 && head->background < 1e9 ? 0 : CHARIOT_EMALFORMED;
}

/* The job's statistics while they are put together. */
struct job {
    struct lb_object *objects;
    struct obj_name *names;
    struct lb_edge *edges;
    double *background, *coords;
    uint8_t *ndims;
    uint32_t num_objects, most_ndims;
    size_t num_edges;
};

static int each_share(const struct chariot_pe *pe, const struct chariot_msg *args,
                      void (*fn)(void *, uint32_t, const uint8_t *, const struct share_head *), void *ctx) {
    struct chariot_reader reader;
    struct chariot_value list, value;
    chariot_reader_init(&reader, args);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &list);
    if (rc == 0 && list.count != 1) rc = CHARIOT_EMALFORMED;
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_LIST, &list);
    if (rc == 0 && list.count != pe->node.num_pes) rc = CHARIOT_EMALFORMED;
    for (uint32_t from = 0; rc == 0 && from < pe->node.num_pes; from++) {
        struct share_head head;
        rc = chariot_get(&reader, &value);
        if (rc == 0) rc = open_share(&value, &head);
        if (rc == 0) fn(ctx, from, value.bytes.data + sizeof head, &head);
    }
    return rc;
}

static void count_share(void *ctx, uint32_t from, const uint8_t *data, const struct share_head *head) {
    struct job *job = ctx;
    job->num_objects += head->num_objects;
    job->num_edges += head->num_edges;
}

static void take_objects(void *ctx, uint32_t from, const uint8_t *data, const struct share_head *head) {
    struct job *job = ctx;
    job->background[from] = head->background;
    for (uint32_t i = 0; i < head->num_objects; i++) {
        struct share_object told;
        memcpy(&told, data + i * sizeof told, sizeof told);
        uint32_t at = job->num_objects++;
        job->objects[at] =
            (struct lb_object){.load = told.load, .pe = from, .bytes = told.bytes, .migratable = told.movable != 0};
        job->names[at] = told.name;
        job->ndims[at] = told.ndims <= CHARIOT_MAX_DIMS ? told.ndims : CHARIOT_MAX_DIMS;
        if (job->ndims[at] > job->most_ndims) job->most_ndims = job->ndims[at];
    }
}

struct take_edges {
    struct job *job;
    struct lb_names names;
};

/* Those between objects of this step; what goes elsewhere cannot be brought nearer. */
static void take_edges(void *ctx, uint32_t from, const uint8_t *data, const struct share_head *head) {
    struct take_edges *take = ctx;
    data += head->num_objects * sizeof(struct share_object);
    for (uint32_t i = 0; i < head->num_edges; i++) {
        struct obj_edge told;
        memcpy(&told, data + i * sizeof told, sizeof told);
        struct lb_edge edge = {.bytes = (double)told.bytes};
        bool known =
            lb_names_find(&take->names, &told.from, &edge.from) && lb_names_find(&take->names, &told.to, &edge.to);
        if (known && edge.from != edge.to) take->job->edges[take->job->num_edges++] = edge;
    }
}

/* Elements stand where their index says. */
static int make_coords(struct job *job) {
    uint32_t dims = job->most_ndims;
    if (dims == 0) return 0;
    job->coords = calloc((size_t)job->num_objects * dims, sizeof *job->coords);
    if (job->coords == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < job->num_objects; i++) {
        struct chariot_index at;
        obj_index_unpack(job->ndims[i], job->names[i].index, &at);
        for (uint32_t d = 0; d < at.ndims; d++) job->coords[(size_t)i * dims + d] = (double)at.at[d];
    }
    return 0;
}

static int make_room(struct job *job, uint32_t num_pes) {
    size_t objects = (size_t)job->num_objects + 1;
    job->objects = malloc(objects * sizeof *job->objects);
    job->names = malloc(objects * sizeof *job->names);
    job->ndims = malloc(objects);
    job->edges = malloc((job->num_edges + 1) * sizeof *job->edges);
    job->background = malloc(num_pes * sizeof *job->background);
    bool lacks = job->objects == NULL || job->names == NULL || job->ndims == NULL || job->edges == NULL ||
                 job->background == NULL;
    job->num_objects = 0;
    job->num_edges = 0;
    return lacks ? CHARIOT_ENOMEM : 0;
}

static int read_all(struct job *job, const struct chariot_pe *pe, const struct chariot_msg *args) {
    int rc = each_share(pe, args, count_share, job);
    if (rc == 0) rc = make_room(job, pe->node.num_pes);
    if (rc != 0) return rc;
    bool has_edges = job->num_edges > 0;
    rc = each_share(pe, args, take_objects, job);
    if (rc == 0) rc = make_coords(job);
    if (rc != 0 || !has_edges) return rc;
    struct take_edges take = {.job = job};
    rc = lb_names_init(&take.names, job->names, job->num_objects);
    if (rc == 0) rc = each_share(pe, args, take_edges, &take);
    lb_names_deinit(&take.names);
    return rc;
}

int lb_gathered_init(struct lb_gathered *gathered, const struct chariot_pe *pe, const struct chariot_msg *args) {
    struct job job = {0};
    int rc = read_all(&job, pe, args);
    *gathered = (struct lb_gathered){.names = job.names};
    gathered->stats = (struct lb_stats){.num_pes = pe->node.num_pes,
                                        .num_objects = job.num_objects,
                                        .objects = job.objects,
                                        .background = job.background,
                                        .hosts = pe->node.hosts,
                                        .edges = job.edges,
                                        .num_edges = job.num_edges,
                                        .coords = job.coords,
                                        .dims = job.most_ndims};
    free(job.ndims);
    return rc;
}

void lb_gathered_deinit(struct lb_gathered *gathered) {
    free((void *)(uintptr_t)gathered->stats.objects);
    free((void *)(uintptr_t)gathered->stats.background);
    free((void *)(uintptr_t)gathered->stats.edges);
    free((void *)(uintptr_t)gathered->stats.coords);
    free(gathered->names);
}
