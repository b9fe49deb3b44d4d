#include "lb/queue.h"

#include <stdlib.h>

#include "lb/place.h"
#include "rpc/error.h"

/* Without a branch: which of two children comes first cannot be foretold. */
static bool is_before(const struct lb_queue_row *a, const struct lb_queue_row *b) {
    return (a->time < b->time) | ((a->time == b->time) & (a->pe < b->pe));
}

/* A row that has got work belongs near the bottom: the gap goes all the way down, and the row up from there. */
static void sift_down(struct lb_queue_row *heap, uint32_t count, uint32_t at) {
    struct lb_queue_row row = heap[at];
    uint32_t top = at, child;
    while ((child = 2 * at + 1) + 1 < count) {
        child += is_before(&heap[child + 1], &heap[child]);
        heap[at] = heap[child];
        at = child;
    }
    if (child < count) {
        heap[at] = heap[child];
        at = child;
    }
    for (uint32_t parent; at > top && is_before(&row, &heap[parent = (at - 1) / 2]); at = parent) {
        heap[at] = heap[parent];
    }
    heap[at] = row;
}

struct fast {
    double speed;
    uint32_t pe;
};

static int by_speed(const void *a, const void *b) {
    const struct fast *x = a, *y = b;
    if (x->speed != y->speed) return x->speed > y->speed ? -1 : 1;
    return x->pe < y->pe ? -1 : x->pe > y->pe;
}

static void fill(struct lb_queue *queue, const struct fast *list, uint32_t count, const double *times) {
    for (uint32_t i = 0; i < count; i++) {
        queue->rows[i] = (struct lb_queue_row){times[list[i].pe], list[i].pe};
        if (i == 0 || list[i].speed != list[i - 1].speed)
            queue->classes[queue->num_classes++] = (struct lb_queue_class){list[i].speed, &queue->rows[i], 0};
        queue->classes[queue->num_classes - 1].count++;
    }
}

int lb_queue_init(struct lb_queue *queue, const struct lb_stats *stats, const double *times) {
    struct fast *list = malloc(stats->num_pes * sizeof *list);
    *queue = (struct lb_queue){.rows = malloc(stats->num_pes * sizeof *queue->rows),
                               .classes = malloc(stats->num_pes * sizeof *queue->classes)};
    if (list == NULL || queue->rows == NULL || queue->classes == NULL) {
        free(list);
        lb_queue_deinit(queue);
        return CHARIOT_ENOMEM;
    }
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) list[pe] = (struct fast){lb_speed(stats, pe), pe};
    qsort(list, stats->num_pes, sizeof *list, by_speed);
    fill(queue, list, stats->num_pes, times);
    free(list);
    for (uint32_t i = 0; i < queue->num_classes; i++) {
        for (uint32_t at = queue->classes[i].count / 2; at-- > 0;) {
            sift_down(queue->classes[i].heap, queue->classes[i].count, at);
        }
    }
    return 0;
}

void lb_queue_deinit(struct lb_queue *queue) {
    free(queue->rows);
    free(queue->classes);
    *queue = (struct lb_queue){0};
}

static uint32_t best_class(const struct lb_queue *queue, double load) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < queue->num_classes; i++) {
        const struct lb_queue_class *a = &queue->classes[i], *b = &queue->classes[best];
        if (a->heap[0].time + load / a->speed < b->heap[0].time + load / b->speed) best = i;
    }
    return best;
}

double lb_queue_when(const struct lb_queue *queue, double load, uint32_t *pe) {
    const struct lb_queue_class *best = &queue->classes[best_class(queue, load)];
    *pe = best->heap[0].pe;
    return best->heap[0].time + load / best->speed;
}

uint32_t lb_queue_put(struct lb_queue *queue, double load) {
    struct lb_queue_class *best = &queue->classes[best_class(queue, load)];
    uint32_t pe = best->heap[0].pe;
    best->heap[0].time += load / best->speed;
    sift_down(best->heap, best->count, 0);
    return pe;
}
