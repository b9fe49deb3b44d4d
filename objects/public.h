/* objects/public.h: what every gRPC service is asked besides its own: whether it is well (grpc.health.v1), and what it
 * has (grpc.reflection.v1, from the protos themselves). From bytes to bytes, as door.h. */
#ifndef CHARIOT_OBJECTS_PUBLIC_H
#define CHARIOT_OBJECTS_PUBLIC_H

#include "objects/proto.h"

enum obj_public_method {
    OBJ_PUBLIC_CHECK,   /* grpc.health.v1.Health/Check */
    OBJ_PUBLIC_WATCH,   /* the same, and then nothing: a service that closes ends its streams */
    OBJ_PUBLIC_REFLECT, /* one message of grpc.reflection.v1.ServerReflection/ServerReflectionInfo */
};

/* Writes the response to this request. Outcome OBJ_PUBLIC_UNKNOWN: Check of a service that is not here; nothing is
 * written. CHARIOT_EMALFORMED: no such request. */
enum { OBJ_PUBLIC_UNKNOWN = 1 };
int obj_public_answer(enum obj_public_method method, const void *data, size_t size, struct chariot_writer *writer);

/* The protos of the public services, a google.protobuf.FileDescriptorSet; made with them. */
extern const unsigned char obj_public_protos[];
extern const unsigned long obj_public_protos_size;

#endif
