/* lb/queue.h: PEs in the order in which they would be done: which of them finishes one more piece of work first.
 *
 * PEs of the same speed stand in a heap of their own, so that the answer is exact where speeds differ: log P steps for
 * each speed that there is. */
#ifndef CHARIOT_LB_QUEUE_H
#define CHARIOT_LB_QUEUE_H

#include "lb/balancer.h"

struct lb_queue_row {
    double time;
    uint32_t pe;
};

struct lb_queue_class {
    double speed;
    struct lb_queue_row *heap; /* borrowed from the queue's rows */
    uint32_t count;
};

struct lb_queue {
    struct lb_queue_row *rows;      /* owned */
    struct lb_queue_class *classes; /* owned */
    uint32_t num_classes;
};

/* Copies the times, one per PE. CHARIOT_ENOMEM. */
int lb_queue_init(struct lb_queue *queue, const struct lb_stats *stats, const double *times);
void lb_queue_deinit(struct lb_queue *queue);

/* When `load` would be done at the earliest, and by whom. */
double lb_queue_when(const struct lb_queue *queue, double load, uint32_t *pe);
/* Gives it to that PE. */
uint32_t lb_queue_put(struct lb_queue *queue, double load);

#endif
