/* Shared libraries of chare types and reducers: the table that one exports, checked whole before any of it is used. */
#include <stdio.h>
#include <string.h>

#include "objects/pe.h"

static int refuse(int code, char *why, size_t why_size, const char *format, const char *name) {
    snprintf(why, why_size, format, name == NULL ? "?" : name);
    return code;
}

static int check_type(struct chariot_pe *pe, const struct chariot_library *library, uint32_t i, char *why,
                      size_t why_size) {
    const struct chariot_type *type = library->types[i];
    uint32_t id;
    if (type == NULL || !obj_type_is_complete(type))
        return refuse(CHARIOT_EINVAL, why, why_size, "its chare type %s lacks a name, a create or a method's function",
                      type == NULL ? NULL : type->name);
    bool twice = pe != NULL && chariot_type_find(pe, type->name, &id) == 0;
    for (uint32_t k = 0; k < i; k++) twice = twice || strcmp(library->types[k]->name, type->name) == 0;
    if (!twice) return 0;
    return refuse(CHARIOT_EEXIST, why, why_size, "there is a chare type named %s already", type->name);
}

static int check_reducer(struct chariot_pe *pe, const struct chariot_library *library, uint32_t i, char *why,
                         size_t why_size) {
    const struct chariot_reducer *reducer = library->reducers[i];
    uint32_t id;
    if (reducer == NULL || reducer->name == NULL || reducer->combine == NULL)
        return refuse(CHARIOT_EINVAL, why, why_size, "its reducer %s lacks a name or a combine",
                      reducer == NULL ? NULL : reducer->name);
    bool twice = pe != NULL && chariot_reducer_find(pe, reducer->name, &id) == 0;
    for (uint32_t k = 0; k < i; k++) twice = twice || strcmp(library->reducers[k]->name, reducer->name) == 0;
    if (!twice) return 0;
    return refuse(CHARIOT_EEXIST, why, why_size, "there is a reducer named %s already", reducer->name);
}

int chariot_library_check(struct chariot_pe *pe, const struct chariot_library *library, char *why, size_t why_size) {
    if (library->layout != CHARIOT_LAYOUT)
        return refuse(CHARIOT_EVERSION, why, why_size,
                      "it was compiled against another version of chariot.h than %s: compile it again",
                      CHARIOT_VERSION);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < library->num_types; i++) rc = check_type(pe, library, i, why, why_size);
    for (uint32_t i = 0; rc == 0 && i < library->num_reducers; i++) rc = check_reducer(pe, library, i, why, why_size);
    return rc;
}

int chariot_library_register(struct chariot_pe *pe, const struct chariot_library *library, char *why, size_t why_size) {
    uint32_t id;
    int rc = chariot_library_check(pe, library, why, why_size);
    for (uint32_t i = 0; rc == 0 && i < library->num_types; i++) rc = chariot_type_register(pe, library->types[i], &id);
    for (uint32_t i = 0; rc == 0 && i < library->num_reducers; i++)
        rc = chariot_reducer_register(pe, library->reducers[i], &id);
    if (rc == CHARIOT_ENOMEM) return refuse(rc, why, why_size, "%s", chariot_error_text(rc));
    return rc;
}

int chariot_program(const struct chariot_library *library, void (*entry)(struct chariot_pe *pe, void *ctx), void *ctx) {
    struct chariot_pe *pe = NULL;
    char why[300];
    int rc = chariot_open(&pe, why, sizeof why);
    if (rc == 0) rc = chariot_library_register(pe, library, why, sizeof why);
    if (rc != 0) fprintf(stderr, "chariot: %s\n", why);
    int status = rc == 0 ? chariot_run(pe, entry, ctx) : 1;
    chariot_close(pe);
    return status;
}
