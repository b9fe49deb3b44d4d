#include "sections/make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/future.h"
#include "objects/location.h"
#include "objects/ref.h"
#include "sections/row.h"

struct making;

/* One source, which was sent SELECT. */
struct ask {
    struct making *of;
    struct chariot_future *answer; /* owned */
    struct chariot_waiter waiter;
};

struct making {
    struct chariot_pe *pe;
    struct making *next; /* pe->sections */
    uint64_t first;
    struct section_plan plan;    /* of: owned copy; future: owned reference */
    struct section_wish *wishes; /* owned, or NULL */
    struct chariot_msg *select;  /* owned */
    struct ask *asks;            /* owned, one for each source */
    size_t unanswered;
    struct section_share *shares; /* owned; by section and PE once all have answered */
    size_t num_shares;
};

static void making_free(struct making *making) {
    for (size_t i = 0; i < making->plan.num_of; i++) {
        chariot_waiter_forget(&making->asks[i].waiter);
        obj_future_unref(making->asks[i].answer);
    }
    obj_future_unref(making->plan.future);
    free((struct chariot_ref *)(uintptr_t)making->plan.of);
    free(making->wishes);
    rpc_msg_unref(making->select);
    free(making->asks);
    free(making->shares);
    free(making);
}

static void forget(struct making *making) {
    struct making **at = (struct making **)(void *)&making->pe->sections;
    while (*at != making) at = &(*at)->next;
    *at = making->next;
    making_free(making);
}

void section_make_deinit(struct chariot_pe *pe) {
    while (pe->sections != NULL) forget(pe->sections);
}

/* ---------------------------------------------------------------- asking */

static struct obj_section_head head_of(const struct section_plan *plan) {
    const struct chariot_ref *of = &plan->of[0];
    bool one = plan->num_of == 1;
    uint64_t source = of->kind == CHARIOT_SECTION ? of->index[OBJ_SOURCE_WORD] : of->collection;
    return (struct obj_section_head){.source = one ? source : 0, .type = of->type, .ndims = one ? of->ndims : 0};
}

int section_plan_begin(struct chariot_pe *pe, const struct section_plan *plan, struct chariot_writer *writer,
                       uint64_t *first) {
    uint64_t flags = OBJ_ID_PARTIAL | (plan->future == NULL ? OBJ_ID_EARLY : 0);
    *first = obj_id_make(CHARIOT_SECTION, pe->node.pe, pe->next_collection | flags);
    pe->next_collection += plan->num;
    const struct section_select what = {
        .first = *first, .num = plan->num, .how = (uint32_t)plan->how, .head = head_of(plan)};
    chariot_writer_init_take(writer, NULL);
    return chariot_put_bytes(writer, &what, sizeof what);
}

void section_plan_ref(const struct section_plan *plan, uint64_t first, uint32_t i, uint32_t root,
                      struct chariot_ref *out) {
    const struct obj_section_head head = head_of(plan);
    *out = (struct chariot_ref){
        .collection = first + i, .type = head.type, .kind = CHARIOT_SECTION, .ndims = (uint8_t)head.ndims, .whole = 1};
    const struct chariot_ref *of = &plan->of[0];
    bool partial = obj_id_is_partial(head.source);
    out->index[OBJ_SOURCE_WORD] = head.source;
    out->index[OBJ_SOURCE_ROOT_WORD] =
        !partial ? 0 : of->index[of->kind == CHARIOT_SECTION ? OBJ_SOURCE_ROOT_WORD : OBJ_ROOT_WORD];
    out->index[OBJ_ROOT_WORD] = root;
}

static void on_answer(struct chariot_pe *pe, void *ctx);

static struct making *making_new(struct chariot_pe *pe, const struct section_plan *plan,
                                 const struct section_wish *wishes) {
    struct making *making = calloc(1, sizeof *making);
    struct chariot_ref *of = malloc(plan->num_of * sizeof *of);
    struct ask *asks = calloc(plan->num_of, sizeof *asks);
    struct section_wish *copy = wishes == NULL ? NULL : malloc(plan->num * sizeof *copy);
    if (making == NULL || of == NULL || asks == NULL || (wishes != NULL && copy == NULL)) {
        free(making);
        free(of);
        free(asks);
        free(copy);
        return NULL;
    }
    memcpy(of, plan->of, plan->num_of * sizeof *of);
    if (wishes != NULL) memcpy(copy, wishes, plan->num * sizeof *copy);
    *making = (struct making){.pe = pe, .plan = *plan, .wishes = copy, .asks = asks, .unanswered = plan->num_of};
    making->plan.of = of;
    if (plan->future != NULL) obj_future_ref(plan->future);
    making->next = pe->sections;
    pe->sections = making;
    return making;
}

static int ask(struct making *making, size_t i, struct chariot_msg *select) {
    struct chariot_pe *pe = making->pe;
    const struct chariot_ref *of = &making->plan.of[i];
    struct ask *ask = &making->asks[i];
    ask->of = making;
    ask->waiter = (struct chariot_waiter){.fn = on_answer, .ctx = ask};
    ask->answer = obj_future_new(pe, 1);
    if (ask->answer == NULL) return CHARIOT_ENOMEM;
    obj_future_set_about(ask->answer, of, OBJ_METHOD_SELECT);
    obj_broadcast_take(pe, of->collection, obj_ref_root(of), OBJ_METHOD_SELECT, OBJ_FLAG_WANT_VALUE,
                       obj_future_own_id(ask->answer), rpc_msg_ref(select));
    return chariot_future_wait(ask->answer, &ask->waiter);
}

int section_plan_start_take(struct chariot_pe *pe, const struct section_plan *plan, uint64_t first,
                            struct chariot_msg *select, const struct section_wish *wishes) {
    struct making *making = making_new(pe, plan, wishes);
    int rc = making == NULL ? CHARIOT_ENOMEM : 0;
    if (rc == 0) making->first = first;
    if (rc == 0) making->select = rpc_msg_ref(select);
    if (rc == 0 && plan->future != NULL) obj_future_set_about(plan->future, &plan->of[0], OBJ_METHOD_SELECT);
    for (size_t i = 0; rc == 0 && i < plan->num_of; i++) rc = ask(making, i, select);
    if (rc != 0 && making != NULL) forget(making);
    rpc_msg_unref(select);
    return rc;
}

/* ---------------------------------------------------------------- what they have answered */

static int add_shares(struct making *making, const struct chariot_value *bytes) {
    size_t size = bytes->bytes.size, have = making->num_shares * sizeof *making->shares;
    if (size % sizeof *making->shares != 0) return CHARIOT_EMALFORMED;
    struct section_share *shares = realloc(making->shares, have + size);
    if (shares == NULL) return CHARIOT_ENOMEM;
    memcpy((uint8_t *)shares + have, bytes->bytes.data, size);
    making->shares = shares;
    making->num_shares += size / sizeof *shares;
    for (size_t i = have / sizeof *shares; i < making->num_shares; i++) {
        if (shares[i].section >= making->plan.num || shares[i].pe >= making->pe->node.num_pes)
            return CHARIOT_EMALFORMED;
    }
    return 0;
}

/* A message of one encoded error value. */
static struct chariot_msg *error_of(struct chariot_pe *pe, const void *data, size_t size) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, data, size);
    struct chariot_msg *error = obj_msg_finish(pe, OBJ_KIND_VALUE, &writer);
    if (error != NULL) chariot_msg_set_error(error);
    return error;
}

/* What each PE of one source has said. The first error is given. */
static int read_answer(struct making *making, struct chariot_msg *answer, struct chariot_msg **error) {
    struct chariot_reader reader;
    struct chariot_value list;
    if (chariot_msg_is_error(answer)) {
        if (*error == NULL) *error = rpc_msg_ref(answer);
        return 0;
    }
    chariot_reader_init(&reader, answer);
    int rc = chariot_get_typed(&reader, CHARIOT_LIST, &list);
    for (uint64_t i = 0; rc == 0 && i < list.count; i++) {
        struct chariot_reader item;
        struct chariot_value value;
        const void *data;
        size_t size;
        rc = chariot_skip(&reader, &data, &size);
        item = (struct chariot_reader){.at = data, .end = (const uint8_t *)data + size, .begin = data};
        if (rc == 0) rc = chariot_get(&item, &value);
        if (rc == 0 && value.type == CHARIOT_BYTES)
            rc = add_shares(making, &value);
        else if (rc == 0 && *error == NULL)
            *error = error_of(making->pe, data, size);
    }
    return rc;
}

static int by_section(const void *a, const void *b) {
    const struct section_share *x = a, *y = b;
    if (x->section != y->section) return x->section < y->section ? -1 : 1;
    return (x->pe > y->pe) - (x->pe < y->pe);
}

/* Sorted, and those of one PE from several sources added up. */
static void merge(struct making *making) {
    struct section_share *shares = making->shares;
    size_t kept = 0;
    if (making->num_shares > 1) qsort(shares, making->num_shares, sizeof *shares, by_section);
    for (size_t i = 0; i < making->num_shares; i++) {
        if (kept > 0 && by_section(&shares[kept - 1], &shares[i]) == 0)
            shares[kept - 1].count += shares[i].count;
        else
            shares[kept++] = shares[i];
    }
    making->num_shares = kept;
}

/* The shares of section i, from *at on: gives how many, and its members. */
static size_t shares_of(const struct making *making, uint32_t i, size_t at, uint64_t *members) {
    size_t count = 0;
    *members = 0;
    while (at + count < making->num_shares && making->shares[at + count].section == i) {
        *members += making->shares[at + count++].count;
    }
    return count;
}

static const char *name_of_source(const struct making *making) {
    uint32_t type = making->plan.of[0].type;
    return type < making->pe->num_types ? making->pe->types[type]->name : "?";
}

/* NULL: each section has the members that it should. */
static struct chariot_msg *find_fault(const struct making *making) {
    char text[300] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < making->plan.num && text[0] == 0; i++) {
        uint64_t members;
        at += shares_of(making, i, at, &members);
        uint64_t asked = making->wishes == NULL ? members : making->wishes[i].members;
        if (members < asked)
            snprintf(text, sizeof text, "section %u of %u: %llu of its %llu indices name no element of %.120s", i,
                     making->plan.num, (unsigned long long)(asked - members), (unsigned long long)asked,
                     name_of_source(making));
        else if (members == 0)
            snprintf(text, sizeof text, "section %u of %u would be empty: no element of %.120s is in it", i,
                     making->plan.num, name_of_source(making));
    }
    return text[0] == 0 ? NULL : obj_error_new(making->pe, "ValueError", text);
}

/* ---------------------------------------------------------------- opening */

/* Opens section i, whose shares these are. */
static int open_one(struct making *making, uint32_t i, const struct section_share *shares, size_t count,
                    uint64_t members, struct chariot_ref *ref) {
    struct chariot_pe *pe = making->pe;
    uint32_t *row = malloc(count * sizeof *row), root;
    if (row == NULL) return CHARIOT_ENOMEM;
    for (size_t k = 0; k < count; k++) row[k] = shares[k].pe;
    int rc = section_row_arrange(pe, row, (uint32_t)count, &root);
    struct obj_section_head head = head_of(&making->plan);
    struct chariot_writer writer;
    head.total = members;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, row, count * sizeof *row);
    chariot_put_bytes(&writer, &head, sizeof head);
    free(row);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_SECTION_OPEN, &writer);
    if (rc != 0 || msg == NULL) {
        rpc_msg_unref(msg);
        return rc != 0 ? rc : CHARIOT_ENOMEM;
    }
    msg->target = making->first + i;
    msg->flags = OBJ_FLAG_TREE;
    msg->root = root;
    section_plan_ref(&making->plan, making->first, i, root, ref);
    obj_send_founding_take(pe, msg);
    return 0;
}

/* Opens all that have members; failed: and destroys them. refs (NULL: none) is written to. */
static int open_all(struct making *making, bool failed, struct chariot_writer *refs) {
    size_t at = 0, count;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < making->plan.num; i++, at += count) {
        uint64_t members;
        struct chariot_ref ref;
        count = shares_of(making, i, at, &members);
        if (count == 0) continue;
        rc = open_one(making, i, &making->shares[at], count, members, &ref);
        if (rc == 0 && failed)
            obj_broadcast_take(making->pe, ref.collection, obj_ref_root(&ref), OBJ_METHOD_DESTROY, 0, 0, NULL);
        else if (rc == 0)
            chariot_put_ref(refs, &ref);
    }
    return rc;
}

static void give_take(struct making *making, struct chariot_msg *value) {
    if (making->plan.future != NULL)
        obj_future_deposit_take(making->pe, making->plan.future, value);
    else
        rpc_msg_unref(value);
}

static int succeed(struct making *making) {
    struct chariot_writer writer;
    struct chariot_msg *refs;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, making->plan.num);
    int rc = open_all(making, false, &writer);
    int written = chariot_writer_finish(&writer, &refs);
    if (rc == 0) rc = written;
    if (rc == 0)
        give_take(making, refs);
    else if (written == 0)
        rpc_msg_unref(refs);
    return rc;
}

/* Section i has these elements, each on a PE of its own: some have contributed before they were destroyed. */
static int empty_one(struct making *making, uint32_t i, const struct chariot_value *indices) {
    uint64_t index[OBJ_INDEX_WORDS];
    size_t count = indices->bytes.size / sizeof index;
    struct section_share *shares = realloc(making->shares, (making->num_shares + count + 1) * sizeof *shares);
    if (shares == NULL) return CHARIOT_ENOMEM;
    making->shares = shares;
    for (size_t at = 0; at < count; at++) {
        memcpy(index, indices->bytes.data + at * sizeof index, sizeof index);
        shares[making->num_shares++] = (struct section_share){i, (uint32_t)index[0], 1};
    }
    return 0;
}

/* Each section has all its members, who are gone. */
static int empty_all(struct making *making) {
    struct chariot_reader reader;
    struct chariot_value bytes;
    making->num_shares = 0;
    chariot_reader_init(&reader, making->select);
    int rc = chariot_get_typed(&reader, CHARIOT_BYTES, &bytes); /* struct section_select */
    for (uint32_t i = 0; rc == 0 && i < making->plan.num; i++) {
        rc = chariot_get_typed(&reader, CHARIOT_BYTES, &bytes);
        if (rc == 0) rc = empty_one(making, i, &bytes);
    }
    return rc == 0 ? succeed(making) : rc;
}

/* error (taken): why the sections cannot be made. */
static int give_up_take(struct making *making, struct chariot_msg *error) {
    bool early = making->plan.future == NULL;
    int rc = early ? empty_all(making) : open_all(making, true, NULL);
    if (rc == 0 && !early)
        give_take(making, error);
    else
        rpc_msg_unref(error);
    return rc;
}

static void conclude(struct making *making) {
    struct chariot_msg *error = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < making->plan.num_of; i++) {
        rc = read_answer(making, chariot_future_message(making->asks[i].answer, 0), &error);
    }
    if (rc == 0) merge(making);
    if (rc == 0 && error == NULL) error = find_fault(making);
    if (rc == 0)
        rc = error == NULL ? succeed(making) : give_up_take(making, error);
    else
        rpc_msg_unref(error);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(making->pe);
    forget(making);
}

static void on_answer(struct chariot_pe *pe, void *ctx) {
    struct ask *ask = ctx;
    (void)pe;
    if (--ask->of->unanswered == 0) conclude(ask->of);
}
