/* charm.getTopoTreeEdges() and getTopoSubtrees(): sections/tree.h on lists of PEs. */
#include "python/charm.h"
#include "python/number.h"
#include "sections/tree.h"

enum { BFACTOR = 4 }; /* children, where it is not said */

/* The PEs of a tree, arranged. */
struct tree {
    uint32_t *members; /* owned, as is first; for tree_deinit() */
    uint32_t *first;
    uint32_t count, radix;
    struct chariot_hosts hosts;
    struct chariot_layout layout;
};

static void tree_deinit(struct tree *tree) {
    PyMem_Free(tree->members);
    PyMem_Free(tree->first);
}

static uint32_t host_of(const void *ctx, uint32_t pe) {
    return chariot_host_of(ctx, pe);
}

/* Either function's parameter. */
static int read_number(bool edges, PyObject *object, const char *name, int64_t low, int64_t high, int64_t *out) {
    char what[64];
    PyOS_snprintf(what, sizeof what, "charm.%s(): %s", edges ? "getTopoTreeEdges" : "getTopoSubtrees", name);
    return py_integer_read(object, what, low, high, out);
}

static int read_pe(struct chariot_pe *pe, bool edges, PyObject *object, const char *name, uint32_t *out) {
    int64_t value;
    if (read_number(edges, object, name, 0, chariot_num_pes(pe) - 1, &value) != 0) return -1;
    *out = (uint32_t)value;
    return 0;
}

/* All PEs, root and then the others in order. */
static int take_all(struct chariot_pe *pe, struct tree *tree) {
    tree->count = chariot_num_pes(pe);
    tree->members = PyMem_Malloc(tree->count * sizeof *tree->members);
    if (tree->members == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < tree->count; i++) tree->members[i] = i;
    return 0;
}

static int take_list(struct chariot_pe *pe, bool edges, PyObject *pes, struct tree *tree) {
    PyObject *list = PySequence_Tuple(pes);
    if (list == NULL) {
        py_type_blame(pes, edges ? "charm.getTopoTreeEdges(): pes" : "charm.getTopoSubtrees(): pes",
                      "a list of PE numbers");
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(list);
    int rc = 0;
    tree->members = PyMem_Malloc(((size_t)count + 1) * sizeof *tree->members);
    if (tree->members == NULL) {
        PyErr_NoMemory();
        rc = -1;
    }
    for (Py_ssize_t i = 0; rc == 0 && i < count; i++) {
        rc = read_pe(pe, edges, PyTuple_GET_ITEM(list, i), "pes", &tree->members[i]);
    }
    tree->count = (uint32_t)count;
    Py_DECREF(list);
    return rc;
}

static int arrange(struct tree *tree, uint32_t root) {
    int rc = chariot_topo_arrange(tree->members, tree->count, root, &tree->hosts);
    if (rc == CHARIOT_EINVAL) {
        PyErr_Format(PyExc_ValueError, "pes must hold the root, PE %u, and every PE once", root);
    } else if (rc != 0) {
        PyErr_NoMemory();
    }
    if (rc != 0) return -1;
    tree->first = PyMem_Malloc(((size_t)tree->count + 1) * sizeof *tree->first);
    if (tree->first == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    chariot_topo_layout(tree->members, tree->count, &tree->hosts, tree->first, &tree->layout);
    return 0;
}

/* edges: of getTopoTreeEdges(), where root must come first in pes. -1 with an exception set; the caller calls
 * tree_deinit() in any case. */
static int read_tree(struct chariot_pe *pe, PyObject *root, PyObject *pes, PyObject *most, bool edges,
                     struct tree *tree) {
    uint32_t root_pe;
    int64_t bfactor = BFACTOR;
    *tree = (struct tree){.hosts = {host_of, pe}};
    if (read_number(edges, most, "bfactor", 1, INT64_MAX, &bfactor) != 0) return -1;
    if (read_pe(pe, edges, root, "root_pe", &root_pe) != 0) return -1;
    if ((pes == NULL || pes == Py_None ? take_all(pe, tree) : take_list(pe, edges, pes, tree)) != 0) return -1;
    if (edges && pes != Py_None && (tree->count == 0 || tree->members[0] != root_pe)) {
        PyErr_Format(PyExc_ValueError, "the root, PE %u, must be the first of pes", root_pe);
        return -1;
    }
    tree->radix = bfactor < (int64_t)tree->count ? (uint32_t)bfactor : tree->count;
    return arrange(tree, root_pe);
}

/* New list of numbers. */
static PyObject *list_of(const uint32_t *numbers, uint32_t count) {
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        PyObject *number = PyLong_FromUnsignedLong(numbers[i]);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, number);
    }
    return list;
}

/* (parent, children) of pe. */
static PyObject *edges_of(const struct tree *tree, uint32_t pe) {
    uint32_t *children = PyMem_Malloc((tree->radix + (size_t)1) * sizeof *children);
    if (children == NULL) return PyErr_NoMemory();
    int64_t parent, count = chariot_topo_edges(tree->members, &tree->layout, tree->radix, pe, &parent, children);
    PyObject *list = count < 0 ? NULL : list_of(children, (uint32_t)count);
    PyMem_Free(children);
    if (count < 0) return PyErr_Format(PyExc_ValueError, "PE %u is not among pes", pe);
    if (list == NULL) return NULL;
    return parent < 0 ? Py_BuildValue("ON", Py_None, list) : Py_BuildValue("LN", (long long)parent, list);
}

static PyObject *lists_of(const uint32_t *members, const uint32_t *ends, uint32_t count) {
    PyObject *list = PyList_New(count);
    uint32_t begin = 0;
    for (uint32_t i = 0; list != NULL && i < count; begin = ends[i++]) {
        PyObject *subtree = list_of(&members[begin], ends[i] - begin);
        if (subtree == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, subtree);
    }
    return list;
}

static PyObject *subtrees_of(const struct tree *tree) {
    uint32_t *ends = PyMem_Malloc((tree->radix + (size_t)1) * sizeof *ends);
    uint32_t *members = PyMem_Malloc(tree->count * sizeof *members);
    PyObject *list = NULL;
    if (ends == NULL || members == NULL)
        PyErr_NoMemory();
    else
        list = lists_of(members, ends, chariot_topo_subtrees(tree->members, &tree->layout, tree->radix, members, ends));
    PyMem_Free(ends);
    PyMem_Free(members);
    return list;
}

const char py_charm_topo_edges_doc[] =
    "getTopoTreeEdges($self, /, pe, root_pe, pes=None, bfactor=4)\n--\n\n"
    "Where pe stands in a spanning tree of pes (None: all; else root_pe comes first in it), which has one edge into\n"
    "each host: (parent, or None at the root; list of at most bfactor children).";

PyObject *py_charm_topo_edges(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"pe", "root_pe", "pes", "bfactor", NULL};
    PyObject *of, *root, *pes = Py_None, *bfactor = NULL;
    struct chariot_pe *pe = py_state_pe(py_state_of(self));
    if (pe == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OO:getTopoTreeEdges", names, &of, &root, &pes, &bfactor)) {
        return NULL;
    }
    uint32_t of_pe;
    struct tree tree;
    int rc = read_tree(pe, root, pes, bfactor, true, &tree);
    if (rc == 0) rc = read_pe(pe, true, of, "pe", &of_pe);
    PyObject *edges = rc == 0 ? edges_of(&tree, of_pe) : NULL;
    tree_deinit(&tree);
    return edges;
}

const char py_charm_topo_subtrees_doc[] =
    "getTopoSubtrees($self, /, root_pe, pes, bfactor=4)\n--\n\n"
    "The subtrees below root_pe in the spanning tree of pes: lists, the first of each is its root. What is below one\n"
    "of those, getTopoSubtrees(subtree[0], subtree) tells.";

PyObject *py_charm_topo_subtrees(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"root_pe", "pes", "bfactor", NULL};
    PyObject *root, *pes, *bfactor = NULL;
    struct chariot_pe *pe = py_state_pe(py_state_of(self));
    if (pe == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:getTopoSubtrees", names, &root, &pes, &bfactor))
        return NULL;
    struct tree tree;
    PyObject *subtrees = read_tree(pe, root, pes, bfactor, false, &tree) == 0 ? subtrees_of(&tree) : NULL;
    tree_deinit(&tree);
    return subtrees;
}
