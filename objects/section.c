#include "objects/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objects/reduce.h"
#include "objects/ref.h"
#include "objects/span.h"

/* What a LEFT message says, in its method field. */
enum {
    LEFT_BELOW = 0, /* to the tree parent; seq 1: and no member lives there or below any more */
    LEFT_TELL,      /* local: tell it */
};

/* ---------------------------------------------------------------- members join */

struct obj_coll *obj_section_meet(struct chariot_pe *pe, uint64_t id, const struct obj_section_head *head) {
    struct obj_coll *coll = obj_coll_get(pe, id);
    if (coll != NULL) return coll->kind == CHARIOT_SECTION && coll->type == head->type ? coll : NULL;
    struct obj_section *section = calloc(1, sizeof *section);
    coll = section == NULL ? NULL : obj_coll_add(pe, id, head->type, CHARIOT_SECTION, (uint8_t)head->ndims);
    if (coll == NULL) {
        free(section);
        obj_out_of_memory(pe);
        return NULL;
    }
    section->source = head->source;
    coll->section = section;
    coll->filling = coll->holding = coll->settled = true;
    obj_wait_release(pe, &pe->orphans, obj_key1(id));
    return coll;
}

int obj_section_join(struct obj_coll *section, struct chariot_elem *elem) {
    struct obj_member *member = obj_member_of(elem, section->id);
    if (member != NULL) {
        bool known = !member->unconfirmed;
        member->unconfirmed = false;
        return known ? 1 : 0;
    }
    member = calloc(1, sizeof *member);
    if (member == NULL) return CHARIOT_ENOMEM;
    member->elem = elem;
    int rc = obj_member_add(section, member);
    if (rc != 0) {
        free(member);
        return rc;
    }
    member->next = elem->sections;
    elem->sections = member;
    return 0;
}

/* Whether the PEs of its source are still to hear who the members are. */
static bool is_to_be_told(struct chariot_pe *pe, const struct obj_coll *source, uint64_t id) {
    uintptr_t told = (uintptr_t)obj_map_get(&source->chosen_by, obj_key1(obj_id_pe(id)));
    return (id & OBJ_ID_EARLY) != 0 && obj_id_count(id) >= told && !obj_coll_is_gone(pe, id);
}

int obj_section_find(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                     struct obj_role *role) {
    role->member = over == NULL ? &elem->own : obj_member_of(elem, over->collection);
    role->seat = role->member != NULL ? NULL : obj_seat_find(elem, over->collection);
    if (role->member != NULL || role->seat != NULL) return over == NULL || over->whole ? 0 : CHARIOT_ENOENT;
    const struct obj_coll *source = elem->own.coll;
    if (over->kind != CHARIOT_SECTION || !over->whole || over->index[OBJ_SOURCE_WORD] != source->id)
        return CHARIOT_ENOENT;
    if (!is_to_be_told(pe, source, over->collection)) return CHARIOT_ENOENT;
    const struct obj_section_head head = {.source = source->id, .type = over->type, .ndims = over->ndims};
    struct obj_coll *section = obj_section_meet(pe, over->collection, &head);
    int rc = section == NULL ? CHARIOT_ENOMEM : obj_section_join(section, elem);
    if (rc < 0) return rc;
    role->member = obj_member_of(elem, over->collection);
    role->member->unconfirmed = true;
    return 0;
}

/* ---------------------------------------------------------------- who has left */

static void tell(struct chariot_pe *pe, struct obj_coll *coll) {
    if (coll->section->telling || !coll->section->opened) return;
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_SECTION_LEFT, 0);
    if (msg == NULL) return;
    msg->target = coll->id;
    msg->method = LEFT_TELL;
    coll->section->telling = true;
    obj_pe_queue_take(pe, msg);
}

static int note_left(struct obj_section *section, uint64_t from, uint64_t count) {
    size_t at = 0;
    while (at < section->num_left && section->left[at].from < from) at++;
    if (at < section->num_left && section->left[at].from == from) {
        section->left[at].count += count;
        return 0;
    }
    if (section->num_left == section->cap_left) {
        size_t cap = section->cap_left == 0 ? 4 : 2 * section->cap_left;
        struct obj_left *left = realloc(section->left, cap * sizeof *left);
        if (left == NULL) return CHARIOT_ENOMEM;
        section->left = left;
        section->cap_left = cap;
    }
    memmove(&section->left[at + 1], &section->left[at], (section->num_left - at) * sizeof *section->left);
    section->left[at] = (struct obj_left){from, count};
    section->num_left++;
    return 0;
}

/* ---------------------------------------------------------------- opening */

static int read_open(const struct chariot_pe *pe, const struct chariot_msg *msg, struct obj_section_head *head) {
    struct chariot_reader reader;
    struct chariot_value row, bytes;
    chariot_reader_init(&reader, msg);
    int rc = chariot_get_typed(&reader, CHARIOT_BYTES, &row);
    if (rc == 0) rc = chariot_get_typed(&reader, CHARIOT_BYTES, &bytes);
    if (rc != 0 || bytes.bytes.size != sizeof *head) return CHARIOT_EMALFORMED;
    memcpy(head, bytes.bytes.data, sizeof *head);
    bool good = head->type < pe->num_types && head->ndims <= CHARIOT_MAX_DIMS;
    return good && obj_id_kind(msg->target) == CHARIOT_SECTION ? 0 : CHARIOT_EMALFORMED;
}

/* The section was made at once, and its group is being destroyed: its element was not asked, and joins; or is gone. */
static void join_untold(struct chariot_pe *pe, struct obj_coll *coll) {
    struct chariot_elem *elem = obj_elem_find(pe, coll->section->source, (const uint64_t[3]){pe->node.pe, 0, 0});
    int rc = elem != NULL ? obj_section_join(coll, elem) : note_left(coll->section, 0, 1);
    if (rc < 0) obj_out_of_memory(pe);
}

void obj_section_on_open(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_section_head head;
    struct obj_coll *coll = read_open(pe, msg, &head) == 0 ? obj_section_meet(pe, msg->target, &head) : NULL;
    if (coll == NULL || coll->section == NULL || coll->section->opened) {
        obj_refuse(pe, msg);
        return;
    }
    uint32_t children[OBJ_TREE_RADIX];
    coll->section->opened = true;
    coll->root = msg->root;
    coll->total = coll->total_created = head.total;
    coll->counted = true;
    coll->filling = false;
    coll->expected = (1u << obj_span_children(pe, coll->id, children)) - 1;
    if (coll->num_members == 0) join_untold(pe, coll);
    if (coll->section->num_left > 0) tell(pe, coll);
    obj_reduce_recheck(pe, coll);
    obj_broadcast_release(pe, coll);
}

/* ---------------------------------------------------------------- members leave */

static void leave(struct chariot_pe *pe, struct obj_member *member) {
    struct obj_coll *coll = member->coll;
    coll->members[member->place] = NULL;
    coll->num_living--;
    if (!pe->ending && note_left(coll->section, member->reductions, 1) != 0) obj_out_of_memory(pe);
    if (!pe->ending) tell(pe, coll);
    obj_absent_free(member->absent);
    free(member);
}

void obj_section_left(struct chariot_pe *pe, struct obj_member *member) {
    uint64_t id = member->coll->id, closed = member->coll->closed;
    const struct chariot_ref nobody = {.ndims = 1};
    bool asked = closed != 0 && member->broadcasts >= closed;
    if (asked) /* it counts until the section is destroyed: nobody gets a result without it */
        obj_reduce_answer_take(pe, id, closed, &nobody, NULL);
    else
        leave(pe, member);
}

void obj_section_leave_all(struct chariot_pe *pe, struct chariot_elem *elem) {
    while (elem->sections != NULL) {
        struct obj_member *member = elem->sections;
        elem->sections = member->next;
        leave(pe, member);
    }
    obj_seats_give_up_all(pe, elem);
}

uint64_t obj_section_need(const struct obj_coll *coll, uint64_t number) {
    uint64_t need = coll->total;
    const struct obj_section *section = coll->section;
    for (size_t i = 0; section != NULL && i < section->num_left && section->left[i].from <= number; i++) {
        need -= section->left[i].count < need ? section->left[i].count : need;
    }
    return need;
}

/* To the tree parent, with all that was noted; the root keeps it. What is left here may be complete by now. */
static void on_tell(struct chariot_pe *pe, struct obj_coll *coll) {
    struct obj_section *section = coll->section;
    section->telling = false;
    obj_reduce_recheck(pe, coll); /* first: what has been contributed goes before */
    if (coll->root == pe->node.pe) return;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_bytes(&writer, section->left, section->num_left * sizeof *section->left);
    struct chariot_msg *msg = obj_msg_finish(pe, OBJ_KIND_SECTION_LEFT, &writer);
    if (msg == NULL) return;
    msg->target = coll->id;
    msg->seq = coll->num_living == 0 && coll->expected == 0;
    section->num_left = 0;
    obj_span_send_up_take(pe, coll->id, msg);
}

static int read_left(struct obj_section *section, const struct chariot_msg *msg) {
    struct chariot_reader reader;
    struct chariot_value bytes;
    struct obj_left left;
    chariot_reader_init(&reader, msg);
    int rc = chariot_get_typed(&reader, CHARIOT_BYTES, &bytes);
    if (rc != 0 || bytes.bytes.size % sizeof left != 0) return CHARIOT_EMALFORMED;
    for (size_t at = 0; rc == 0 && at < bytes.bytes.size; at += sizeof left) {
        memcpy(&left, bytes.bytes.data + at, sizeof left);
        rc = note_left(section, left.from, left.count);
    }
    return rc;
}

void obj_section_on_left(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct obj_coll *coll = obj_coll_get(pe, msg->target);
    if (coll == NULL || coll->section == NULL) return; /* it has been destroyed */
    if (msg->method == LEFT_TELL) {
        on_tell(pe, coll);
        return;
    }
    int child = obj_span_child(pe, coll->id, msg->from);
    int rc = child < 0 ? CHARIOT_EMALFORMED : read_left(coll->section, msg);
    if (rc == CHARIOT_ENOMEM) obj_out_of_memory(pe);
    if (rc == CHARIOT_EMALFORMED) obj_refuse(pe, msg);
    if (rc != 0) return;
    if (msg->seq != 0) coll->expected &= ~(1u << child);
    tell(pe, coll);
}

/* ---------------------------------------------------------------- methods by name */

static uint32_t *translate(const struct chariot_type *from, const struct chariot_type *to) {
    uint32_t *table = malloc((from->num_methods + (size_t)1) * sizeof *table);
    for (uint32_t i = 0; table != NULL && i < from->num_methods; i++)
        table[i] = obj_type_find_method(to, from->methods[i].name);
    return table;
}

uint32_t obj_section_translate(struct chariot_pe *pe, const struct obj_member *member, uint32_t method) {
    const struct obj_coll *coll = member->coll;
    uint32_t type = obj_member_type(member);
    if (method >= pe->types[coll->type]->num_methods) return method;
    struct obj_map *tables = &coll->section->methods;
    uint32_t *table = obj_map_get(tables, obj_key1(type));
    if (table == NULL) {
        table = translate(pe->types[coll->type], pe->types[type]);
        if (table == NULL || obj_map_add(tables, obj_key1(type), table) != 0) {
            free(table);
            obj_out_of_memory(pe);
            return UINT32_MAX;
        }
    }
    return table[method];
}

/* ---------------------------------------------------------------- the end */

static void free_table(void *value, void *ctx) {
    (void)ctx;
    free(value);
}

static void unlink_member(struct obj_member *member) {
    if (member->elem != NULL) {
        struct obj_member **at = &member->elem->sections;
        while (*at != member) at = &(*at)->next;
        *at = member->next;
    }
    obj_absent_free(member->absent);
    free(member);
}

void obj_section_free(struct obj_coll *coll) {
    for (size_t i = 0; i < coll->num_members; i++) {
        if (coll->members[i] != NULL) unlink_member(coll->members[i]);
    }
    obj_map_each(&coll->section->methods, free_table, NULL);
    obj_map_deinit(&coll->section->methods);
    free(coll->section->left);
    free(coll->section);
}
