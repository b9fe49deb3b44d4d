/* Files, for the programs here. */
#ifndef FILES_H
#define FILES_H

#include "values.h"

/* The whole file, with a zero behind it, for free(); or the end of the program. */
struct bytes file_read(const char *path);
/* The first word of a file. */
char *file_word(const char *path);

#endif
