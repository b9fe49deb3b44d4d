/* lb/record.h: what this PE knows of a phase, as text for its record (rpc/record.h): a phase of vt's LBDatafile.
 *
 * A task for each element that lives here and was not made by the runtime; those of groups and single chares only where
 * they cost something. An element's id is a hash of its collection's id and its index: the same in every phase and on
 * every PE. Times are CPU time in seconds, to the nanosecond. What is not of vt's form stands in "user_defined"; LBAF
 * wants all three of its numbers of bytes there, if any. */
#ifndef CHARIOT_LB_RECORD_H
#define CHARIOT_LB_RECORD_H

#include "objects/pe.h"

/* obj_balance_ops.on_phase */
void lb_record_phase(struct chariot_pe *pe, uint64_t number);

#endif
