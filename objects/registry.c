/* Types and reducers: tables in the order of registration, which must agree on all PEs (objects/end.c compares). */
#include <stdlib.h>
#include <string.h>

#include "objects/pe.h"

/* Grows an array of pointers by one. */
static void *append(void *array, uint32_t count) {
    if ((count & (count - 1)) != 0) return array; /* has room: sizes are powers of two */
    return realloc(array, (count == 0 ? 1 : 2 * (size_t)count) * sizeof(void *));
}

bool obj_type_is_complete(const struct chariot_type *type) {
    if (type->name == NULL || type->create == NULL || type->num_methods >= OBJ_METHOD_FIRST_PSEUDO) return false;
    for (uint32_t i = 0; i < type->num_methods; i++) {
        if (type->methods[i].name == NULL || type->methods[i].invoke == NULL) return false;
    }
    return true;
}

uint32_t obj_type_find_method(const struct chariot_type *type, const char *name) {
    for (uint32_t i = 0; i < type->num_methods; i++) {
        if (strcmp(type->methods[i].name, name) == 0) return i;
    }
    return UINT32_MAX;
}

int chariot_type_register(struct chariot_pe *pe, const struct chariot_type *type, uint32_t *id) {
    if (!obj_type_is_complete(type)) return CHARIOT_EINVAL;
    if (chariot_type_find(pe, type->name, id) == 0) return CHARIOT_EEXIST;
    const struct chariot_type **types = append(pe->types, pe->num_types);
    if (types == NULL) return CHARIOT_ENOMEM;
    pe->types = types;
    struct obj_coll **singles = append(pe->single_of_type, pe->num_types);
    if (singles == NULL) return CHARIOT_ENOMEM;
    pe->single_of_type = singles;
    types[pe->num_types] = type;
    singles[pe->num_types] = NULL;
    *id = pe->num_types++;
    if (pe->around.on_type != NULL) pe->around.on_type(pe->around.ctx, type);
    return 0;
}

const struct chariot_type *chariot_type_of(struct chariot_pe *pe, uint32_t id) {
    return id < pe->num_types ? pe->types[id] : NULL;
}

int chariot_type_find(struct chariot_pe *pe, const char *name, uint32_t *id) {
    for (uint32_t i = 0; i < pe->num_types; i++) {
        if (strcmp(pe->types[i]->name, name) != 0) continue;
        *id = i;
        return 0;
    }
    return CHARIOT_ENOENT;
}

int chariot_method_find(struct chariot_pe *pe, const struct chariot_ref *ref, const char *name, uint32_t *method) {
    const struct chariot_type *type = chariot_type_of(pe, ref->type);
    *method = type == NULL ? UINT32_MAX : obj_type_find_method(type, name);
    return *method == UINT32_MAX ? CHARIOT_ENOENT : 0;
}

int chariot_reducer_find(struct chariot_pe *pe, const char *name, uint32_t *id) {
    for (uint32_t i = 0; i < pe->num_reducers; i++) {
        if (strcmp(pe->reducers[i]->name, name) != 0) continue;
        *id = CHARIOT_REDUCE_FIRST_USER + i;
        return 0;
    }
    return CHARIOT_ENOENT;
}

int chariot_reducer_register(struct chariot_pe *pe, const struct chariot_reducer *reducer, uint32_t *id) {
    if (reducer->name == NULL || reducer->combine == NULL) return CHARIOT_EINVAL;
    if (chariot_reducer_find(pe, reducer->name, id) == 0) return CHARIOT_EEXIST;
    const struct chariot_reducer **reducers = append(pe->reducers, pe->num_reducers);
    if (reducers == NULL) return CHARIOT_ENOMEM;
    pe->reducers = reducers;
    reducers[pe->num_reducers] = reducer;
    *id = CHARIOT_REDUCE_FIRST_USER + pe->num_reducers++;
    return 0;
}
