/* python/move.h: chares that move to other PEs: what chariot_type.pack and unpack, chariot_face.may_move, on_moved
 * and on_stays do for Python.
 *
 * What travels of a chare: its state, as pickle takes it (what __getstate__() gives, else __dict__ and slots), and the
 * calls that wait at it for their conditions: together one value, so that what they share stays shared. The constructor
 * does not run again: an object is made, gets the state (by __setstate__(), where its class has one), and migrated() is
 * called before anything else. Coroutines cannot travel.
 *
 * In its own state a chare may refer to itself, and to its Channels: st->packing and st->arriving say whose that is. */
#ifndef CHARIOT_PYTHON_MOVE_H
#define CHARIOT_PYTHON_MOVE_H

#include "python/chare.h"

int py_move_pack(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer);
int py_move_unpack(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                   struct chariot_msg *msg, struct chariot_reader *reader, void **object);
/* ctx is the state. */
int py_move_may(void *ctx, struct chariot_elem *elem, char *why, size_t why_size);
/* A coroutine of chare has ended, or one does not wait at it any more: it leaves, if only that kept it. */
void py_move_again(struct py_chare *chare);
void py_move_arrived(void *ctx, struct chariot_elem *elem);
void py_move_stays(void *ctx, struct chariot_elem *elem);

/* Chare.__reduce_ex__(): of the chare that is packed now, itself; others cannot be sent. */
PyObject *py_move_reduce(PyObject *chare, PyObject *protocol);
/* Module function that pickles of it call: the chare that arrives now. */
PyObject *py_move_arriving(PyObject *module, PyObject *ignored);
/* A chare that left and that somebody here still holds: its proxy. New reference; NULL, no exception: it has not. */
PyObject *py_move_proxy_of(const struct py_chare *chare);

#endif
