/* What this room knows to wait on a PE, for the hang report: messages whose receiver never came to be, reductions that
 * are not complete, callbacks of C programs on futures. */
#include <stdio.h>
#include <string.h>

#include "objects/balance.h"
#include "objects/future.h"
#include "objects/hang.h"
#include "objects/meter.h"
#include "objects/pe.h"
#include "objects/reduce.h"
#include "objects/ref.h"
#include "objects/section.h"
#include "objects/span.h"

struct notes {
    struct chariot_pe *pe;
    struct chariot_report *report;
    const struct obj_coll *coll;
};

void obj_index_text(uint8_t ndims, const uint64_t index[3], char *text, size_t size) {
    struct chariot_index at;
    obj_index_unpack(ndims, index, &at);
    size_t used = (size_t)snprintf(text, size, "[");
    for (uint32_t i = 0; i < at.ndims && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "%lld" : ", %lld", (long long)at.at[i]);
    }
    if (used < size) snprintf(text + used, size - used, "]");
}

static const char *type_name(const struct chariot_pe *pe, uint32_t type) {
    return type < pe->num_types ? obj_meter_type_name(pe->types[type]) : "?";
}

static const char *method_name(const struct chariot_pe *pe, uint32_t type, uint32_t method) {
    if (method == OBJ_METHOD_CREATED) return "awaitCreation";
    if (type >= pe->num_types || method >= pe->types[type]->num_methods) return "?";
    return pe->types[type]->methods[method].name;
}

static void note(struct notes *to, const char *where, const char *subject, const char *what) {
    chariot_report_add(to->report, &(struct chariot_blocked){.where = where, .subject = subject, .what = what});
}

/* ---------------------------------------------------------------- messages without a receiver */

static void note_for_element(void *value, void *ctx) {
    const struct obj_waiting *waiting = value;
    struct notes *to = ctx;
    char subject[120], what[300];
    obj_index_text(to->coll->ndims, waiting->key.word, subject, sizeof subject);
    for (const struct chariot_msg *msg = waiting->queue.head; msg != NULL; msg = msg->next) {
        bool call = msg->kind == OBJ_KIND_CALL; /* else it is of a channel */
        snprintf(what, sizeof what, "a message waits for element %s of %s, %s%s: that element was never created",
                 subject, type_name(to->pe, to->coll->type), call ? "method " : "on a channel",
                 call ? method_name(to->pe, to->coll->type, msg->method) : "");
        note(to, NULL, NULL, what);
    }
}

static void note_coll(void *value, void *ctx) {
    struct notes *to = ctx;
    to->coll = value;
    obj_map_each(&to->coll->waiting, note_for_element, to);
}

static void note_orphans(void *value, void *ctx) {
    const struct obj_waiting *waiting = value;
    for (size_t i = 0; i < waiting->queue.count; i++) {
        note(ctx, NULL, NULL, "a message waits for a chare, or a collection of them, that never came to be");
    }
}

/* ---------------------------------------------------------------- reductions */

/* Elements here that have not contributed to reduction `number`. */
static void missing_here(const struct obj_coll *coll, uint64_t number, char *text, size_t size) {
    size_t used = 0, missing = 0;
    char index[120];
    text[0] = 0;
    for (size_t i = 0; i < coll->num_members; i++) {
        const struct obj_member *member = coll->members[i];
        if (member == NULL || member->reductions > number) continue;
        if (++missing > OBJ_REPORT_SUBJECTS || used >= size) continue;
        const struct obj_absent *absent = member->absent;
        obj_index_text(absent != NULL ? absent->ndims : member->elem->own.coll->ndims,
                       absent != NULL ? absent->index : member->elem->index, index, sizeof index);
        used += (size_t)snprintf(text + used, size - used, missing == 1 ? "; lacks %s" : ", %s", index);
    }
    if (missing > OBJ_REPORT_SUBJECTS && used < size) {
        snprintf(text + used, size - used, " and %zu more", missing - OBJ_REPORT_SUBJECTS);
    }
}

/* Tree children from whose subtrees nothing has come. */
static void missing_below(const struct chariot_pe *pe, const struct obj_coll *coll, uint32_t have, char *text,
                          size_t size) {
    uint32_t children[OBJ_TREE_RADIX];
    uint32_t count = obj_span_children(pe, coll->id, children);
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < count && used < size; i++) {
        if ((coll->expected & ~have & 1u << i) == 0) continue;
        const char *format = used == 0 ? "; nothing has come from PE %u" : ", PE %u";
        used += (size_t)snprintf(text + used, size - used, format, children[i]);
    }
    if (used > 0 && used < size) snprintf(text + used, size - used, " and below");
}

static void note_reduction(void *value, void *ctx) {
    const struct obj_reduction *red = value;
    struct notes *to = ctx;
    uint64_t number = red->key.word[1];
    const struct obj_coll *coll = obj_coll_get(to->pe, red->key.word[0]);
    if (coll == NULL || number >> 56 != OBJ_SPACE_PROGRAM) return;
    char missing[300], below[200], known[60] = "", what[700];
    missing_here(coll, number, missing, sizeof missing);
    missing_below(to->pe, coll, red->children, below, sizeof below);
    if (coll->root == to->pe->node.pe && coll->counted)
        snprintf(known, sizeof known, " of its %llu elements", (unsigned long long)obj_section_need(coll, number));
    else if (coll->root == to->pe->node.pe && coll->section == NULL)
        snprintf(known, sizeof known, ", whose insertions have not been declared done");
    else
        snprintf(known, sizeof known, " here and below");
    snprintf(what, sizeof what, "reduction %llu over %s%s has %llu contribution%s%s%s%s", (unsigned long long)number,
             coll->section != NULL ? "a section of " : "", type_name(to->pe, coll->type),
             (unsigned long long)red->count, red->count == 1 ? "" : "s", known, missing, below);
    note(to, NULL, NULL, what);
}

/* ---------------------------------------------------------------- futures */

static void describe_call(const struct chariot_future *future, char *text, size_t size) {
    const struct chariot_ref *ref = &future->about;
    const struct chariot_pe *pe = future->pe;
    const char *type = type_name(pe, ref->type);
    char index[120] = "";
    bool one = !ref->whole && !obj_kind_is_single(ref->kind);
    if (one) obj_index_text(ref->ndims, ref->index, index, sizeof index);
    switch (future->about_method) {
    case OBJ_METHOD_CREATED:
        snprintf(text, size, "the creation of %s%s", type, index);
        break;
    case OBJ_METHOD_DESTROY:
        snprintf(text, size, "the destruction of %s", type);
        break;
    case OBJ_METHOD_SELECT:
        snprintf(text, size, "sections of %s that are being made", type);
        break;
    case OBJ_METHOD_REDUCE:
        snprintf(text, size, "the result of an allreduce over %s", type);
        break;
    default:
        snprintf(text, size, "the result of %s%s.%s%s", type, index, method_name(pe, ref->type, future->about_method),
                 ref->whole ? " on all elements" : "");
    }
}

void chariot_future_describe(const struct chariot_future *future, char *text, size_t size) {
    uint64_t come = future->num_values;
    if (future->about.kind != 0)
        describe_call(future, text, size);
    else if (!future->own)
        snprintf(text, size, "a future of PE %u", obj_id_pe(future->id));
    else if (future->needed > 1)
        snprintf(text, size, "a future that has %llu of its %llu values", (unsigned long long)come,
                 (unsigned long long)future->needed);
    else
        snprintf(text, size, "a future");
}

static void note_future(void *value, void *ctx) {
    const struct chariot_future *future = value;
    struct notes *to = ctx;
    char about[300], what[340];
    if (future->complete) return;
    for (const struct chariot_waiter *waiter = future->waiters.first; waiter != NULL; waiter = waiter->next_) {
        chariot_future_describe(future, about, sizeof about);
        snprintf(what, sizeof what, "a callback waits for %s", about);
        chariot_report_add(to->report, &(struct chariot_blocked){.waits = true, .what = what});
    }
}

void obj_report_notes(struct chariot_pe *pe, struct chariot_report *report) {
    struct notes to = {.pe = pe, .report = report};
    obj_map_each(&pe->collections, note_coll, &to);
    obj_map_each(&pe->orphans, note_orphans, &to);
    obj_map_each(&pe->reductions, note_reduction, &to);
    obj_balance_ops.describe(pe, report);
    if (pe->face.describe_blocked == NULL) obj_map_each(&pe->futures, note_future, &to);
}
