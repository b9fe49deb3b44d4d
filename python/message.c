#include "python/message.h"

#include "python/chare.h"
#include "python/class.h"
#include "python/errors.h"

/* ---------------------------------------------------------------- the box */

/* Named arguments beside the positional ones; or a value that is a tuple, and would be taken for arguments. */
struct py_box {
    PyObject_HEAD PyObject *args; /* tuple, or NULL: a value */
    PyObject *keywords;           /* dict, or NULL */
    PyObject *value;
};

static void box_dealloc(PyObject *self) {
    struct py_box *box = (struct py_box *)(void *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(box->args);
    Py_XDECREF(box->keywords);
    Py_XDECREF(box->value);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot box_slots[] = {{Py_tp_dealloc, box_dealloc}, {0, NULL}};
static PyType_Spec box_spec = {.name = "chariot._core._Box",
                               .basicsize = sizeof(struct py_box),
                               .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                               .slots = box_slots};

int py_message_init(struct py_state *st, PyObject *module) {
    st->keywords_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &box_spec, NULL);
    return st->keywords_type == NULL ? -1 : 0;
}

static struct py_box *box_new(struct py_state *st) {
    struct py_box *box = PyObject_New(struct py_box, st->keywords_type);
    if (box != NULL) box->args = box->keywords = box->value = NULL;
    return box;
}

static bool is_box(struct py_state *st, PyObject *object) {
    return Py_IS_TYPE(object, st->keywords_type);
}

/* ---------------------------------------------------------------- hanging objects on messages */

static void drop(void *object) {
    Py_DECREF((PyObject *)object);
}

/* Takes object. */
static struct chariot_msg *hang_take(PyObject *object) {
    if (object == NULL) return NULL;
    struct chariot_msg *msg = chariot_msg_new(0);
    if (msg == NULL) {
        Py_DECREF(object);
        PyErr_NoMemory();
        return NULL;
    }
    chariot_msg_set_object(msg, object, drop);
    return msg;
}

static PyObject *tuple_of(PyObject *const *args, Py_ssize_t num) {
    PyObject *tuple = PyTuple_New(num);
    if (tuple == NULL) return NULL;
    for (Py_ssize_t i = 0; i < num; i++) {
        Py_INCREF(args[i]);
        PyTuple_SET_ITEM(tuple, i, args[i]);
    }
    return tuple;
}

static PyObject *boxed_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords) {
    PyObject *tuple = tuple_of(args, num);
    if (tuple == NULL || keywords == NULL) return tuple;
    struct py_box *box = box_new(st);
    if (box == NULL) {
        Py_DECREF(tuple);
        return NULL;
    }
    box->args = tuple;
    Py_INCREF(keywords);
    box->keywords = keywords;
    return (PyObject *)box;
}

/* ---------------------------------------------------------------- arguments */

int py_message_put_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords,
                        enum chariot_place place, struct chariot_msg **msg) {
    *msg = NULL;
    if (num == 0 && keywords == NULL) return 0;
    if (place != CHARIOT_HERE && py_encode_args(st, args, num, keywords, msg) != 0) return -1;
    if (place == CHARIOT_ELSEWHERE) return 0;
    PyObject *object = boxed_args(st, args, num, keywords);
    if (*msg == NULL) {
        *msg = hang_take(object);
        return *msg == NULL ? -1 : 0;
    }
    if (object == NULL) {
        chariot_msg_unref(*msg);
        return -1;
    }
    chariot_msg_set_object(*msg, object, drop);
    return 0;
}

static int args_of_object(struct py_state *st, PyObject *object, PyObject **args, PyObject **keywords) {
    *keywords = NULL;
    if (is_box(st, object) && ((struct py_box *)(void *)object)->args != NULL) {
        struct py_box *box = (struct py_box *)(void *)object;
        *args = box->args;
        *keywords = box->keywords;
    } else if (PyTuple_CheckExact(object)) {
        *args = object;
    } else {
        py_malformed("a value where arguments should be");
        return -1;
    }
    Py_INCREF(*args);
    Py_XINCREF(*keywords);
    return 0;
}

/* Keeps what was decoded on msg, for other receivers of it here. */
static void keep(struct py_state *st, struct chariot_msg *msg, PyObject *args, PyObject *keywords) {
    PyObject *object = args;
    if (keywords != NULL) {
        struct py_box *box = box_new(st);
        if (box == NULL) {
            PyErr_Clear();
            return;
        }
        Py_INCREF(args);
        Py_INCREF(keywords);
        box->args = args;
        box->keywords = keywords;
        object = (PyObject *)box;
    } else {
        Py_INCREF(object);
    }
    chariot_msg_set_object(msg, object, drop);
}

int py_message_args(struct py_state *st, struct chariot_msg *msg, PyObject **args, PyObject **keywords) {
    PyObject *object = msg == NULL ? NULL : chariot_msg_object(msg);
    if (object != NULL) return args_of_object(st, object, args, keywords);
    if (msg == NULL || chariot_msg_size(msg) == 0) {
        *keywords = NULL;
        *args = PyTuple_New(0);
        return *args == NULL ? -1 : 0;
    }
    bool alone = !chariot_msg_is_shared(msg);
    if (py_decode_args(st, msg, alone, args, keywords) != 0) return -1;
    if (!alone) keep(st, msg, *args, *keywords); /* views of the message would keep it alive, and it them */
    return 0;
}

/* ---------------------------------------------------------------- values */

struct chariot_msg *py_message_put_error(struct py_state *st, PyObject *exc, const struct py_method *method) {
    char label[256];
    const char *where = method == NULL ? NULL : py_method_label(method, label, sizeof label);
    return py_encode_error_msg(st, exc, st->pe == NULL ? 0 : chariot_my_pe(st->pe), where);
}

struct chariot_msg *py_message_put_object(struct py_state *st, PyObject *value, bool by_reference) {
    if (!by_reference) {
        struct chariot_msg *msg;
        return py_encode_msg(st, value, &msg) == 0 ? msg : NULL;
    }
    if (!PyTuple_CheckExact(value) && !is_box(st, value)) {
        Py_INCREF(value);
        return hang_take(value);
    }
    struct py_box *box = box_new(st);
    if (box == NULL) return NULL;
    Py_INCREF(value);
    box->value = value;
    return hang_take((PyObject *)box);
}

struct chariot_msg *py_message_put_value(struct py_state *st, PyObject *value, bool by_reference) {
    if (PyExceptionInstance_Check(value)) return py_message_put_error(st, value, NULL);
    return py_message_put_object(st, value, by_reference);
}

PyObject *py_message_value(struct py_state *st, struct chariot_msg *msg) {
    PyObject *object = msg == NULL ? NULL : chariot_msg_object(msg);
    if (object == NULL) {
        PyObject *value = py_decode_msg(st, msg, false);
        if (value == NULL || msg == NULL || chariot_msg_size(msg) == 0) return value;
        PyObject *kept = value;
        if (PyTuple_CheckExact(value)) {
            struct py_box *box = box_new(st);
            if (box == NULL)
                PyErr_Clear();
            else
                Py_INCREF(value), box->value = value;
            kept = (PyObject *)box;
        } else {
            Py_INCREF(value);
        }
        if (kept != NULL) chariot_msg_set_object(msg, kept, drop);
        return value;
    }
    PyObject *value = is_box(st, object) ? ((struct py_box *)(void *)object)->value : object;
    if (value == NULL) return py_malformed("arguments where a value should be");
    Py_INCREF(value);
    return value;
}

/* ---------------------------------------------------------------- size */

size_t py_message_bytes_held(PyObject *const *args, Py_ssize_t num) {
    size_t bytes = 0;
    for (Py_ssize_t i = 0; i < num; i++) {
        Py_buffer view;
        if (PyBytes_CheckExact(args[i])) {
            bytes += (size_t)PyBytes_GET_SIZE(args[i]);
        } else if (PyUnicode_CheckExact(args[i])) {
            bytes += (size_t)PyUnicode_GET_LENGTH(args[i]);
        } else if (PyObject_CheckBuffer(args[i])) {
            if (PyObject_GetBuffer(args[i], &view, PyBUF_FULL_RO) != 0) {
                PyErr_Clear();
                continue;
            }
            bytes += (size_t)view.len;
            PyBuffer_Release(&view);
        }
    }
    return bytes;
}

enum { NUMBER_BYTES = 9 /* encoded; most other values are of that order */, SAMPLE = 8, DEPTH = 4 };

static size_t value_bytes(PyObject *value, int depth);

/* Of `count` alike: the first few stand for all. */
static size_t values_bytes(PyObject *const *values, Py_ssize_t count, int depth) {
    size_t bytes = 0;
    Py_ssize_t looked = count < SAMPLE ? count : SAMPLE;
    for (Py_ssize_t i = 0; i < looked; i++) bytes += value_bytes(values[i], depth);
    return looked == 0 ? 0 : bytes / (size_t)looked * (size_t)count + bytes % (size_t)looked;
}

static size_t dict_bytes(PyObject *dict, int depth) {
    PyObject *name, *value;
    size_t bytes = 0;
    for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &name, &value);)
        bytes += value_bytes(name, depth) + value_bytes(value, depth);
    return bytes;
}

static size_t value_bytes(PyObject *value, int depth) {
    size_t bytes = NUMBER_BYTES + py_message_bytes_held(&value, 1);
    if (depth == DEPTH) return bytes;
    if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
        Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
        return bytes + values_bytes(PySequence_Fast_ITEMS(value), count, depth + 1);
    }
    return PyDict_CheckExact(value) ? bytes + dict_bytes(value, depth + 1) : bytes;
}

size_t py_message_object_bytes(void *ctx, const struct chariot_msg *msg) {
    struct py_state *st = ctx;
    PyObject *object = chariot_msg_object(msg);
    struct py_box *box = is_box(st, object) ? (struct py_box *)(void *)object : NULL;
    if (box == NULL) return value_bytes(object, 0);
    if (box->args == NULL) return value_bytes(box->value, 0);
    return value_bytes(box->args, 0) + (box->keywords == NULL ? 0 : dict_bytes(box->keywords, 1));
}

size_t py_message_state_bytes(void *ctx, struct chariot_elem *elem) {
    PyObject *chare = (PyObject *)py_chare_of(ctx, elem);
    PyObject *dict = chare == NULL ? NULL : PyObject_GenericGetDict(chare, NULL);
    if (dict == NULL) PyErr_Clear();
    size_t bytes = dict == NULL ? 0 : dict_bytes(dict, 1);
    Py_XDECREF(dict);
    return bytes;
}

/* ---------------------------------------------------------------- leaving after all */

static int encode_object(struct py_state *st, PyObject *object, struct chariot_writer *writer) {
    if (is_box(st, object) && ((struct py_box *)(void *)object)->args == NULL) {
        return py_encode(st, writer, ((struct py_box *)(void *)object)->value);
    }
    return py_encode(st, writer, object);
}

static int encode_args_object(struct py_state *st, PyObject *args, PyObject *keywords, struct chariot_writer *writer) {
    struct chariot_msg *encoded;
    PyObject *const *items = &PyTuple_GET_ITEM(args, 0);
    if (py_encode_args(st, items, PyTuple_GET_SIZE(args), keywords, &encoded) != 0) return -1;
    int rc = encoded == NULL ? chariot_put_list(writer, 0)
                             : chariot_put_encoded(writer, chariot_msg_data(encoded), chariot_msg_size(encoded));
    chariot_msg_unref(encoded);
    return rc;
}

int py_message_encode(void *ctx, struct chariot_msg **msg) {
    struct py_state *st = ctx;
    PyObject *object = chariot_msg_object(*msg);
    if (object == NULL || chariot_msg_size(*msg) > 0) return 0;
    struct chariot_writer writer;
    Py_INCREF(object); /* the writer may move the message */
    chariot_writer_init_take(&writer, *msg);
    int rc;
    if (PyTuple_CheckExact(object)) {
        rc = encode_args_object(st, object, NULL, &writer);
    } else if (is_box(st, object) && ((struct py_box *)(void *)object)->args != NULL) {
        struct py_box *box = (struct py_box *)(void *)object;
        rc = encode_args_object(st, box->args, box->keywords, &writer);
    } else {
        rc = encode_object(st, object, &writer);
    }
    Py_DECREF(object);
    int finished = chariot_writer_finish(&writer, msg);
    if (finished != 0) return finished;
    if (rc == 0) return 0;
    PyErr_WriteUnraisable(NULL);
    return CHARIOT_ETYPE;
}
