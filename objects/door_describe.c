/* Objects as foreign programs see them: their kind, and the methods that they may call. */
#include <string.h>

#include "objects/door.h"

enum { FIELD_METHODS = 6 };

static void put_parameter(struct chariot_writer *writer, const struct chariot_parameter *parameter) {
    size_t message = obj_proto_begin(writer, 3);
    obj_proto_put_text(writer, 1, parameter->name);
    obj_proto_put_text(writer, 2, parameter->type);
    if (parameter->optional) obj_proto_put_number(writer, 3, 1);
    obj_proto_put_number(writer, 4, parameter->kind);
    obj_proto_end(writer, message);
}

static void put_method(struct chariot_writer *writer, const char *name, const struct chariot_signature *signature) {
    size_t message = obj_proto_begin(writer, FIELD_METHODS);
    obj_proto_put_text(writer, 1, name);
    obj_proto_put_text(writer, 2, signature->description);
    for (uint32_t i = 0; i < signature->num_parameters; i++) put_parameter(writer, &signature->parameters[i]);
    obj_proto_put_text(writer, 4, signature->returns);
    if (signature->channel) obj_proto_put_number(writer, 5, 1);
    obj_proto_end(writer, message);
}

/* The signature of a method that this guest may call; else NULL. */
static const struct chariot_signature *signature_of(const struct obj_visit *visit, const char *name,
                                                    const struct chariot_type *type, uint32_t method) {
    const struct chariot_signature *signature = type->exposure == NULL ? NULL : type->exposure->methods[method];
    if (signature == NULL) return NULL;
    return visit->guest->may(visit->guest->ctx, name, type->methods[method].name) ? signature : NULL;
}

bool obj_door_is_visible(const struct obj_visit *visit, const char *name, const struct chariot_ref *ref) {
    const struct chariot_type *type = visit->pe->types[ref->type];
    for (uint32_t i = 0; i < type->num_methods; i++) {
        if (signature_of(visit, name, type, i) != NULL) return true;
    }
    return false;
}

/* chariot.v1.ObjectKind. */
static uint64_t kind_of(const struct chariot_ref *ref) {
    if (!ref->whole) return 1;
    return ref->kind == CHARIOT_GROUP ? 2 : ref->kind == CHARIOT_ARRAY_OF ? 3 : ref->kind == CHARIOT_SECTION ? 4 : 0;
}

void obj_door_put_object(struct chariot_writer *writer, const struct obj_visit *visit, const char *name,
                         const struct chariot_ref *ref, bool methods) {
    const struct chariot_type *type = visit->pe->types[ref->type];
    size_t message = obj_proto_begin(writer, 1);
    obj_proto_put_text(writer, 1, name);
    obj_proto_put_number(writer, 2, kind_of(ref));
    obj_proto_put_text(writer, 3, type->name);
    obj_proto_put_text(writer, 4, type->exposure == NULL ? NULL : type->exposure->description);
    if (ref->whole && ref->kind == CHARIOT_ARRAY_OF) obj_proto_put_number(writer, 5, ref->ndims);
    for (uint32_t i = 0; i < type->num_methods && methods; i++) {
        const struct chariot_signature *signature = signature_of(visit, name, type, i);
        if (signature != NULL) put_method(writer, type->methods[i].name, signature);
    }
    obj_proto_end(writer, message);
}
