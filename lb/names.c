#include "lb/names.h"

#include <stdlib.h>
#include <string.h>

#include "objects/ref.h"

static uint32_t *slot_of(const struct lb_names *names, const struct obj_name *name) {
    size_t at = obj_index_hash(name->coll, name->index) & names->mask;
    while (names->slots[at] != 0 && memcmp(&names->names[names->slots[at] - 1], name, sizeof *name) != 0)
        at = (at + 1) & names->mask;
    return &names->slots[at];
}

int lb_names_init(struct lb_names *names, const struct obj_name *list, uint32_t count) {
    size_t room = 4;
    while (room < 2 * (size_t)count) room *= 2;
    *names = (struct lb_names){.names = list, .slots = calloc(room, sizeof *names->slots), .mask = room - 1};
    if (names->slots == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *slot = slot_of(names, &list[i]);
        if (*slot == 0) *slot = i + 1;
    }
    return 0;
}

void lb_names_deinit(struct lb_names *names) {
    free(names->slots);
}

bool lb_names_find(const struct lb_names *names, const struct obj_name *name, uint32_t *number) {
    uint32_t slot = *slot_of(names, name);
    *number = slot - 1;
    return slot != 0;
}
