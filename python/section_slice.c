/* Slices of proxies. */
#include "python/class.h"
#include "python/section.h"
#include "python/task.h"

bool py_section_is_slice(PyObject *key) {
    bool found = PySlice_Check(key);
    for (Py_ssize_t i = 0; !found && PyTuple_Check(key) && i < PyTuple_GET_SIZE(key); i++)
        found = PySlice_Check(PyTuple_GET_ITEM(key, i));
    return found;
}

/* ---------------------------------------------------------------- reading */

/* One number of a slice; beyond 64 bits it means the same as the last one within. */
static int read_bound(PyObject *object, int64_t *at, bool *has) {
    *has = object != Py_None;
    if (!*has) return 0;
    PyObject *number = PyNumber_Index(object);
    if (number == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "slices of proxies are made of integers and None, not %s",
                         Py_TYPE(object)->tp_name);
        return -1;
    }
    int overflow;
    *at = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow != 0) *at = overflow > 0 ? INT64_MAX : -INT64_MAX;
    Py_DECREF(number);
    return 0;
}

static int read_slice(PyObject *given, struct chariot_range *range) {
    PySliceObject *slice = (PySliceObject *)(void *)given;
    bool has_step;
    *range = (struct chariot_range){.step = 1};
    if (read_bound(slice->start, &range->start, &range->has_start) != 0) return -1;
    if (read_bound(slice->stop, &range->stop, &range->has_stop) != 0) return -1;
    if (read_bound(slice->step, &range->step, &has_step) != 0) return -1;
    if (range->step != 0) return 0;
    PyErr_SetString(PyExc_ValueError, "slice step cannot be zero");
    return -1;
}

/* That number alone. A negative one, which may count from the end, by a step down, so that the stop counts so too. */
static int read_number(PyObject *given, struct chariot_range *range) {
    struct chariot_index index;
    if (PyTuple_Check(given) || py_index_read(given, &index) != 0) {
        if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "slices of proxies are made of slices and integers, not %R", given);
        return -1;
    }
    int64_t at = index.at[0], step = at < 0 ? -1 : 1;
    *range = (struct chariot_range){.start = at, .step = step, .has_start = true};
    range->has_stop = !__builtin_add_overflow(at, step, &range->stop);
    return 0;
}

/* -1 with an exception set. */
static int read_ranges(PyObject *proxy, PyObject *key, uint32_t ndims, struct chariot_range ranges[]) {
    Py_ssize_t count = PyTuple_Check(key) ? PyTuple_GET_SIZE(key) : 1;
    if (count != (Py_ssize_t)ndims) {
        PyErr_Format(PyExc_ValueError, "%R has %u dimension%s, and so must its slices, but this one has %zd", proxy,
                     ndims, ndims == 1 ? "" : "s", count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *given = PyTuple_Check(key) ? PyTuple_GET_ITEM(key, i) : key;
        int rc = PySlice_Check(given) ? read_slice(given, &ranges[i]) : read_number(given, &ranges[i]);
        if (rc != 0) return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- making */

/* The section of a group that is on all PEs, at once. */
static PyObject *slice_group(struct py_state *st, const struct chariot_ref *group, const struct chariot_range *range) {
    bool up = range->step > 0;
    Py_ssize_t start = range->has_start ? range->start : up ? 0 : PY_SSIZE_T_MAX;
    Py_ssize_t stop = range->has_stop ? range->stop : up ? PY_SSIZE_T_MAX : PY_SSIZE_T_MIN;
    Py_ssize_t count = PySlice_AdjustIndices((Py_ssize_t)chariot_num_pes(st->pe), &start, &stop, range->step);
    if (count == 0) return PyErr_Format(PyExc_ValueError, "the slice is empty, and a section needs a member");
    struct chariot_index *list = PyMem_Calloc((size_t)count, sizeof *list);
    if (list == NULL) return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++)
        list[i] = (struct chariot_index){.ndims = 1, .at = {start + i * range->step}};
    PyObject *sections =
        py_section_of_group(st, group, 1, &(struct chariot_indices){.list = list, .count = (size_t)count});
    PyMem_Free(list);
    PyObject *section = sections == NULL ? NULL : Py_NewRef(PyList_GET_ITEM(sections, 0));
    Py_XDECREF(sections);
    return section;
}

PyObject *py_section_slice(struct py_state *st, PyObject *proxy, PyObject *key) {
    struct chariot_ref source;
    struct chariot_range ranges[CHARIOT_MAX_DIMS];
    if (py_state_running(st) == NULL || py_section_indexed(st, proxy, "a slice", &source) != 0) return NULL;
    if (read_ranges(proxy, key, source.ndims, ranges) != 0) return NULL;
    if (st->current == NULL && py_section_is_everywhere(&source)) return slice_group(st, &source, ranges);
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    struct py_making *making = py_making_new(st, true, proxy);
    if (making == NULL) return NULL;
    int rc = chariot_section_slice(st->pe, &source, source.ndims, ranges, py_making_handle(making));
    return py_making_finish_take(making, rc, "a slice");
}
