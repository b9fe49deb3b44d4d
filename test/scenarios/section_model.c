#include "test/scenarios/section_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- elements */

uint32_t model_add_elem(struct model *model, uint32_t coll, const struct chariot_index *index) {
    assert(model->num_elems < MODEL_ELEMS);
    uint32_t number = model->num_elems++;
    model->elems[number] = (struct model_elem){.coll = coll, .index = *index, .alive = true};
    model->targets[coll].member[number] = 1;
    return number;
}

void model_fill(struct model *model, uint32_t coll) {
    const struct model_coll *of = &model->colls[coll];
    struct chariot_index at = {.ndims = of->ndims};
    for (uint32_t dim = 0; dim < of->ndims;) {
        if (dim == 0) model_add_elem(model, coll, &at);
        /* The next index, first dimension fastest. */
        if (++at.at[dim] < of->dims[dim]) {
            dim = 0;
        } else {
            at.at[dim++] = 0;
        }
    }
}

void model_fill_group(struct model *model, uint32_t coll, const uint32_t *pes, uint32_t num_pes) {
    for (uint32_t i = 0; i < num_pes; i++) {
        const struct chariot_index at = {.ndims = 1, .at = {pes[i]}};
        if (model_find(model, coll, &at) < 0) model_add_elem(model, coll, &at);
    }
}

static int compare_index(const struct chariot_index *a, const struct chariot_index *b) {
    for (uint32_t i = 0; i < a->ndims; i++) {
        if (a->at[i] != b->at[i]) return a->at[i] < b->at[i] ? -1 : 1;
    }
    return 0;
}

int64_t model_find(const struct model *model, uint32_t coll, const struct chariot_index *index) {
    for (uint32_t i = 0; i < model->num_elems; i++) {
        const struct model_elem *elem = &model->elems[i];
        if (elem->coll == coll && elem->alive && compare_index(&elem->index, index) == 0) return i;
    }
    return -1;
}

bool model_is_shaken(const struct model *model, uint32_t target) {
    bool shaken = model->targets[target].dying;
    for (uint32_t i = 0; i < model->num_elems && !shaken; i++) {
        shaken = model->targets[target].member[i] && model->targets[model->elems[i].coll].dying;
    }
    return shaken;
}

static void leave(struct model *model, uint32_t elem) {
    model->elems[elem].alive = false;
    for (uint32_t t = 0; t < model->num_targets; t++) model->targets[t].member[elem] = 0;
}

void model_settle(struct model *model) {
    for (uint32_t i = 0; i < model->num_elems; i++) {
        if (model->targets[model->elems[i].coll].dying) leave(model, i);
    }
    for (uint32_t t = 0; t < model->num_targets; t++) {
        struct model_target *target = &model->targets[t];
        if (target->dying) target->usable = false;
        target->dying = target->early = target->filling = target->fresh = false;
    }
}

/* ---------------------------------------------------------------- sets of them */

uint32_t model_count(const struct model *model, const uint8_t *member) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->num_elems; i++) count += member[i] != 0;
    return count;
}

struct place {
    const struct model_elem *elem;
    uint32_t creator, number;
};

static int by_collection_and_index(const void *a, const void *b) {
    const struct place *x_at = a, *y_at = b;
    const struct model_elem *x = x_at->elem, *y = y_at->elem;
    if (x_at->creator != y_at->creator) return x_at->creator < y_at->creator ? -1 : 1;
    if (x->coll != y->coll) return x->coll < y->coll ? -1 : 1;
    return compare_index(&x->index, &y->index);
}

uint32_t model_order(const struct model *model, const uint8_t *member, uint32_t *elems) {
    struct place places[MODEL_ELEMS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->num_elems; i++) {
        const struct model_elem *elem = &model->elems[i];
        if (member[i]) places[count++] = (struct place){elem, model->colls[elem->coll].creator, i};
    }
    qsort(places, count, sizeof *places, by_collection_and_index);
    for (uint32_t i = 0; i < count; i++) elems[i] = places[i].number;
    return count;
}

/* ---------------------------------------------------------------- slices */

/* Where a Python slice of `size` things stops and starts. */
static int64_t bound(int64_t at, bool given, int64_t otherwise, int64_t size, bool down) {
    if (!given) return otherwise;
    if (at < 0) at += size;
    if (at < 0) return down ? -1 : 0;
    if (at >= size) return down ? size - 1 : size;
    return at;
}

static bool lies_in(const struct chariot_range *range, int64_t start, int64_t stop, bool bounded, int64_t at) {
    if (range->step > 0) {
        if ((bounded || range->has_start) && at < start) return false;
        if ((bounded || range->has_stop) && at >= stop) return false;
    } else {
        if ((bounded || range->has_start) && at > start) return false;
        if ((bounded || range->has_stop) && at <= stop) return false;
    }
    return (at - start) % range->step == 0;
}

static bool takes(const struct chariot_range *range, int64_t size, int64_t at) {
    bool down = range->step < 0;
    if (size == 0) return lies_in(range, range->has_start ? range->start : at, range->stop, false, at);
    int64_t start = bound(range->start, range->has_start, down ? size - 1 : 0, size, down);
    int64_t stop = bound(range->stop, range->has_stop, down ? -1 : size, size, down);
    return lies_in(range, start, stop, true, at);
}

/* 0: it has no bound of its own. */
static int64_t size_of(const struct model *model, const struct model_coll *coll, uint32_t dim) {
    if (coll->shape == MODEL_GROUP || coll->shape == MODEL_SOME) return model->num_pes;
    return coll->dims[dim];
}

void model_slice(const struct model *model, const struct model_target *of, const struct chariot_range *ranges,
                 uint8_t *member) {
    const struct model_coll *coll = &model->colls[of->of];
    for (uint32_t i = 0; i < model->num_elems; i++) {
        member[i] = of->member[i];
        for (uint32_t dim = 0; dim < coll->ndims && member[i]; dim++) {
            member[i] = takes(&ranges[dim], size_of(model, coll, dim), model->elems[i].index.at[dim]);
        }
    }
}
