/* test/scenarios/values.h: values that the scenarios send, made and read in one line each. A value of another type than
 * expected, or no memory, fails the test. */
#ifndef CHARIOT_TEST_SCENARIOS_VALUES_H
#define CHARIOT_TEST_SCENARIOS_VALUES_H

#include "objects/chariot.h"

struct chariot_msg *value_int(int64_t value);
struct chariot_msg *value_double(double value);
/* An array of doubles, "<f8". */
struct chariot_msg *value_doubles(const double *values, size_t count);
struct chariot_msg *value_ref(const struct chariot_ref *ref);
int64_t int_of(const struct chariot_msg *msg);
double double_of(const struct chariot_msg *msg);
bool is_null(const struct chariot_msg *msg);
/* The ints of a list; gives their number, at most `room` are written. */
size_t ints_of(const struct chariot_msg *msg, int64_t *values, size_t room);
/* "Type: text" of an error value; static. */
const char *error_of(const struct chariot_msg *msg);

/* Arguments: one list. */
struct chariot_msg *args_ints(size_t count, const int64_t *values);
#define args_of(...) args_ints(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})
struct chariot_msg *args_ref(const struct chariot_ref *ref, int64_t more);
int64_t arg_int(const struct chariot_msg *args, size_t at);
/* What args_ref() made. */
int64_t arg_ref(const struct chariot_msg *args, struct chariot_ref *ref);

/* The element's index. */
struct chariot_index index_of(const struct chariot_elem *elem);

#endif
