/* python/condition.h: conditions of @when and self.wait(): expressions over the chare and, of @when, a message.
 *
 * Read once by chariot._conditions, in one of three classes: SHARED looks at the chare (and globals) alone, so one look
 * serves all messages that wait for it; TAG, `self.attr == param`, is a look-up; EACH is asked for every message. */
#ifndef CHARIOT_PYTHON_CONDITION_H
#define CHARIOT_PYTHON_CONDITION_H

#include "python/class.h"
#include "python/state.h"

enum py_condition_kind { PY_CONDITION_SHARED, PY_CONDITION_EACH, PY_CONDITION_TAG };

/* Where an argument of the function, or the tag, comes from. */
struct py_source {
    int place;      /* of a positional parameter; negative: PY_FROM_... */
    PyObject *name; /* of a keyword-only one; owned, else NULL */
};
enum { PY_FROM_SELF = -1, PY_FROM_ARGS = -2, PY_FROM_VAR_ARGS = -3, PY_FROM_VAR_KEYWORDS = -4, PY_FROM_NAME = -5 };

/* A Python object. */
struct py_condition {
    PyObject_HEAD enum py_condition_kind kind;
    const struct py_class *cls;
    const struct py_method *method; /* of @when, borrowed; NULL: of self.wait() */
    PyObject *text;                 /* owned */
    PyObject *function;             /* SHARED, EACH: of the chare and the sources; owned */
    PyObject *attributes;           /* TAG: names that lead from the chare to its tag; tuple, owned */
    struct py_source *sources;      /* owned */
    Py_ssize_t num_sources;
};

/* The arguments of a message; keywords may be NULL. Borrowed. */
struct py_arguments {
    PyObject *args, *keywords;
};

int py_condition_init(struct py_state *st, PyObject *module);

/* The condition of a method, whose signature is known: *when is NULL where it has none. marked: the decorated function.
 * -1 with Charm4PyError: it is no condition. */
int py_condition_of_method(struct py_class *cls, const struct py_method *method, PyObject *marked,
                           struct py_condition **when);
/* That of self.wait(text) in this class, read at its first use. New reference; NULL with an exception set. */
struct py_condition *py_condition_of_wait(struct py_class *cls, PyObject *text);

/* 1, 0, or -1 with an exception set that says whose condition it was. message: of @when. */
int py_condition_holds(struct py_condition *condition, PyObject *chare, const struct py_arguments *message);
/* TAG: what the chare wants, and what a message brings (hashable). New references; NULL with such an exception set. */
PyObject *py_condition_wanted(struct py_condition *condition, PyObject *chare);
PyObject *py_condition_tag(struct py_condition *condition, const struct py_arguments *message);
/* TAG: 1 where they are equal, else as above. */
int py_condition_matches(struct py_condition *condition, PyObject *wanted, PyObject *tag);
/* The exception that is set becomes the cause of one that says whose condition it was. */
void py_condition_blame(struct py_condition *condition);

#endif
