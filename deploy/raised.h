/* deploy/raised.h: what a method raised, out of the details of a gRPC status (ObjectError), for people. */
#ifndef CHARIOT_DEPLOY_RAISED_H
#define CHARIOT_DEPLOY_RAISED_H

#include <stdint.h>
#include <stdio.h>

/* details: google.rpc.Status. Prints the traceback, and on which PE it was; nothing where there is no such thing. */
void deploy_raised_print(FILE *out, const uint8_t *details, size_t size);

#endif
