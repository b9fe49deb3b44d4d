/* python/codec_view.c: the part of a message that an array or an unpickled buffer lies in, as a Python object.
 *
 * It owns a reference to the message and offers its bytes, writable, through the buffer protocol. numpy keeps it as an
 * array's base. */
#include "python/codec.h"
#include "python/state.h"

enum { VIEW_PART = 4 }; /* a view may keep a message of up to so many times its size */

struct view {
    PyObject_HEAD struct chariot_msg *msg; /* owned */
    void *data;                            /* inside msg */
    Py_ssize_t size;
};

bool py_view_pays(const struct chariot_msg *owner, size_t size) {
    return owner != NULL && size >= PY_VIEW_FROM && size >= chariot_msg_size(owner) / VIEW_PART;
}

PyObject *py_view_new(struct py_state *st, struct chariot_msg *owner, const void *data, size_t size) {
    struct view *self = PyObject_New(struct view, st->codec.view_type);
    if (self == NULL) return NULL;
    self->msg = chariot_msg_ref(owner);
    self->data = (void *)(uintptr_t)data;
    self->size = (Py_ssize_t)size;
    return (PyObject *)self;
}

static void view_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    chariot_msg_unref(((struct view *)object)->msg);
    PyObject_Free(object);
    Py_DECREF(type);
}

static int view_getbuffer(PyObject *object, Py_buffer *buffer, int flags) {
    struct view *self = (struct view *)object;
    return PyBuffer_FillInfo(buffer, object, self->data, self->size, 0, flags);
}

static PyType_Slot view_slots[] = {
    {Py_tp_doc, "The memory of a received message; keeps it alive."},
    {Py_tp_dealloc, view_dealloc},
    {Py_bf_getbuffer, view_getbuffer},
    {0, NULL},
};

static PyType_Spec view_spec = {
    .name = "chariot._core.MessageView",
    .basicsize = sizeof(struct view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = view_slots,
};

int py_view_init(struct py_state *st, PyObject *module) {
    st->codec.view_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &view_spec, NULL);
    return st->codec.view_type != NULL ? 0 : -1;
}
