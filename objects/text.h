/* objects/text.h: text that grows as it is written: reports, tables, records. */
#ifndef CHARIOT_OBJECTS_TEXT_H
#define CHARIOT_OBJECTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Text that grows; all zero: empty. Without memory it fails, and stays as it is. */
struct obj_text {
    char *data; /* owned */
    size_t size, capacity;
    bool failed;
};
void obj_text_add(struct obj_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Gives the string; NULL: out of memory. */
char *obj_text_give(struct obj_text *text);

#endif
