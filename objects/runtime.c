#include "objects/runtime.h"

#include <string.h>

static int on_exit_call(struct chariot_call *call) {
    struct chariot_reader reader;
    struct chariot_value list, status;
    chariot_reader_init(&reader, call->args);
    int64_t value = 0;
    if (chariot_get_typed(&reader, CHARIOT_LIST, &list) == 0 && list.count > 0 && chariot_get(&reader, &status) == 0 &&
        status.type == CHARIOT_INT) {
        value = status.integer;
    }
    chariot_exit(call->pe, (int)(value & 0xff));
    return 0;
}

static int on_my_pe_call(struct chariot_call *call) {
    if (!call->reply.want_value) return 0;
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_int(&writer, chariot_my_pe(call->pe));
    return chariot_writer_finish(&writer, &call->result);
}

int obj_resident_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                        struct chariot_msg *args, void **object) {
    *object = NULL;
    return 0;
}

static const struct chariot_method methods[] = {
    [CHARIOT_RUNTIME_EXIT] = {"exit", on_exit_call},
    [CHARIOT_RUNTIME_MY_PE] = {"myPe", on_my_pe_call},
};

static const struct chariot_type runtime_type = {
    .name = "chariot.Runtime",
    .methods = methods,
    .num_methods = sizeof methods / sizeof methods[0],
    .create = obj_resident_create,
};

uint64_t obj_runtime_id(void) {
    return obj_id_make(CHARIOT_GROUP, 0, OBJ_RESIDENT_RUNTIME);
}

int obj_resident_init(struct chariot_pe *pe, uint64_t number, const struct chariot_type *type) {
    uint32_t id;
    int rc = chariot_type_register(pe, type, &id);
    if (rc != 0) return rc;
    struct obj_coll *coll = obj_coll_add(pe, obj_id_make(CHARIOT_GROUP, 0, number), id, CHARIOT_GROUP, 1);
    if (coll == NULL) return CHARIOT_ENOMEM;
    coll->total = pe->node.num_pes;
    coll->counted = coll->settled = true;
    return 0;
}

void obj_resident_start(struct chariot_pe *pe, uint64_t number) {
    struct obj_coll *coll = obj_coll_get(pe, obj_id_make(CHARIOT_GROUP, 0, number));
    obj_elem_create(pe, coll, coll->id, (const uint64_t[3]){pe->node.pe, 0, 0}, 0, false, NULL);
}

int obj_runtime_init(struct chariot_pe *pe) {
    return obj_resident_init(pe, OBJ_RESIDENT_RUNTIME, &runtime_type);
}

void obj_runtime_start(struct chariot_pe *pe) {
    obj_resident_start(pe, OBJ_RESIDENT_RUNTIME);
}

static bool begins_as_ours(const struct chariot_type *type) {
    for (uint32_t i = 0; i < runtime_type.num_methods; i++) {
        if (i >= type->num_methods || strcmp(type->methods[i].name, methods[i].name) != 0) return false;
    }
    return true;
}

int chariot_runtime_extend(struct chariot_pe *pe, const struct chariot_type *type) {
    struct obj_coll *coll = obj_coll_get(pe, obj_runtime_id());
    if (coll->num_members > 0) return CHARIOT_ESTATE;
    if (!obj_type_is_complete(type) || !begins_as_ours(type)) return CHARIOT_EINVAL;
    pe->types[coll->type] = type;
    return 0;
}

void chariot_ref_runtime(struct chariot_pe *pe, int64_t element, struct chariot_ref *out) {
    *out =
        (struct chariot_ref){.collection = obj_runtime_id(), .kind = CHARIOT_GROUP, .ndims = 1, .whole = element < 0};
    if (element >= 0) out->index[0] = (uint64_t)element;
}
