/* python/channel.h: channels as Python objects: Channel(chare, remote), send(), recv().
 *
 * A handle to one end (chariot.h, channels). recv() suspends a greenlet coroutine, as send() does where it is too far
 * ahead; in an async def both give something to await. What they wait for is an object of its own type, since a channel
 * that charm.iwait() waits for is only looked at, and a receiver's turn is kept for it. */
#ifndef CHARIOT_PYTHON_CHANNEL_H
#define CHARIOT_PYTHON_CHANNEL_H

#include "python/state.h"

int py_channel_init(struct py_state *st, PyObject *module);

/* What an exposed method gets that a foreign program calls with a channel. NULL with an exception set. */
PyObject *py_channel_of_client(struct py_state *st, struct chariot_channel *end);

/* Module function that pickles of the state of a chare call (move.h): its end of that id, to that proxy. */
PyObject *py_channel_load(PyObject *module, PyObject *args);

#endif
