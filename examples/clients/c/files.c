#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes file_read(const char *path) {
    struct bytes all = {0};
    size_t room = 4096, got;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    all.data = need(room, 1);
    while ((got = fread(all.data + all.size, 1, room - all.size - 1, file)) > 0) {
        all.size += got;
        if (all.size < room - 1) continue;
        room *= 2;
        all.data = realloc(all.data, room);
        if (all.data == NULL) abort();
    }
    fclose(file);
    all.data[all.size] = '\0';
    return all;
}

char *file_word(const char *path) {
    char *text = (char *)file_read(path).data;
    text[strcspn(text, " \n")] = '\0';
    return text;
}
