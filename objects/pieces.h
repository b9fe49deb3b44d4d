/* objects/pieces.h: large reductions between hosts travel in pieces, so that a PE combines one piece while the next is
 * on its way, and passes it on.
 *
 *   leaf host   PARTIAL, cut -> PIECE, PIECE, ... the last with the tail -> tree parent
 *   above it    record with growing values -> stream, when local parts and the beginnings of all others are there:
 *               what has arrived of all is added into the first, and what is added leaves in pieces -> ... -> root
 *   root        stream -> record, complete -> RESULT, cut -> RESULT_PIECE down the tree, also for PEs of one host
 *
 * A stream is a record of its own (pe->streams): what comes for its reduction after it has begun goes into a new
 * record, and is passed on whole, as late parts always are. So of one reduction a child sends pieces once at most.
 * Streams add in the order in which values are combined elsewhere, to the same bits. What cannot be added range by
 * range (other reducers, differing dtypes) is put together and then combined as ever. Inside a host values are lent
 * whole: that costs no copy, where pieces cost one. */
#ifndef CHARIOT_OBJECTS_PIECES_H
#define CHARIOT_OBJECTS_PIECES_H

#include "objects/reduce.h"

/* True where the value (NULL: none) of a partial result shall be cut. */
bool obj_pieces_serve(const struct chariot_pe *pe, uint64_t id, uint32_t reducer, const struct chariot_msg *value);
/* Sends it to the tree parent. */
void obj_pieces_send_take(struct chariot_pe *pe, struct obj_key key, struct chariot_msg *value,
                          const struct obj_partial_tail *tail);
/* The same for the result of an allreduce, which goes down the tree: its header is set. */
bool obj_pieces_serve_result(const struct chariot_pe *pe, const struct chariot_msg *result);
void obj_pieces_send_result_take(struct chariot_pe *pe, struct chariot_msg *result);

/* red has growing values: it becomes a stream, if it can already. */
void obj_pieces_start(struct chariot_pe *pe, struct obj_coll *coll, struct obj_reduction *red);
/* The collection goes: its streams become records without values, or tell the parent that their value will not come. */
void obj_pieces_drop(struct chariot_pe *pe, const struct obj_coll *coll);
void obj_pieces_free_all(struct chariot_pe *pe);

#endif
