/* SELECT has reached a PE: its elements join sections, all of them or, where one fails, none. */
#include "sections/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/call.h"
#include "objects/hang.h"
#include "objects/reduce.h"
#include "objects/ref.h"

/* One element, one section. */
struct pair {
    struct chariot_elem *elem;
    uint32_t section;
};

struct chariot_choice {
    struct pair *pairs; /* owned */
    size_t count, cap;
    uint32_t num; /* sections */
    struct chariot_elem *elem;
};

struct selecting {
    struct chariot_pe *pe;
    struct obj_coll *coll;     /* all of it is asked, */
    struct chariot_elem *only; /* or this element; NULL: all */
    const struct chariot_msg *msg;
    struct section_select what;
    struct chariot_reader rest;
    struct chariot_choice choice;
    struct chariot_msg *error; /* owned: the answer, if it is not NULL */
};

int chariot_choose(struct chariot_choice *choice, int64_t number) {
    if (number < 0) return 0;
    if (number >= choice->num) return CHARIOT_ERANGE;
    if (choice->count == choice->cap) {
        size_t cap = choice->cap == 0 ? 16 : 2 * choice->cap;
        struct pair *pairs = realloc(choice->pairs, cap * sizeof *pairs);
        if (pairs == NULL) return CHARIOT_ENOMEM;
        choice->pairs = pairs;
        choice->cap = cap;
    }
    choice->pairs[choice->count++] = (struct pair){choice->elem, (uint32_t)number};
    return 0;
}

static int read_select(struct selecting *to) {
    struct chariot_value bytes;
    struct section_select *what = &to->what;
    chariot_reader_init(&to->rest, to->msg);
    if (chariot_get_typed(&to->rest, CHARIOT_BYTES, &bytes) != 0 || bytes.bytes.size != sizeof *what)
        return CHARIOT_EMALFORMED;
    memcpy(what, bytes.bytes.data, sizeof *what);
    bool section = obj_id_kind(what->first) == CHARIOT_SECTION && obj_id_is_partial(what->first);
    bool counted = what->num > 0 && obj_id_count(what->first) + what->num < OBJ_ID_EARLY;
    bool known = what->head.type < to->pe->num_types && what->head.ndims <= CHARIOT_MAX_DIMS;
    bool one = what->how == SECTION_LISTS || what->how == SECTION_CHOOSE || what->num == 1;
    bool early = (what->first & OBJ_ID_EARLY) != 0; /* of groups, whose elements never move */
    bool waited_for = !early || (what->how == SECTION_LISTS && to->only == NULL);
    to->choice.num = what->num;
    return waited_for && section && counted && known && one && obj_id_pe(what->first) < to->pe->node.num_pes
               ? 0
               : CHARIOT_EMALFORMED;
}

static bool is_asked(const struct selecting *to, const struct obj_member *member) {
    return member != NULL && member->broadcasts < to->msg->seq;
}

/* The next that is asked, from *at on, as to->choice.elem. False: that was all. */
static bool next_asked(struct selecting *to, size_t *at) {
    size_t count = to->only != NULL ? 1 : to->coll->num_members;
    while (*at < count) {
        size_t i = (*at)++;
        to->choice.elem = to->only;
        if (to->only != NULL) return true;
        if (!is_asked(to, to->coll->members[i])) continue;
        to->choice.elem = to->coll->members[i]->elem;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- ways to say who joins */

static int select_all(struct selecting *to) {
    int rc = 0;
    for (size_t at = 0; rc == 0 && next_asked(to, &at);) rc = chariot_choose(&to->choice, 0);
    return rc;
}

static bool is_in(const struct chariot_pe *pe, const struct chariot_elem *elem, const struct chariot_range *ranges) {
    const struct obj_coll *coll = elem->own.coll;
    struct chariot_index at;
    obj_index_unpack(coll->ndims, elem->index, &at);
    for (uint32_t i = 0; i < at.ndims; i++) {
        int64_t size = coll->kind == CHARIOT_GROUP ? pe->node.num_pes : coll->sparse ? -1 : coll->dims[i];
        struct chariot_range range = section_range_of(&ranges[i], size);
        if (!section_range_has(&range, at.at[i])) return false;
    }
    return true;
}

/* A bool that is neither is not even looked at. */
static bool is_valid(const struct chariot_range *range) {
    uint8_t start, stop;
    memcpy(&start, &range->has_start, sizeof start);
    memcpy(&stop, &range->has_stop, sizeof stop);
    return start <= 1 && stop <= 1 && range->step != 0;
}

static int select_ranges(struct selecting *to) {
    struct chariot_value bytes;
    struct chariot_range ranges[CHARIOT_MAX_DIMS];
    uint32_t ndims = to->what.head.ndims;
    if (chariot_get_typed(&to->rest, CHARIOT_BYTES, &bytes) != 0) return CHARIOT_EMALFORMED;
    if (ndims == 0 || bytes.bytes.size != ndims * sizeof ranges[0]) return CHARIOT_EMALFORMED;
    memcpy(ranges, bytes.bytes.data, bytes.bytes.size);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < ndims; i++) rc = is_valid(&ranges[i]) ? 0 : CHARIOT_EMALFORMED;
    for (size_t at = 0; rc == 0 && next_asked(to, &at);) {
        const struct chariot_elem *elem = to->choice.elem;
        if (elem->own.coll->ndims == ndims && is_in(to->pe, elem, ranges)) rc = chariot_choose(&to->choice, 0);
    }
    return rc;
}

/* The element of this index, if it is asked; or NULL. */
static struct chariot_elem *asked_of(const struct selecting *to, const struct obj_coll *source,
                                     const uint64_t index[OBJ_INDEX_WORDS]) {
    if (to->only != NULL) return memcmp(to->only->index, index, sizeof to->only->index) == 0 ? to->only : NULL;
    struct chariot_elem *elem = obj_map_get(&source->by_index, obj_key3(index));
    return elem != NULL && is_asked(to, obj_member_of(elem, to->coll->id)) ? elem : NULL;
}

static int select_list(struct selecting *to, const struct obj_coll *source, uint32_t section,
                       const struct chariot_value *list) {
    uint64_t index[OBJ_INDEX_WORDS];
    int rc = list->bytes.size % sizeof index == 0 ? 0 : CHARIOT_EMALFORMED;
    for (size_t at = 0; rc == 0 && at < list->bytes.size; at += sizeof index) {
        memcpy(index, list->bytes.data + at, sizeof index);
        to->choice.elem = asked_of(to, source, index);
        if (to->choice.elem != NULL) rc = chariot_choose(&to->choice, section);
    }
    return rc;
}

static int select_lists(struct selecting *to) {
    const struct obj_coll *coll = to->coll;
    const struct obj_coll *source = coll->section == NULL ? coll : obj_coll_get(to->pe, coll->section->source);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < to->what.num; i++) {
        struct chariot_value list;
        rc = chariot_get_typed(&to->rest, CHARIOT_BYTES, &list);
        if (rc == 0 && source != NULL) rc = select_list(to, source, i, &list);
    }
    return rc;
}

/* What the type's `choose` does not say itself. */
static void choose_failed(struct selecting *to, int rc) {
    struct chariot_ref ref;
    char index[OBJ_INDEX_TEXT], text[400];
    obj_elem_ref(to->choice.elem, &ref);
    obj_index_text(ref.ndims, ref.index, index, sizeof index);
    const char *name = to->pe->types[ref.type]->name;
    if (rc == CHARIOT_ETYPE)
        snprintf(text, sizeof text, "chares of %.120s cannot be asked which section they join", name);
    else if (rc == CHARIOT_ERANGE)
        snprintf(text, sizeof text, "%.120s%s chose a section that does not exist: there are %u, numbered from 0", name,
                 index, to->what.num);
    else
        snprintf(text, sizeof text, "%.120s%s, asked which section it joins: %s", name, index, chariot_error_text(rc));
    to->error = obj_error_new(to->pe, rc == CHARIOT_ETYPE ? "TypeError" : "ValueError", text);
}

static int choose(struct selecting *to, struct chariot_msg *rule) {
    struct chariot_pe *pe = to->pe;
    const struct chariot_type *type = pe->types[to->choice.elem->own.coll->type];
    int rc = CHARIOT_ETYPE;
    if (type->choose != NULL) {
        rpc_turn_lend(&pe->node.turn);
        rc = type->choose(pe, type, to->choice.elem, rule, &to->choice, &to->error);
        rpc_turn_take(&pe->node.turn);
    }
    if (rc < 0 && rc != CHARIOT_ENOMEM && to->error == NULL) choose_failed(to, rc);
    return rc == CHARIOT_ENOMEM ? rc : 0;
}

static int select_choose(struct selecting *to) {
    struct chariot_msg *rule = NULL;
    if (!chariot_reader_done(&to->rest)) {
        rule = obj_msg_rest(to->pe, OBJ_KIND_TASK, &to->rest);
        if (rule == NULL) return CHARIOT_ENOMEM;
    }
    int rc = 0;
    for (size_t at = 0; rc == 0 && to->error == NULL && !to->pe->ending && next_asked(to, &at);) rc = choose(to, rule);
    rpc_msg_unref(rule);
    return rc;
}

/* ---------------------------------------------------------------- joining */

/* Keeps the pairs that are new. */
static int join(struct selecting *to) {
    struct pair *pairs = to->choice.pairs;
    size_t kept = 0;
    for (size_t i = 0; i < to->choice.count; i++) {
        uint64_t id = to->what.first + pairs[i].section;
        if (obj_seat_find(pairs[i].elem, id) != NULL) continue; /* it joined before it came here */
        struct obj_coll *section = obj_section_meet(to->pe, id, &to->what.head);
        if (section == NULL) return CHARIOT_EMALFORMED;
        int rc = obj_section_join(section, pairs[i].elem);
        if (rc < 0) return rc;
        if (rc == 0) pairs[kept++] = pairs[i];
    }
    to->choice.count = kept;
    return 0;
}

static void refuse_strangers(struct chariot_pe *pe, const struct obj_coll *section) {
    for (size_t i = 0; section != NULL && i < section->num_members; i++) {
        const struct obj_member *member = section->members[i];
        if (member == NULL || !member->unconfirmed) continue;
        char index[OBJ_INDEX_TEXT], line[400];
        obj_index_text(member->elem->own.coll->ndims, member->elem->index, index, sizeof index);
        snprintf(line, sizeof line, "chariot: PE %u: %.120s%s contributed to a section of which it is no member\n",
                 pe->node.pe, pe->types[member->elem->own.coll->type]->name, index);
        obj_end_abort(pe, 1, line);
        return;
    }
}

/* Of sections whose refs were handed out at once: from now on it is known here who their members are. */
static int note_told(struct selecting *to) {
    uint64_t first = to->what.first;
    if ((first & OBJ_ID_EARLY) == 0) return 0;
    struct obj_map *told = &to->coll->chosen_by;
    obj_map_remove(told, obj_key1(obj_id_pe(first)));
    uintptr_t end = (uintptr_t)(obj_id_count(first) + to->what.num);
    int rc = obj_map_add(told, obj_key1(obj_id_pe(first)), (void *)end);
    for (uint32_t i = 0; rc == 0 && i < to->what.num; i++) refuse_strangers(to->pe, obj_coll_get(to->pe, first + i));
    return rc;
}

static int by_section(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    return (x->section > y->section) - (x->section < y->section);
}

/* Of the pairs that there are, whatever the number of sections. NULL: there are none; or no memory (*rc). */
static struct chariot_msg *shares_new(struct selecting *to, int *rc) {
    size_t count = to->choice.count, num = 0;
    if (count == 0) return NULL;
    struct pair *pairs = to->choice.pairs;
    struct section_share *shares = malloc(count * sizeof *shares);
    if (shares == NULL) {
        *rc = CHARIOT_ENOMEM;
        return NULL;
    }
    qsort(pairs, count, sizeof *pairs, by_section);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || pairs[i].section != pairs[i - 1].section)
            shares[num++] = (struct section_share){pairs[i].section, to->pe->node.pe, 0};
        shares[num - 1].count++;
    }
    struct chariot_writer writer;
    struct chariot_msg *value = NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, shares, num * sizeof *shares);
    *rc = chariot_writer_finish(&writer, &value);
    free(shares);
    return *rc == 0 ? value : NULL;
}

static int join_and_count(struct selecting *to, struct chariot_msg **answer) {
    int rc = join(to);
    if (rc == 0) rc = note_told(to);
    if (rc == 0) *answer = shares_new(to, &rc);
    return rc;
}

/* ---------------------------------------------------------------- all of it */

static int find_members(struct selecting *to) {
    static int (*const ways[])(struct selecting * to) = {[SECTION_ALL] = select_all,
                                                         [SECTION_RANGES] = select_ranges,
                                                         [SECTION_LISTS] = select_lists,
                                                         [SECTION_CHOOSE] = select_choose};
    if (to->what.how > SECTION_CHOOSE) return CHARIOT_EMALFORMED;
    int rc = ways[to->what.how](to);
    for (size_t i = 0; to->only == NULL && i < to->coll->num_members; i++) {
        if (is_asked(to, to->coll->members[i])) to->coll->members[i]->broadcasts = to->msg->seq;
    }
    return rc;
}

void section_select(struct chariot_pe *pe, struct obj_coll *coll, struct chariot_elem *elem, struct chariot_msg *msg,
                    const struct chariot_reply *reply) {
    struct selecting to = {.pe = pe, .coll = coll, .only = elem, .msg = msg};
    struct chariot_msg *answer = NULL;
    struct chariot_reply to_reply = *reply;
    int rc = read_select(&to);
    if (rc == 0) rc = find_members(&to);
    if (rc == 0 && to.error == NULL) rc = join_and_count(&to, &answer);
    free(to.choice.pairs);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (rc == CHARIOT_EMALFORMED) obj_refuse(pe, msg);
    if (pe->ending) {
        rpc_msg_unref(to.error);
        rpc_msg_unref(answer);
        return;
    }
    if (to.error != NULL) answer = to.error;
    to_reply.want_value = answer != NULL; /* who has no share gives no value */
    obj_reply_take(pe, &to_reply, answer);
}
