/* deploy/words.h: words of a command line by a table of options: parser, help and "did you mean" come from it. */
#ifndef CHARIOT_DEPLOY_WORDS_H
#define CHARIOT_DEPLOY_WORDS_H

#include <stddef.h>
#include <stdio.h>

#include "deploy/reason.h"

struct deploy_word {
    const char *letter;   /* "-n", or NULL */
    const char *name;     /* "--num-pes" */
    const char *argument; /* its name in the help text; NULL: takes none, and set() gets NULL */
    const char *help;
    int (*set)(void *context, const char *as_typed, const char *value, struct deploy_reason *reason);
};

struct deploy_words {
    const struct deploy_word *items;
    size_t count;
    const char *help; /* the command that lists them */
    /* The option that is meant by a word which is none of them, though it may begin like one; or NULL. May be NULL. */
    const char *(*guess)(const char *word);
};

/* Sets what the options at **words say and moves *words to the first that is none; "--" is skipped and ends them, as
 * does "-m". CHARIOT_EABORTED with *reason, status 2. */
int deploy_words_take(const struct deploy_words *table, void *context, char ***words, struct deploy_reason *reason);
/* One line per option. */
void deploy_words_help(const struct deploy_words *table, FILE *out);

#endif
