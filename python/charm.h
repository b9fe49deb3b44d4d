/* python/charm.h: the singleton `charm`, its options, and what starts and ends the job (start.c, ending.c). */
#ifndef CHARIOT_PYTHON_CHARM_H
#define CHARIOT_PYTHON_CHARM_H

#include "python/state.h"

int py_charm_init(struct py_state *st, PyObject *module);
int py_options_init(struct py_state *st, PyObject *module);
/* charm.start(): -1 with Charm4PyError where the program has set options in the old form, Options.X = ... */
int py_options_check(struct py_state *st);

/* Methods of the singleton, from several files. */
PyObject *py_charm_start(PyObject *self, PyObject *args, PyObject *kwargs);         /* start.c */
PyObject *py_charm_register(PyObject *self, PyObject *args, PyObject *kwargs);      /* start.c */
PyObject *py_charm_sleep(PyObject *self, PyObject *seconds);                        /* timer.c */
PyObject *py_charm_after(PyObject *self, PyObject *args, PyObject *kwargs);         /* timer.c */
PyObject *py_charm_exit(PyObject *self, PyObject *args, PyObject *kwargs);          /* ending.c */
PyObject *py_charm_abort(PyObject *self, PyObject *message);                        /* ending.c */
PyObject *py_charm_topo_edges(PyObject *self, PyObject *args, PyObject *kwargs);    /* topology.c */
PyObject *py_charm_topo_subtrees(PyObject *self, PyObject *args, PyObject *kwargs); /* topology.c */
PyObject *py_charm_start_qd(PyObject *self, PyObject *callback);                    /* hang.c */
PyObject *py_charm_wait_qd(PyObject *self, PyObject *ignored);                      /* hang.c */
PyObject *py_charm_balance(PyObject *self, PyObject *ignored);                      /* balance.c */
PyObject *py_charm_publish(PyObject *self, PyObject *args, PyObject *kwargs);       /* serve.c */
PyObject *py_charm_unpublish(PyObject *self, PyObject *name);                       /* serve.c */
PyObject *py_charm_serve(PyObject *self, PyObject *args, PyObject *kwargs);         /* serve.c */
PyObject *py_charm_stop_serving(PyObject *self, PyObject *ignored);                 /* serve.c */
extern const char py_charm_start_doc[], py_charm_after_doc[], py_charm_topo_edges_doc[], py_charm_topo_subtrees_doc[],
    py_charm_serve_doc[];

/* balance.c. charm.start(): the runtime hears what charm.options.lb says. -1 with an exception set. Module function:
 * the names of its balancers. */
int py_balance_start(struct py_state *st);
PyObject *py_balancer_names(PyObject *module, PyObject *ignored);

/* readonlies.c: the program uses readonlies (module function _hold). charm.start(): this PE waits for their values, if
 * so. PE 0, when the entry has run its first slice: sends them. chariot_face.on_release: they are here. */
PyObject *py_readonlies_hold(PyObject *module, PyObject *dict);
void py_readonlies_start(struct py_state *st);
void py_readonlies_send(struct py_state *st);
void py_readonlies_on_release(void *ctx, struct chariot_msg *values);

/* start.c: chariot_face, set before the job runs. */
void py_face_fill(struct py_state *st, struct chariot_face *face); /* face.c */

/* hang.c: chariot_face.describe_blocked; what a text says as charm.options.hang_report: false: nothing. */
void py_hang_describe(void *ctx, struct chariot_report *report);
/* What a suspended task waits for; "[3]" of an element of a collection, else "". */
void py_hang_describe_wait(const struct py_task *task, char *text, size_t size);
void py_hang_index(const struct chariot_elem *elem, char *text, size_t size);
bool py_hang_mode(PyObject *text, enum chariot_hang_mode *mode);

/* signals.c: under a launcher SIGINT and SIGTERM end the process quietly, unless the program has handlers of its own.
 */
int py_signals_install(struct py_state *st);

/* ending.c: module functions. _fail(status, text): ends a job that has not started. _at_exit(): the interpreter ends.
 */
PyObject *py_ending_fail(PyObject *module, PyObject *args);
PyObject *py_ending_forgotten(PyObject *module, PyObject *program);
PyObject *py_ending_at_exit(PyObject *module, PyObject *ignored);

#endif
