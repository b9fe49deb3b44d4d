/* Text that grows: see text.h. */
#include "objects/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct obj_text *text, size_t more) {
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity) return true;
    size_t capacity = needed < 128 ? 128 : 2 * needed;
    char *data = realloc(text->data, capacity);
    text->failed = data == NULL;
    if (data == NULL) return false;
    text->data = data;
    text->capacity = capacity;
    return true;
}

void obj_text_add(struct obj_text *text, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int more = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (text->failed || more < 0 || !make_room(text, (size_t)more)) return;
    va_start(args, format);
    vsnprintf(text->data + text->size, (size_t)more + 1, format, args);
    va_end(args);
    text->size += (size_t)more;
}

char *obj_text_give(struct obj_text *text) {
    if (!text->failed && text->data != NULL) return text->data;
    if (!text->failed) return strdup("");
    free(text->data);
    return NULL;
}
