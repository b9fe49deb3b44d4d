/* The moves of a step: who is to leave, and what became of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/step.h"

/* ---------------------------------------------------------------- PE 0 */

struct outgoing {
    const struct lb_gathered *gathered;
    const struct lb_plan *plan;
    uint32_t *by_pe; /* numbers of moves, PE by PE; owned */
    size_t *first;   /* of each PE, among them; owned */
};

static uint32_t from_of(const struct outgoing *out, size_t move) {
    return out->gathered->stats.objects[out->plan->moves[move].object].pe;
}

/* Counting sort by the PE that they leave. */
static int sort(struct outgoing *out, uint32_t num_pes) {
    out->by_pe = malloc((out->plan->num_moves + 1) * sizeof *out->by_pe);
    out->first = calloc((size_t)num_pes + 2, sizeof *out->first);
    if (out->by_pe == NULL || out->first == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; i < out->plan->num_moves; i++) out->first[from_of(out, i) + 2]++;
    for (uint32_t pe = 0; pe < num_pes; pe++) out->first[pe + 2] += out->first[pe + 1];
    for (size_t i = 0; i < out->plan->num_moves; i++) out->by_pe[out->first[from_of(out, i) + 1]++] = (uint32_t)i;
    return 0;
}

static int send_to(struct chariot_pe *pe, const struct outgoing *out, uint32_t to) {
    size_t begin = out->first[to], count = out->first[to + 1] - begin;
    if (count == 0) return 0;
    struct lb_order *orders = calloc(count, sizeof *orders);
    if (orders == NULL) return CHARIOT_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct lb_move *move = &out->plan->moves[out->by_pe[begin + i]];
        orders[i] = (struct lb_order){.name = out->gathered->names[move->object], .to = move->to};
    }
    struct chariot_msg *args = lb_bytes_new(pe, orders, count * sizeof *orders);
    free(orders);
    if (args != NULL) lb_call_take(pe, to, LB_CALL_MOVE, args);
    return 0;
}

void lb_moves_send(struct chariot_pe *pe, const struct lb_gathered *gathered, const struct lb_plan *plan) {
    struct outgoing out = {.gathered = gathered, .plan = plan};
    int rc = sort(&out, pe->node.num_pes);
    for (uint32_t to = 0; rc == 0 && to < pe->node.num_pes; to++) rc = send_to(pe, &out, to);
    if (rc != 0) obj_out_of_memory(pe);
    free(out.by_pe);
    free(out.first);
}

/* ---------------------------------------------------------------- where they live */

int lb_on_order(struct chariot_call *call) {
    struct chariot_pe *pe = call->pe;
    const uint8_t *data;
    size_t size;
    int rc = lb_bytes_read(call->args, 0, &data, &size);
    if (rc != 0 || size % sizeof(struct lb_order) != 0) return CHARIOT_EMALFORMED;
    OBJ_API(pe);
    for (size_t at = 0; at < size && !pe->ending; at += sizeof(struct lb_order)) {
        struct lb_order order;
        memcpy(&order, data + at, sizeof order);
        struct chariot_elem *elem = obj_elem_find(pe, order.name.coll, order.name.index);
        lb_move_start(pe, elem, order.to);
    }
    return 0;
}

void lb_move_start(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to) {
    int rc =
        elem == NULL ? CHARIOT_ENOENT : lb_move_in_step(pe, elem, to); /* it was destroyed, or has moved by itself */
    if (rc != 0) lb_move_refused(pe, NULL);
}

void lb_move_settled(struct chariot_pe *pe, uint64_t bytes) {
    lb_note(pe, LB_BYTES, (int64_t)bytes);
    lb_note(pe, LB_SETTLED, 1);
}

/* Of what is common the step's line tells; of what the program should mend, once. */
void lb_move_refused(struct chariot_pe *pe, const char *why) {
    struct lb_part *part = lb_part_of(pe);
    char line[600];
    lb_note(pe, LB_REFUSED, 1);
    lb_note(pe, LB_SETTLED, 1);
    if (why == NULL || part->complained || pe->ending) return;
    part->complained = true;
    snprintf(line, sizeof line, "chariot: PE %u: the balancer cannot move an element: %.450s\n", pe->node.pe, why);
    lb_say(pe, line);
}
