/* Lists of indices, as charm.split() takes them. */
#include "python/class.h"
#include "python/number.h"
#include "python/section.h"

/* A list or a set of things, as opposed to one index. */
static bool is_list(PyObject *item) {
    return !PyTuple_Check(item) && !PyLong_Check(item) && (PySequence_Check(item) || PyAnySet_Check(item));
}

/* For one section its indices may come without the list around theirs. */
static bool is_flat(PyObject *outer, uint32_t ndims) {
    if (PyList_GET_SIZE(outer) == 0) return true;
    bool list_first = is_list(PyList_GET_ITEM(outer, 0));
    return !list_first || (PyList_GET_SIZE(outer) > 1 && ndims > 1); /* indices may be lists too */
}

/* A list for each section. New reference. */
static PyObject *outer_list(PyObject *given, uint32_t num, uint32_t ndims) {
    PyObject *outer = PySequence_List(given);
    if (outer == NULL) {
        py_type_blame(given, "charm.split(): elems", "a list, for each section, of indices");
        return NULL;
    }
    if (num == 1 && is_flat(outer, ndims)) Py_SETREF(outer, Py_BuildValue("[O]", outer));
    if (outer == NULL || PyList_GET_SIZE(outer) == (Py_ssize_t)num) return outer;
    PyErr_Format(PyExc_ValueError,
                 "charm.split(): elems must hold one list for each section: numsections is %u, and it holds %zd", num,
                 PyList_GET_SIZE(outer));
    Py_DECREF(outer);
    return NULL;
}

/* Makes lists of what the sections' indices come in. Gives their total length, or -1 with an exception set. */
static Py_ssize_t make_lists(PyObject *outer) {
    Py_ssize_t total = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(outer); i++) {
        PyObject *item = PyList_GET_ITEM(outer, i), *list = PySequence_List(item);
        if (list == NULL) {
            char what[64];
            PyOS_snprintf(what, sizeof what, "charm.split(): elems[%zd]", i);
            py_type_blame(item, what, "a list or set of indices");
            return -1;
        }
        Py_ssize_t count = PyList_GET_SIZE(list);
        if (PyList_SetItem(outer, i, list) != 0) return -1;
        if (count == 0) {
            PyErr_Format(PyExc_ValueError, "charm.split(): section %zd would be empty: elems names no element for it",
                         i);
            return -1;
        }
        total += count;
    }
    return total;
}

static int check_index(struct py_state *st, const struct chariot_ref *source, PyObject *proxy, PyObject *given,
                       const struct chariot_index *index) {
    if (index->ndims != source->ndims) {
        PyErr_Format(PyExc_ValueError, "charm.split(): %R has %u dimension%s, index %R has %u", proxy, source->ndims,
                     source->ndims == 1 ? "" : "s", given, index->ndims);
        return -1;
    }
    if (py_proxy_members(source) != CHARIOT_GROUP) return 0;
    if (index->at[0] >= 0 && index->at[0] < (int64_t)chariot_num_pes(st->pe)) return 0;
    PyErr_Format(PyExc_ValueError, "charm.split(): elems: no such PE: %lld (the job has %u)", (long long)index->at[0],
                 chariot_num_pes(st->pe));
    return -1;
}

static int fill(struct py_state *st, const struct chariot_ref *source, PyObject *proxy, PyObject *outer,
                struct py_elems *elems) {
    struct chariot_index *next = elems->all;
    for (uint32_t i = 0; i < elems->num; i++) {
        PyObject *list = PyList_GET_ITEM(outer, i);
        elems->lists[i] = (struct chariot_indices){.list = next, .count = (size_t)PyList_GET_SIZE(list)};
        for (Py_ssize_t k = 0; k < PyList_GET_SIZE(list); k++, next++) {
            PyObject *given = PyList_GET_ITEM(list, k);
            if (py_index_read(given, next) != 0 || check_index(st, source, proxy, given, next) != 0) return -1;
        }
    }
    return 0;
}

int py_elems_read(struct py_state *st, const struct chariot_ref *source, PyObject *proxy, uint32_t num, PyObject *given,
                  struct py_elems *elems) {
    *elems = (struct py_elems){.num = num};
    PyObject *outer = outer_list(given, num, source->ndims);
    Py_ssize_t total = outer == NULL ? -1 : make_lists(outer);
    int rc = total < 0 ? -1 : 0;
    if (rc == 0) {
        elems->lists = PyMem_Calloc(num, sizeof *elems->lists);
        elems->all = PyMem_Calloc((size_t)total, sizeof *elems->all);
        if (elems->lists == NULL || elems->all == NULL) PyErr_NoMemory();
        rc = PyErr_Occurred() ? -1 : fill(st, source, proxy, outer, elems);
    }
    Py_XDECREF(outer);
    if (rc != 0) py_elems_deinit(elems);
    return rc;
}

void py_elems_deinit(struct py_elems *elems) {
    PyMem_Free(elems->lists);
    PyMem_Free(elems->all);
}
