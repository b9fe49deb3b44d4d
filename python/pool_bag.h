/* python/pool_bag.h: what a worker (pool.h) knows of a bag: its definitions. And the answers: they collect in one
 * message until another bag's turn comes, it is full, or this PE has done what there is (py_bag_on_rest()). */
#ifndef CHARIOT_PYTHON_POOL_BAG_H
#define CHARIOT_PYTHON_POOL_BAG_H

#include "python/class.h"
#include "python/state.h"

/* A function that items are for. */
struct py_definition {
    unsigned flags;
    PyObject *function; /* owned; NULL: it could not be read */
    PyObject *error;    /* why, owned */
    struct py_method method;
};

/* A bag of which items are done here. */
struct py_bag {
    struct py_state *st;
    uint64_t id;
    uint32_t refs;
    uint32_t count;
    struct py_definition **definitions; /* owned; they do not move, since running coroutines refer to their methods */
};

/* NULL: the bag is not known here. Borrowed. */
struct py_bag *py_bag_of(struct py_state *st, uint64_t id);
void py_bag_unref(struct py_bag *bag);

/* ---- answers ---- */

/* The writer of the bag's answers, behind the head of a new one: its outcome is to be put. */
struct chariot_writer *py_bag_answer(struct py_bag *bag, int64_t number);
/* The exception that is set as the item's outcome; with nobody to receive it, or SystemExit, the job ends. */
void py_bag_answer_error(struct py_bag *bag, const struct py_definition *definition, int64_t number);
/* A value as the outcome; takes it. */
void py_bag_answer_value_take(struct py_bag *bag, const struct py_definition *definition, int64_t number,
                              PyObject *value);

#endif
