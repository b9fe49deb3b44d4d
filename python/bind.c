/* From the arguments of a remote call to positional ones and those that travel by name, checked where the call is. */
#include <stdlib.h>

#include "python/class.h"
#include "python/errors.h"

struct label {
    char text[256];
};

static const char *label_of(const struct py_method *method, struct label *label) {
    return py_method_label(method, label->text, sizeof label->text);
}

static int too_many(const struct py_method *method, Py_ssize_t given) {
    struct label label;
    PyErr_Format(PyExc_TypeError, "%s() takes %s%u positional argument%s but %zd %s given", label_of(method, &label),
                 method->num_required < method->num_params ? "at most " : "", method->num_params,
                 method->num_params == 1 ? "" : "s", given, given == 1 ? "was" : "were");
    return -1;
}

static int missing(const struct py_method *method, PyObject *param, const char *kind) {
    struct label label;
    PyErr_Format(PyExc_TypeError, "%s() missing required %s argument: '%U'", label_of(method, &label), kind, param);
    return -1;
}

/* The place of name among params, or -1; interned names are found by identity. -2: exception. */
static Py_ssize_t find(PyObject *params, PyObject *name) {
    Py_ssize_t count = params == NULL ? 0 : PyTuple_GET_SIZE(params);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyTuple_GET_ITEM(params, i) == name) return i;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        int rc = PyUnicode_Compare(PyTuple_GET_ITEM(params, i), name);
        if (rc == -1 && PyErr_Occurred()) return -2;
        if (rc == 0) return i;
    }
    return -1;
}

static int take_flag(PyObject *value, bool *flag) {
    int truth = PyObject_IsTrue(value);
    if (truth < 0) return -1;
    *flag = truth != 0;
    return 0;
}

static int travel_by_name(struct py_call_args *out, PyObject *name, PyObject *value) {
    if (out->keywords == NULL) out->keywords = PyDict_New();
    return out->keywords == NULL ? -1 : PyDict_SetItem(out->keywords, name, value);
}

/* One named argument. places: where positional ones go, NULL where unset. */
static int place(const struct py_method *method, PyObject *name, PyObject *value, PyObject **places,
                 struct py_call_args *out) {
    struct label label;
    Py_ssize_t at = find(method->params, name);
    if (at == -2) return -1;
    if (at >= 0 && (uint32_t)at >= method->num_positional_only) {
        if (places[at] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", label_of(method, &label), name);
            return -1;
        }
        Py_INCREF(value);
        places[at] = value;
        return 0;
    }
    Py_ssize_t only = find(method->keyword_only, name);
    if (only == -2) return -1;
    if (only >= 0 || method->var_keywords || method->params == NULL) return travel_by_name(out, name, value);
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", label_of(method, &label), name);
    return -1;
}

/* What becomes of a parameter that was left to its default while one behind it was given. */
enum gaps {
    FILL, /* the default goes there */
    LEAVE /* what stands behind it travels by name: the default is the method's own object, also where that is */
};

/* The rest behind the last one given the method itself fills in. */
static int settle_gaps(const struct py_method *method, enum gaps gaps, struct py_call_args *out) {
    Py_ssize_t count = method->num_params, num = out->num;
    bool open = false; /* a gap was left */
    for (Py_ssize_t i = num; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(method->params, i);
        if (out->bound[i] == NULL) {
            if (i < method->num_required) return missing(method, name, "positional");
            open = open || gaps == LEAVE;
        } else if (open) {
            if (travel_by_name(out, name, out->bound[i]) != 0) return -1;
            Py_CLEAR(out->bound[i]);
        } else {
            num = i + 1;
        }
    }
    for (Py_ssize_t i = out->num; i < num; i++) {
        if (out->bound[i] == NULL)
            out->bound[i] = Py_NewRef(PyTuple_GET_ITEM(method->defaults, i - method->num_required));
    }
    out->num = num;
    return 0;
}

static int check_keyword_only(const struct py_method *method, const struct py_call_args *out) {
    Py_ssize_t count = method->keyword_only == NULL ? 0 : PyTuple_GET_SIZE(method->keyword_only);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(method->keyword_only, i);
        if (out->keywords != NULL && PyDict_GetItemWithError(out->keywords, name) != NULL) continue;
        if (method->keyword_defaults != NULL && PyDict_GetItemWithError(method->keyword_defaults, name) != NULL)
            continue;
        return PyErr_Occurred() ? -1 : missing(method, name, "keyword-only");
    }
    return 0;
}

/* Gives out an array of its own, with room for all parameters. */
static int copy_positional(const struct py_method *method, struct py_call_args *out) {
    size_t room = (size_t)out->num > method->num_params ? (size_t)out->num : method->num_params;
    PyObject **places = PyMem_Calloc(room == 0 ? 1 : room, sizeof *places);
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < out->num; i++) {
        places[i] = out->args[i];
        Py_INCREF(places[i]);
    }
    out->args = out->bound = places;
    out->room = (Py_ssize_t)room;
    return 0;
}

static int bind_named(struct py_state *st, const struct py_method *method, PyObject *kwnames, PyObject *const *values,
                      struct py_call_args *out) {
    Py_ssize_t num_named = PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t i = 0; i < num_named; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        bool is_ret = name == st->names.ret || PyUnicode_Compare(name, st->names.ret) == 0;
        bool is_awaitable =
            !is_ret && (name == st->names.awaitable || PyUnicode_Compare(name, st->names.awaitable) == 0);
        if (is_ret || is_awaitable) {
            if (take_flag(values[i], is_ret ? &out->ret : &out->awaitable) != 0) return -1;
            continue;
        }
        if (out->bound == NULL && copy_positional(method, out) != 0) return -1;
        if (place(method, name, values[i], out->bound, out) != 0) return -1;
    }
    return 0;
}

static int bind(struct py_state *st, const struct py_method *method, enum gaps gaps, PyObject *const *args,
                size_t nargsf, PyObject *kwnames, struct py_call_args *out) {
    *out = (struct py_call_args){.args = args, .num = PyVectorcall_NARGS(nargsf)};
    if (out->num > method->num_params && method->params != NULL && !method->var_args) return too_many(method, out->num);
    if (kwnames != NULL && bind_named(st, method, kwnames, args + out->num, out) != 0) goto fail;
    if (method->params == NULL) return 0;
    if (out->bound != NULL) {
        if (settle_gaps(method, gaps, out) != 0) goto fail;
    } else if (out->num < method->num_required) {
        missing(method, PyTuple_GET_ITEM(method->params, out->num), "positional");
        goto fail;
    }
    if (method->keyword_only != NULL && check_keyword_only(method, out) != 0) goto fail;
    return 0;
fail:
    py_bind_clear(out);
    return -1;
}

int py_bind(struct py_state *st, const struct py_method *method, PyObject *const *args, size_t nargsf,
            PyObject *kwnames, struct py_call_args *out) {
    bool by_place = method->cls != NULL && py_class_is_c(method->cls); /* what C reads */
    return bind(st, method, by_place ? FILL : LEAVE, args, nargsf, kwnames, out);
}

/* ---------------------------------------------------------------- by name */

static int keep_names(struct py_state *st, PyObject *kwnames, PyObject *const *values, struct py_call_args *out) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        bool is_ours = PyUnicode_Compare(name, st->names.ret) == 0 || PyUnicode_Compare(name, st->names.awaitable) == 0;
        if (!is_ours && travel_by_name(out, name, values[i]) != 0) return -1;
    }
    return 0;
}

int py_bind_by_name(struct py_state *st, const struct py_method *method, PyObject *const *args, size_t nargsf,
                    PyObject *kwnames, struct py_call_args *out) {
    if (py_bind(st, method, args, nargsf, kwnames, out) != 0) return -1;
    py_bind_clear(out);
    out->args = args;
    out->num = PyVectorcall_NARGS(nargsf);
    if (kwnames == NULL || keep_names(st, kwnames, args + out->num, out) == 0) return 0;
    py_bind_clear(out);
    return -1;
}

/* 1: some of these names are of parameters with a place; 0: none; -1 with an exception set. */
static int has_places(const struct py_method *method, PyObject *keywords) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(keywords, &at, &name, &value);) {
        Py_ssize_t place = find(method->params, name);
        if (place == -2) return -1;
        if (place >= 0) return 1;
    }
    return 0;
}

/* The arguments after each other, and the names of the last ones. -1 with an exception set. */
static int flatten(PyObject *args, PyObject *keywords, PyObject **all, PyObject **names) {
    PyObject *values = PyDict_Values(keywords), *keys = PyDict_Keys(keywords);
    PyObject *list = values == NULL || keys == NULL ? NULL : PySequence_List(args);
    PyObject *both = list == NULL ? NULL : PySequence_InPlaceConcat(list, values);
    *all = both == NULL ? NULL : PyList_AsTuple(both);
    *names = *all == NULL ? NULL : PyList_AsTuple(keys);
    Py_XDECREF(values);
    Py_XDECREF(keys);
    Py_XDECREF(list);
    Py_XDECREF(both);
    if (*names != NULL) return 0;
    Py_CLEAR(*all);
    return -1;
}

static PyObject *tuple_of(const struct py_call_args *bound) {
    PyObject *tuple = PyTuple_New(bound->num);
    for (Py_ssize_t i = 0; tuple != NULL && i < bound->num; i++) PyTuple_SET_ITEM(tuple, i, Py_NewRef(bound->args[i]));
    return tuple;
}

int py_bind_received(struct py_state *st, const struct py_method *method, PyObject **args, PyObject **keywords) {
    int has = *keywords == NULL || method->params == NULL ? 0 : has_places(method, *keywords);
    if (has <= 0) return has;
    PyObject *all, *names;
    struct py_call_args bound;
    if (flatten(*args, *keywords, &all, &names) != 0) return -1;
    int rc = bind(st, method, FILL, &PyTuple_GET_ITEM(all, 0), (size_t)PyTuple_GET_SIZE(*args), names, &bound);
    PyObject *placed = rc == 0 ? tuple_of(&bound) : NULL;
    if (placed != NULL) {
        Py_SETREF(*args, placed);
        Py_SETREF(*keywords, Py_XNewRef(bound.keywords));
    }
    if (rc == 0) py_bind_clear(&bound);
    Py_DECREF(all);
    Py_DECREF(names);
    return placed == NULL ? -1 : 0;
}

void py_bind_clear(struct py_call_args *bound) {
    Py_CLEAR(bound->keywords);
    if (bound->bound == NULL) return;
    for (Py_ssize_t i = 0; i < bound->room; i++) Py_XDECREF(bound->bound[i]);
    PyMem_Free(bound->bound);
    bound->bound = NULL;
}
