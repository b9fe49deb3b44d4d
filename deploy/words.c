/* deploy/words.c: see words.h. */
#include "deploy/words.h"

#include <string.h>

#include "deploy/nearest.h"
#include "rpc/error.h"

/* The option that `word` is, with *value pointing at the part behind "=" or behind a letter, NULL if there is none. */
static const struct deploy_word *find(const struct deploy_words *table, const char *word, const char **value) {
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < table->count; i++) {
        const struct deploy_word *item = &table->items[i];
        *value = word[length] == '=' ? word + length + 1 : NULL;
        if (strlen(item->name) == length && strncmp(word, item->name, length) == 0) return item;
        if (item->letter == NULL || strncmp(word, item->letter, 2) != 0) continue;
        *value = word[2] != '\0' ? word + 2 : NULL;
        if (item->argument != NULL || *value == NULL) return item;
    }
    return NULL;
}

/* guess: the option that is meant, or NULL. */
static int unknown(const struct deploy_words *table, const char *word, const char *guess,
                   struct deploy_reason *reason) {
    const char *best = guess;
    for (size_t i = 0; i < table->count && guess == NULL; i++)
        deploy_nearest_consider(word, table->items[i].name, &best);
    if (best != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "unknown option '%s'; did you mean '%s'?", word, best);
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "unknown option '%s'; '%s' lists the options", word,
                             table->help);
}

static int take(const struct deploy_words *table, void *context, char ***words, struct deploy_reason *reason) {
    const char *value, *word = *(*words)++;
    const char *guess = table->guess == NULL ? NULL : table->guess(word);
    const struct deploy_word *item = guess != NULL ? NULL : find(table, word, &value);
    if (item == NULL) return unknown(table, word, guess, reason);
    const char *as_typed = word[1] == '-' ? item->name : item->letter;
    if (item->argument == NULL && value != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes no value; '%s' lists the options", as_typed,
                                 table->help);
    if (item->argument != NULL && value == NULL) {
        if (**words == NULL)
            return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s needs a value (%s); '%s' lists the options",
                                     as_typed, item->argument, table->help);
        value = *(*words)++;
    }
    return item->set(context, as_typed, value, reason);
}

int deploy_words_take(const struct deploy_words *table, void *context, char ***words, struct deploy_reason *reason) {
    while (**words != NULL && (**words)[0] == '-' && (**words)[1] != '\0' && strcmp(**words, "-m") != 0) {
        if (strcmp(**words, "--") == 0) {
            ++*words;
            return 0;
        }
        int err = take(table, context, words, reason);
        if (err != 0) return err;
    }
    return 0;
}

void deploy_words_help(const struct deploy_words *table, FILE *out) {
    for (size_t i = 0; i < table->count; i++) {
        const struct deploy_word *item = &table->items[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", item->letter != NULL ? item->letter : "",
                 item->letter != NULL ? ", " : "    ", item->name, item->argument != NULL ? " " : "",
                 item->argument != NULL ? item->argument : "");
        fprintf(out, "  %-28s %s\n", left, item->help);
    }
}
