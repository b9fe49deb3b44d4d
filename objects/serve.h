/* objects/serve.h: the public service of this PE: requests as rpc/ brings them (rpc/serve.h), given to the door
 * (door.h). */
#ifndef CHARIOT_OBJECTS_SERVE_H
#define CHARIOT_OBJECTS_SERVE_H

#include "objects/door.h"
#include "rpc/job_serve.h"

/* Owner of the service that this PE has opened. */
struct obj_serving {
    struct chariot_pe *pe; /* NULL: it has never */
    struct rpc_job_serving at;
    struct obj_seal seal;
    bool shows_traces;
    struct obj_caller *callers; /* whose requests are being answered */
};

/* By enum obj_door_method; from OBJ_SERVE_DOORS on by enum obj_public_method, with the older name of reflection last.
 */
enum { OBJ_SERVE_DOORS = OBJ_DOOR_NUM_METHODS, OBJ_SERVE_NUM_METHODS = OBJ_SERVE_DOORS + 4 };
extern const struct rpc_service_method obj_serve_methods[OBJ_SERVE_NUM_METHODS];
extern const struct rpc_service_ops obj_serve_ops;

/* What clients cannot make: see struct obj_seal. ctx: the serving. */
void obj_serve_seal(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]);
/* What is under way is answered by nobody any more. */
void obj_serve_forget(struct obj_serving *serving);

#endif
