/* python/chare.h: the base class of chares, and single chares' creator: Chare(Block, args) makes a chare and returns
 * its proxy, class Block(Chare) derives from it. */
#ifndef CHARIOT_PYTHON_CHARE_H
#define CHARIOT_PYTHON_CHARE_H

#include "python/state.h"

struct py_pending;

/* What few chares have. */
struct py_chare_more {
    PyObject *proxy;            /* thisProxy; owned */
    struct py_pending *pending; /* what waits for conditions (pending.h); owned, NULL: nothing */
    struct chariot_ref moved;   /* it has left this PE, and somebody here holds the object still: which chare it was */
};

struct py_chare {
    PyObject_HEAD struct chariot_elem *elem; /* NULL: not made by the runtime, or destroyed */
    struct py_class *cls;                    /* borrowed; NULL: not made by the runtime */
    struct py_chare_more *more;              /* made on demand; owned */
    uint32_t coroutines;                     /* of its methods, that are suspended or have been */
    bool left;                               /* its state is on its way to another PE */
};

int py_chare_init(struct py_state *st, PyObject *module);

static inline struct py_pending *py_chare_pending(const struct py_chare *chare) {
    return chare->more == NULL ? NULL : chare->more->pending;
}
/* chare->more, made if it was not yet. NULL with MemoryError set. */
struct py_chare_more *py_chare_more(struct py_chare *chare);

/* The element behind a chare. NULL with Charm4PyError set: self was not made by the runtime, or is no more. */
struct chariot_elem *py_chare_elem(PyObject *self);

/* The object that is an element; NULL: it is of a class in C, or arrives or goes just now. Borrowed. */
struct py_chare *py_chare_of(struct py_state *st, const struct chariot_elem *elem);

/* "Block[3]" with `what` behind it. */
void py_chare_label(const struct py_chare *chare, const char *what, char *label, size_t size);

/* A chare's object without running its constructor. New reference. */
struct py_chare *py_chare_alloc(struct py_class *cls, struct chariot_elem *elem);

/* The element behind self, a Chare. NULL with Charm4PyError set: it was not made by the runtime, or is no more. */
struct chariot_elem *py_chare_elem(PyObject *self);

/* Fills a reduction's target from a callback: a future, a bound remote method, or None. -1 with TypeError set. */
int py_target_read(struct py_state *st, PyObject *callback, struct chariot_target *target);

/* Creators. */
int py_create_init(struct py_state *st, PyObject *module);
/* Chare(cls, args=[], onPE=-1). */
PyObject *py_create_single(struct py_state *st, PyObject *args, PyObject *kwargs);
/* Arguments of a constructor, any iterable or a dict-free list, as a message. -1 with an exception set. */
int py_create_args(struct py_state *st, struct py_class *cls, PyObject *args, struct chariot_msg **msg);

#endif
