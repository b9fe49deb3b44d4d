/* What Python does for the runtime: gives up the GIL while the scheduler sleeps, encodes objects that must leave after
 * all, combines what C does not understand, reports what nobody received. */
#include "python/chare.h"
#include "python/charm.h"
#include "python/class.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/move.h"

static void before_sleep(void *ctx) {
    struct py_state *st = ctx;
    st->asleep = PyEval_SaveThread();
}

/* Python's handlers of signals run here in a job of one PE, where no stand-in shares the turn; else, when Python code
 * runs next. */
static void after_sleep(void *ctx) {
    struct py_state *st = ctx;
    PyEval_RestoreThread(st->asleep);
    st->asleep = NULL;
    if (st->pe == NULL || chariot_num_pes(st->pe) > 1) return;
    if (PyErr_CheckSignals() != 0) py_error_end_job(st, "a signal handler");
}

/* What failed: a method, or that an element moves. */
static const char *label_of(struct py_state *st, struct chariot_elem *elem, uint32_t number, char *label, size_t size) {
    struct chariot_ref ref = {.type = UINT32_MAX};
    if (elem != NULL) chariot_elem_ref(elem, &ref);
    const struct py_class *cls = elem == NULL ? NULL : py_class_by_id(st, ref.type);
    struct py_chare *chare = elem == NULL ? NULL : py_chare_of(st, elem);
    if (cls != NULL && number < cls->num_methods) return py_method_label(&cls->methods[number], label, size);
    if (chare == NULL) return py_method_label(NULL, label, size);
    chare->left = false; /* it was packed, maybe, and stays all the same */
    py_chare_label(chare, ".migrate", label, size);
    return label;
}

static void on_unreceived_error(void *ctx, struct chariot_elem *elem, uint32_t number, struct chariot_msg *error) {
    struct py_state *st = ctx;
    char label[256];
    const char *where = label_of(st, elem, number, label, sizeof label);
    PyObject *exc = py_message_value(st, error);
    if (exc == NULL) {
        py_error_end_job(st, where);
        return;
    }
    if (PyExceptionInstance_Check(exc))
        py_error_uncaught(st, where, exc);
    else
        chariot_abort(st->pe, 1, "chariot: an error without a text\n");
    Py_DECREF(exc);
}

void py_face_fill(struct py_state *st, struct chariot_face *face) {
    *face = (struct chariot_face){.ctx = st,
                                  .before_sleep = before_sleep,
                                  .after_sleep = after_sleep,
                                  .on_release = py_readonlies_on_release,
                                  .encode = py_message_encode,
                                  .object_bytes = py_message_object_bytes,
                                  .state_bytes = py_message_state_bytes,
                                  .combine = py_face_combine,
                                  .on_unreceived_error = on_unreceived_error,
                                  .describe_blocked = py_hang_describe,
                                  .may_move = py_move_may,
                                  .on_moved = py_move_arrived,
                                  .on_stays = py_move_stays,
                                  .admit = py_expose_admit,
                                  .exit_name = "charm.exit()"};
}
