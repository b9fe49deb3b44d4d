/* objects/ref.h: how an index is packed into the three words that refs and messages carry.
 *
 * Dimensions 1 to 3 take one 64-bit word each. Of 4 to 6, each word holds two as 32-bit numbers: dimensions 0 and 1 in
 * the low and high half of word 0, and so on. What is not used is zero, so equal indices have equal words. A single
 * chare has the index (0,) and in word 2 the PE where it was placed. Pure functions, any thread. */
#ifndef CHARIOT_OBJECTS_REF_H
#define CHARIOT_OBJECTS_REF_H

#include <stdint.h>

#include "objects/chariot.h"

enum {
    OBJ_INDEX_WORDS = 3,
    OBJ_SINGLE_PE_WORD = 2, /* of a single chare's index: where it was placed */
    OBJ_INDEX_TEXT = 160,   /* room for any index as text */
};

/* CHARIOT_EINVAL: ndims is not 1 to CHARIOT_MAX_DIMS; CHARIOT_ERANGE: a number does not fit. */
int obj_index_pack(const struct chariot_index *index, uint64_t words[OBJ_INDEX_WORDS]);
/* ndims at most CHARIOT_MAX_DIMS; 0 gives the empty index. */
void obj_index_unpack(uint32_t ndims, const uint64_t words[OBJ_INDEX_WORDS], struct chariot_index *index);
/* "(1, 2)", as people know it. */
void obj_index_print(uint32_t ndims, const uint64_t words[OBJ_INDEX_WORDS], char text[OBJ_INDEX_TEXT]);
/* The same on every PE: home PEs follow from it. */
uint64_t obj_index_hash(uint64_t collection, const uint64_t words[OBJ_INDEX_WORDS]);

#endif
