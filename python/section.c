#include "python/section.h"

#include "python/charm.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/message.h"
#include "python/number.h"
#include "python/task.h"

/* ---------------------------------------------------------------- what sections are made of */

int py_section_source(struct py_state *st, PyObject *object, const char *who, struct chariot_ref *source) {
    if (!py_proxy_check(st, object)) {
        PyErr_Format(PyExc_TypeError, "%s takes proxies of groups, arrays and sections, not %s", who,
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    *source = ((struct py_proxy *)(void *)object)->ref;
    if (source->kind == CHARIOT_SINGLE || source->kind == CHARIOT_MAIN) {
        PyErr_Format(PyExc_TypeError, "%s: %R is a chare of its own: sections are made of groups, arrays and sections",
                     who, object);
        return -1;
    }
    if (source->whole) return 0;
    PyErr_Format(PyExc_TypeError,
                 "%s: %R is one element: pass the proxy of its collection (in its methods self.thisProxy)", who,
                 object);
    return -1;
}

int py_section_indexed(struct py_state *st, PyObject *object, const char *who, struct chariot_ref *source) {
    if (py_section_source(st, object, who, source) != 0) return -1;
    if (py_proxy_members(source) != CHARIOT_SECTION) return 0;
    PyErr_Format(PyExc_TypeError,
                 "%s: %R was combined, and its members have no common indices: index what it was combined of, or split "
                 "it with a section_func",
                 who, object);
    return -1;
}

bool py_section_is_everywhere(const struct chariot_ref *source) {
    return source->kind == CHARIOT_GROUP && !chariot_ref_is_section(source);
}

/* As its creation returns it: it can be awaited once. New reference. */
static PyObject *fresh_proxy(struct py_state *st, const struct chariot_ref *ref) {
    PyObject *proxy = py_proxy_from_ref(st, ref, UINT32_MAX);
    if (proxy != NULL) ((struct py_proxy *)(void *)proxy)->fresh = true;
    return proxy;
}

PyObject *py_section_of_group(struct py_state *st, const struct chariot_ref *group, uint32_t num,
                              const struct chariot_indices lists[]) {
    struct chariot_ref *refs = PyMem_Malloc(num * sizeof *refs);
    if (refs == NULL) return PyErr_NoMemory();
    int rc = chariot_section_of_group(st->pe, group, num, lists, refs);
    PyObject *list = rc == 0 ? PyList_New(0) : NULL;
    for (uint32_t i = 0; list != NULL && i < num; i++) {
        PyObject *proxy = fresh_proxy(st, &refs[i]);
        if (proxy == NULL || PyList_Append(list, proxy) != 0) Py_CLEAR(list);
        Py_XDECREF(proxy);
    }
    PyMem_Free(refs);
    if (rc != 0) py_raise_code(st, rc, "making sections of a group");
    return list;
}

/* ---------------------------------------------------------------- while they are made */

struct py_making {
    struct py_state *st;
    struct chariot_waiter waiter;
    struct chariot_future *refs; /* what the runtime completes; owned */
    PyObject *future;            /* what the program waits for; owned */
    bool one;                    /* it gets the section, and not a list of one */
};

struct chariot_future *py_making_handle(struct py_making *making) {
    return making->refs;
}

static void making_free(struct py_making *making) {
    chariot_future_unref(making->refs);
    Py_XDECREF(making->future);
    PyMem_Free(making);
}

struct py_making *py_making_new(struct py_state *st, bool one, PyObject *of) {
    struct py_making *making = PyMem_Calloc(1, sizeof *making);
    if (making == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    making->st = st;
    making->one = one;
    making->refs = chariot_future_new(st->pe, 1);
    making->future = making->refs == NULL ? PyErr_NoMemory() : py_future_new_for(st, PY_WAIT_SECTION, of);
    if (making->future != NULL) return making;
    making_free(making);
    return NULL;
}

/* The proxies, all fresh. New reference. */
static PyObject *sections_of(struct py_making *making, struct chariot_msg *msg) {
    PyObject *list = py_message_value(making->st, msg);
    if (list == NULL) return NULL;
    bool good = PyList_CheckExact(list) && (!making->one || PyList_GET_SIZE(list) == 1);
    for (Py_ssize_t i = 0; good && i < PyList_GET_SIZE(list); i++) {
        PyObject *proxy = PyList_GET_ITEM(list, i);
        good = py_proxy_check(making->st, proxy);
        if (good) ((struct py_proxy *)(void *)proxy)->fresh = true;
    }
    if (!good) {
        Py_DECREF(list);
        return py_malformed("what was to be a list of sections");
    }
    if (!making->one) return list;
    PyObject *only = Py_NewRef(PyList_GET_ITEM(list, 0));
    Py_DECREF(list);
    return only;
}

/* What the program's future gets: errors as they came. Gives; NULL with an exception set. */
static struct chariot_msg *outcome_of(struct py_making *making) {
    struct chariot_msg *msg = chariot_future_message(making->refs, 0);
    if (msg != NULL && chariot_msg_is_error(msg)) return chariot_msg_ref(msg);
    PyObject *value = sections_of(making, msg);
    struct chariot_msg *outcome = value == NULL ? NULL : py_message_put_value(making->st, value, true);
    Py_XDECREF(value);
    return outcome;
}

static void on_made(struct chariot_pe *pe, void *ctx) {
    struct py_making *making = ctx;
    struct chariot_msg *outcome = outcome_of(making);
    if (outcome == NULL)
        py_error_end_job(making->st, "making sections");
    else
        chariot_future_give_take(pe, py_future_handle(making->future), outcome);
    making_free(making);
}

PyObject *py_making_finish_take(struct py_making *making, int code, const char *who) {
    struct py_state *st = making->st;
    making->waiter = (struct chariot_waiter){.fn = on_made, .ctx = making};
    if (code == 0) code = chariot_future_wait(making->refs, &making->waiter);
    if (code != 0) {
        making_free(making);
        py_raise_code(st, code, who);
        return NULL;
    }
    PyObject *future = Py_NewRef(making->future);
    if (py_task_awaits(st)) return future;
    PyObject *made = py_future_get(future);
    Py_DECREF(future);
    return made;
}

/* ---------------------------------------------------------------- split */

const char py_charm_split_doc[] =
    "split($self, /, proxy, numsections, section_func=None, elems=None)\n--\n\n"
    "Makes sections of a group, an array or a section, and returns the list of their proxies. section_func(chare) is\n"
    "called for each element, where that lives, and returns the number of the section that it joins, or several; -1\n"
    "or [] for none. elems, instead: for each section the list of its elements' indices. Suspends the coroutine; in\n"
    "an async def it gives a Future. With elems of a group that is on all PEs it can be called anywhere.";

static PyObject *split_by_function(struct py_state *st, PyObject *proxy, const struct chariot_ref *source, uint32_t num,
                                   PyObject *function) {
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    struct chariot_msg *rule = py_section_rule(st, function, num);
    struct py_making *making = rule == NULL ? NULL : py_making_new(st, false, proxy);
    if (making == NULL) {
        chariot_msg_unref(rule);
        return NULL;
    }
    int rc = chariot_section_choose_take(st->pe, source, num, rule, py_making_handle(making));
    return py_making_finish_take(making, rc, "charm.split()");
}

static PyObject *split_by_elems(struct py_state *st, PyObject *proxy, const struct chariot_ref *source,
                                const struct py_elems *elems) {
    if (st->current == NULL && py_section_is_everywhere(source))
        return py_section_of_group(st, source, elems->num, elems->lists);
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    struct py_making *making = py_making_new(st, false, proxy);
    if (making == NULL) return NULL;
    int rc = chariot_section_split(st->pe, source, elems->num, elems->lists, py_making_handle(making));
    return py_making_finish_take(making, rc, "charm.split()");
}

/* How the members are chosen: one of the two is given. */
static int check_choice(PyObject *function, PyObject *elems) {
    if ((function == Py_None) == (elems == Py_None)) {
        PyErr_Format(PyExc_TypeError, "charm.split() takes either a section_func or elems, and %s given",
                     elems == Py_None ? "none was" : "both were");
        return -1;
    }
    if (function == Py_None || PyCallable_Check(function)) return 0;
    PyErr_Format(PyExc_TypeError, "charm.split(): section_func must be a function of one chare, not %s",
                 Py_TYPE(function)->tp_name);
    return -1;
}

PyObject *py_charm_split(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"proxy", "numsections", "section_func", "elems", NULL};
    PyObject *proxy, *wanted, *function = Py_None, *given = Py_None;
    struct py_state *st = py_state_of(self);
    struct chariot_ref source;
    struct py_elems elems;
    int64_t num = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO:split", names, &proxy, &wanted, &function, &given))
        return NULL;
    if (py_state_running(st) == NULL || check_choice(function, given) != 0) return NULL;
    if (py_integer_read(wanted, "charm.split(): numsections", 1, UINT32_MAX, &num) != 0) return NULL;
    int bad = (given == Py_None ? py_section_source : py_section_indexed)(st, proxy, "charm.split()", &source);
    if (bad != 0) return NULL;
    if (given == Py_None) return split_by_function(st, proxy, &source, (uint32_t)num, function);
    if (py_elems_read(st, &source, proxy, (uint32_t)num, given, &elems) != 0) return NULL;
    PyObject *sections = split_by_elems(st, proxy, &source, &elems);
    py_elems_deinit(&elems);
    return sections;
}

/* ---------------------------------------------------------------- combine */

const char py_charm_combine_doc[] =
    "combine($self, /, *proxies)\n--\n\n"
    "One section of all elements of these groups, arrays and sections, of whatever classes, each once. Suspends the\n"
    "coroutine; in an async def it gives a Future.";

PyObject *py_charm_combine(PyObject *self, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    if (num == 0) return PyErr_Format(PyExc_TypeError, "charm.combine() takes at least one proxy, and none was given");
    struct chariot_ref *of = PyMem_Malloc((size_t)num * sizeof *of);
    if (of == NULL) return PyErr_NoMemory();
    int rc = 0;
    for (Py_ssize_t i = 0; rc == 0 && i < num; i++) rc = py_section_source(st, args[i], "charm.combine()", &of[i]);
    if (rc == 0 && st->current == NULL) rc = py_task_not_threaded(st);
    struct py_making *making = rc == 0 ? py_making_new(st, true, args[0]) : NULL;
    if (making != NULL) rc = chariot_section_combine(st->pe, of, (size_t)num, py_making_handle(making));
    PyMem_Free(of);
    return making == NULL ? NULL : py_making_finish_take(making, rc, "charm.combine()");
}
