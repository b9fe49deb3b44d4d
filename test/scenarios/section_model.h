/* test/scenarios/section_model.h: what collections and sections of a program ought to be: which elements they have.
 * Plain data, made by rules of its own; knows the runtime's refs, and nothing of how it works. */
#ifndef CHARIOT_TEST_SCENARIOS_SECTION_MODEL_H
#define CHARIOT_TEST_SCENARIOS_SECTION_MODEL_H

#include "sections/sections.h"

enum { MODEL_COLLS = 20, MODEL_ELEMS = 1600, MODEL_TARGETS = 96, MODEL_MOST_DIM = 7 };

enum model_shape {
    MODEL_GROUP,  /* on all PEs */
    MODEL_SOME,   /* a group on some PEs */
    MODEL_DENSE,  /* an array of blocks */
    MODEL_MAPPED, /* placed by a map */
    MODEL_SPARSE, /* elements are inserted */
    MODEL_NUM_SHAPES,
};

struct model_elem {
    uint32_t coll;
    struct chariot_index index;
    uint32_t pe; /* where it was seen last */
    bool alive;
};

struct model_coll {
    enum model_shape shape;
    uint32_t creator; /* PE */
    uint32_t type;    /* 0 or 1: of two that name their methods alike and number them otherwise */
    uint32_t ndims;
    int64_t dims[CHARIOT_MAX_DIMS]; /* all 0: it began empty */
};

/* What can be broadcast to: a collection (targets[i] is colls[i], i below MODEL_COLLS) or a section. */
struct model_target {
    struct chariot_ref ref;
    uint32_t type;   /* whose methods' numbers it takes */
    int32_t of;      /* the one collection that its indices are of; -1: combined, it has none */
    bool is_section; /* by the ref: groups on some PEs are, too */
    bool usable;     /* made, and not destroyed */
    bool early;      /* may not be known yet on PEs of its members */
    bool filling;    /* its elements may not all be there yet, so that it can be no source */
    bool fresh;      /* its elements may not be there yet */
    bool gone;       /* it was usable once */
    bool dying;      /* destroyed, or its source was, and not everything that was under way is over */
    uint8_t member[MODEL_ELEMS];
};

struct model {
    uint32_t num_pes, num_colls, num_elems, num_targets;
    struct model_coll colls[MODEL_COLLS];
    struct model_elem elems[MODEL_ELEMS];
    struct model_target targets[MODEL_TARGETS];
};

/* Adds an element; gives its number. Numbers grow within a collection as elements are added, not with indices. */
uint32_t model_add_elem(struct model *model, uint32_t coll, const struct chariot_index *index);
/* All elements of a dense array of coll's dims; of a group on these PEs. */
void model_fill(struct model *model, uint32_t coll);
void model_fill_group(struct model *model, uint32_t coll, const uint32_t *pes, uint32_t num_pes);
/* -1: there is none. */
int64_t model_find(const struct model *model, uint32_t coll, const struct chariot_index *index);

uint32_t model_count(const struct model *model, const uint8_t *member);
/* The members in the order in which their results come: by collection (by the PE that created it, then as these were
 * created), then by index. Gives their number. */
uint32_t model_order(const struct model *model, const uint8_t *member, uint32_t *elems);
/* Members of `of` whose index lies in all ranges. */
void model_slice(const struct model *model, const struct model_target *of, const struct chariot_range *ranges,
                 uint8_t *member);
/* It is being destroyed, or members of it are. */
bool model_is_shaken(const struct model *model, uint32_t target);
/* All is at rest: what was being destroyed is gone, and its elements leave everything. */
void model_settle(struct model *model);

#endif
