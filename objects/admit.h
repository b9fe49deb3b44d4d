/* objects/admit.h: whether a method takes the arguments of a foreign program, as its description says
 * (chariot_signature).
 *
 * For types whose face has nothing to say of it: C's. Named arguments are put in their places. */
#ifndef CHARIOT_OBJECTS_ADMIT_H
#define CHARIOT_OBJECTS_ADMIT_H

#include "objects/chariot.h"

/* args: one list, and a map of those that are named or nothing; *args may be replaced. 0; CHARIOT_EINVAL: why not, for
 * people; CHARIOT_ENOMEM. *args stays the caller's. */
int obj_admit(const struct chariot_signature *signature, struct chariot_msg **args, char *why, size_t why_size);

#endif
