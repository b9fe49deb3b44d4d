/* python/class.h: chare classes as the runtime knows them: a table of remote methods, the signature of each.
 *
 * Made by charm.start() for every registered class, the same on every PE. A method's number is its place in the table:
 * names sorted, inherited ones included. */
#ifndef CHARIOT_PYTHON_CLASS_H
#define CHARIOT_PYTHON_CLASS_H

#include "python/state.h"

enum py_method_kind {
    PY_PLAIN = 0, /* runs to its end on the scheduler's stack */
    PY_CORO,      /* decorated with @coro: runs in a greenlet */
    PY_ASYNC,     /* async def: driven by its future */
};

struct py_condition;

struct py_method {
    struct py_class *cls;   /* NULL: the entry function */
    PyObject *name;         /* interned, owned */
    PyObject *function;     /* called with the chare in front; owned; NULL: looked up on the chare at each call */
    PyObject *params;       /* tuple of the names of its positional parameters, without self; owned; NULL: unknown */
    PyObject *keyword_only; /* tuple of names, owned, or NULL */
    PyObject *defaults;     /* of the last parameters; tuple, owned, or NULL */
    PyObject *keyword_defaults; /* dict, owned, or NULL */
    struct py_condition *when;  /* when calls are delivered; owned, or NULL: at once */
    uint32_t num_params, num_required, num_positional_only;
    enum py_method_kind kind;
    bool var_args, var_keywords;
    bool at_root; /* of the runtime: PE 0 answers for all, whichever element was called */
};

struct py_class {
    struct py_state *st;
    PyTypeObject *type;   /* owned */
    PyObject *full_name;  /* "module.Qual.Name", owned */
    PyObject *short_name; /* "Name", owned: for messages to people */
    PyObject *type_name;  /* the runtime's name of it where full_name was taken; owned */
    PyObject *by_name;    /* {name: number} */
    PyObject *waits;      /* {text: condition} of self.wait(), made on demand, owned */
    struct py_method *methods;
    struct py_method init;            /* its constructor */
    bool has_init;                    /* a constructor of its own */
    const struct py_method *migrated; /* among its methods, but nobody calls it from afar; NULL: it has none */
    bool gets_state, sets_state;      /* it has a __getstate__() or __setstate__() of its own */
    bool reduces;                     /* the same of __reduce__() or __reduce_ex__() */
    PyObject *slots;                  /* names of its __slots__; list, owned; NULL: none */
    struct chariot_method *table;
    uint32_t num_methods;
    struct py_exposure *exposure;          /* owned; NULL: foreign programs may call none of its methods */
    struct chariot_type ctype;             /* of Python's own */
    const struct chariot_type *registered; /* &ctype, or the type of a library in C */
    uint8_t only;                          /* a bit for each chariot_kind that programs may make of it; 0: any */
    uint32_t id;                           /* type number of the runtime; UINT32_MAX: not registered */
};

/* Before the job runs: makes a class's record, once, and adds it to st->classes. 0, or -1 with an exception set. */
int py_class_register(struct py_state *st, PyObject *type);
/* While it runs, in three steps, each everywhere before the next: would it be accepted; it gets its number
 * (the caller sees to the same order on all PEs); programs may use it. -1 with an exception set. */
int py_class_check(struct py_state *st, PyObject *type);
int py_class_number(struct py_state *st, PyObject *type);
int py_class_open(struct py_state *st, PyObject *type);

/* Makes the class's record and tables; refuses what §4.4 refuses. NULL with an exception set. */
struct py_class *py_class_new(struct py_state *st, PyTypeObject *type);
/* The record of the runtime as a group, of the class Runtime in _runtime.py, made at the first use. */
struct py_class *py_class_runtime(struct py_state *st);
/* The steps that late and early registration share: refuses what is no chare class; gives the record to st->classes. */
int py_class_refuse(struct py_state *st, PyObject *type);
int py_class_keep_take(struct py_state *st, struct py_class *cls);
/* A class that is complete joins st->classes: programs may use it or, where the job runs, it gets its number first and
 * is opened later. */
int py_class_join_take(struct py_state *st, struct py_class *cls);
void py_class_free(struct py_class *cls);
int py_class_traverse(struct py_class *cls, visitproc visit, void *arg);

/* The record of a registered class. Borrowed; NULL with TypeError or Charm4PyError set: no chare class, or not
 * registered. */
struct py_class *py_class_of(struct py_state *st, PyObject *type);
/* The record for a type number of the runtime. Borrowed; NULL, no exception: unknown. */
struct py_class *py_class_by_id(struct py_state *st, uint32_t id);

/* Its methods are C's: their arguments go as bytes, and its elements are no Python objects. */
static inline bool py_class_is_c(const struct py_class *cls) {
    return cls->registered != &cls->ctype;
}

/* Fills a method's signature and kind from function (borrowed); skip: parameters that the runtime itself supplies
 * (self). 0, or -1 with an exception set. */
int py_method_inspect(struct py_state *st, struct py_method *method, PyObject *function, uint32_t skip);
void py_method_clear(struct py_method *method);
/* functools.partial() or partialmethod(): what a class gives of the latter takes self in front. */
bool py_is_partial(struct py_state *st, PyObject *callable);
/* What such an object calls in the end; of other callables they themselves. New reference; NULL, no exception: there is
 * nothing. */
PyObject *py_behind_partials(struct py_state *st, PyObject *callable);

/* expose.c. Describes the methods that are marked with @expose. 0, or -1 with an exception set. */
int py_exposure_read(struct py_class *cls);
const struct chariot_exposure *py_exposure_of(const struct py_class *cls); /* NULL: there are none */
void py_exposure_free(struct py_exposure *exposure);                       /* takes NULL */
/* chariot_face.admit. */
int py_expose_admit(void *ctx, const struct chariot_type *type, uint32_t number, struct chariot_msg **msg, char *why,
                    size_t why_size);

/* The arguments of one remote call, bound to its method's signature on the caller's side. */
struct py_call_args {
    PyObject *const *args; /* positional */
    Py_ssize_t num;
    PyObject *keywords; /* dict of what travels by name, owned, or NULL */
    PyObject **bound;   /* owned array of owned references that args points to, or NULL: borrowed from the caller */
    Py_ssize_t room;    /* of bound */
    bool ret, awaitable;
};
/* Takes ret= and awaitable= out, puts named arguments in their places; what stands behind a parameter that is left to
 * its default goes by name, but to methods in C. -1 with TypeError naming method and parameter. */
int py_bind(struct py_state *st, const struct py_method *method, PyObject *const *args, size_t nargsf,
            PyObject *kwnames, struct py_call_args *out);
/* The same of a method of a combined section, whose members may be of other classes: it is checked against the one that
 * is known here, but named arguments travel by name, since others may order their parameters differently. */
int py_bind_by_name(struct py_state *st, const struct py_method *method, PyObject *const *args, size_t nargsf,
                    PyObject *kwnames, struct py_call_args *out);
void py_bind_clear(struct py_call_args *bound);
/* The receiver's side: named arguments that have a place in this method's signature go there, defaults in between.
 * Takes and gives *args and *keywords (NULL: none). -1 with TypeError set. */
int py_bind_received(struct py_state *st, const struct py_method *method, PyObject **args, PyObject **keywords);

#endif
