/* python/message.h: messages as Python sees them: arguments and values, encoded or as the objects themselves.
 *
 * On one PE a message carries objects by reference: the tuple of arguments, or a value. Where it must leave after all,
 * the runtime asks py_message_encode(). What was decoded once is kept on the message, so that several receivers of one
 * broadcast share it. A bare tuple on a message is arguments; named arguments and values that are tuples come in a box.
 */
#ifndef CHARIOT_PYTHON_MESSAGE_H
#define CHARIOT_PYTHON_MESSAGE_H

#include "python/state.h"

int py_message_init(struct py_state *st, PyObject *module);

/* Arguments as a message for a receiver at that place: the objects themselves (HERE), encoded, or both. Gives *msg,
 * NULL where there are none. -1 with an exception set. */
int py_message_put_args(struct py_state *st, PyObject *const *args, Py_ssize_t num, PyObject *keywords,
                        enum chariot_place place, struct chariot_msg **msg);
/* The arguments of a message (NULL: none): a new reference to a tuple, and to a dict or NULL. -1 with an exception. */
int py_message_args(struct py_state *st, struct chariot_msg *msg, PyObject **args, PyObject **keywords);

/* A value as a message; an exception as an error, which is raised where the value is asked for. Gives; NULL with an
 * exception set. */
struct chariot_msg *py_message_put_value(struct py_state *st, PyObject *value, bool by_reference);
/* The same, but an exception is a value like others. */
struct chariot_msg *py_message_put_object(struct py_state *st, PyObject *value, bool by_reference);
struct chariot_msg *py_message_put_error(struct py_state *st, PyObject *exc, const struct py_method *method);
/* The value of a message (NULL: None). Of an error: the exception itself, not raised. New reference. */
PyObject *py_message_value(struct py_state *st, struct chariot_msg *msg);

/* What objects that travel by reference hold, as far as that is plain to see. */
size_t py_message_bytes_held(PyObject *const *args, Py_ssize_t num);

/* chariot_face.encode, object_bytes, state_bytes; ctx is the state. What is in attributes is looked at, not what a
 * __getstate__ would give. */
int py_message_encode(void *ctx, struct chariot_msg **msg);
size_t py_message_object_bytes(void *ctx, const struct chariot_msg *msg);
size_t py_message_state_bytes(void *ctx, struct chariot_elem *elem);

#endif
