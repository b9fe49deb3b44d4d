/* objects/reduce_builtin.h: the built-in reducers on encoded values, as far as C understands them.
 *
 * Called by the reduction engine with what elements and subtrees have contributed, on the scheduler's thread. Pure: the
 * values are borrowed, nothing is kept but perhaps in the result. Results follow Python and numpy, and do not depend on
 * how contributions are grouped, except for the rounding of floating-point sums and products, provided that each takes
 * part in at least one call (one value alone is a call too: the sum of True is 1).
 *
 * Numbers, which may be mixed: sum and product as sum() and math.prod(): bools count as ints, an int with a double
 * gives a double. max and min compare exactly (2**53 + 1 > 2.0**53), give the winner in its own type, and of equals the
 * first; but a NaN wins, as in numpy.maximum, where Python's max() would let the order decide. Logical ones give a bool
 * of the truth of all values (xor: of an odd number of them).
 * Arrays of one dtype and shape, element by element, as numpy.add, multiply, maximum and minimum do: integers wrap,
 * bools are or-ed by sum and max and and-ed by product and min, NaN wins. Logical ones give a bool array and take any
 * mixture of dtypes, since what comes from a subtree is bool already.
 * Lists of Python's numbers come as arrays of one dimension in order 'F', which says nothing else there, and stay so:
 * their ints do not wrap, the face adds them where they become too large. */
#ifndef CHARIOT_OBJECTS_REDUCE_BUILTIN_H
#define CHARIOT_OBJECTS_REDUCE_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chariot_msg;
struct chariot_value;

enum { OBJ_REDUCE_NOT_FOR_C = 1 }; /* outcome: ask the face */

/* Combines the one value of each of `count` (at least 1) messages by a reducer from SUM to XOR. Gives *out, which is
 * values[0] itself where that is an array that nobody else has: it is changed then, the others never are.
 * OBJ_REDUCE_NOT_FOR_C: pickles, big or overflowing ints, containers, strings, complex max and min,
 * arrays of other dtypes, of differing shape, dtype or order, arrays with scalars, messages without payload.
 * CHARIOT_EMALFORMED, CHARIOT_ENOMEM; CHARIOT_EINVAL: another reducer. */
int obj_reduce_builtin(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct chariot_msg **out);

/* Private to the two files: the only value of a message. OBJ_REDUCE_NOT_FOR_C: it holds others, or has no payload. */
int obj_reduce_read(const struct chariot_msg *msg, struct chariot_value *value);
/* Private: where values[0] is an array. Outcomes as above. */
int obj_reduce_arrays(uint32_t reducer, size_t count, struct chariot_msg *const *values, struct chariot_msg **out);

/* Arrays, of which perhaps only the first bytes are there yet: may values[1..count) be added into values[0], range by
 * range? *item_size: bytes of an element. */
bool obj_reduce_can_add_ranges(uint32_t reducer, size_t count, struct chariot_msg *const *values, size_t *item_size);
/* Where the data of such an array begins in its payload. */
size_t obj_reduce_data_offset(const struct chariot_msg *array);
/* Adds bytes [begin, end) of the data of `next`, whole elements, into total's. */
void obj_reduce_add_range(uint32_t reducer, struct chariot_msg *total, const struct chariot_msg *next, size_t begin,
                          size_t end);

#endif
