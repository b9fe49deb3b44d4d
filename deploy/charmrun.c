/* deploy/charmrun.c: see charmrun.h. */
#include "deploy/charmrun.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/nearest.h"
#include "rpc/error.h"

enum meaning {
    MEANS_PES,
    MEANS_LOCAL,
    MEANS_QUIET,
    MEANS_TIME_LIMIT,
    MEANS_HELP,
    MEANS_INTERACTIVE,
    MEANS_NODELIST,
    MEANS_NODEGROUP,
    MEANS_REMOTE_SHELL,
    MEANS_NOTHING
};

struct old_option {
    const char *name; /* "+" options take their value glued on or apart, "++" options apart */
    bool has_value;
    enum meaning meaning;
    const char *help; /* what it does here, or why it does nothing */
};

static const char NOT_OURS[] = "accepted, but has no meaning here";

static const struct old_option OLD_OPTIONS[] = {
    {"+p", true, MEANS_PES, "number of PEs; the default is 1"},
    {"+n", true, MEANS_PES, "the same"},
    {"++p", true, MEANS_PES, "the same"},
    {"++n", true, MEANS_PES, "the same"},
    {"++np", true, MEANS_PES, "the same"},
    {"++local", false, MEANS_LOCAL, "PEs run on this host, whatever nodelists there are"},
    {"++quiet", false, MEANS_QUIET, "no start-up banner"},
    {"++timelimit", true, MEANS_TIME_LIMIT, "end the job after so many seconds"},
    {"++help", false, MEANS_HELP, "print this text"},
    {"++interactive", false, MEANS_INTERACTIVE, "a prompt on PE 0"},
    {"++nodelist", true, MEANS_NODELIST,
     "file of the hosts to run on; else $NODELIST, ./nodelist, ~/.nodelist, or this host"},
    {"++nodegroup", true, MEANS_NODEGROUP, "the group in it; the default is main"},
    {"++remote-shell", true, MEANS_REMOTE_SHELL, "what reaches a host, in place of ssh"},
    {"++mpiexec", false, MEANS_NOTHING, "accepted, but has no effect: start 'mpirun -n N chariot run prog.py' instead"},
    {"++runscript", true, MEANS_NOTHING, "accepted, but has no effect: ~/.charmrunrc is read on each host"},
    {"++timeout", true, MEANS_NOTHING, NOT_OURS},
    {"++ppn", true, MEANS_NOTHING, "accepted, but every PE is a process of its own"},
    {"++processPerHost", true, MEANS_NOTHING,
     "accepted, but has no effect: the nodelist says how many PEs a host takes"},
    {"++verbose", false, MEANS_NOTHING, NOT_OURS},
    {"++server", false, MEANS_NOTHING, NOT_OURS},
    {"++server-port", true, MEANS_NOTHING, NOT_OURS},
    {"++server-auth", true, MEANS_NOTHING, NOT_OURS},
    {"++debug", false, MEANS_NOTHING, NOT_OURS},
    {"++debug-no-pause", false, MEANS_NOTHING, NOT_OURS},
    {"++debug-no-xrdb", false, MEANS_NOTHING, NOT_OURS},
};
enum { NUM_OLD_OPTIONS = sizeof OLD_OPTIONS / sizeof OLD_OPTIONS[0] };

bool deploy_charmrun_is_name(const char *argv0) {
    const char *slash = strrchr(argv0, '/');
    return strcmp(slash != NULL ? slash + 1 : argv0, "charmrun") == 0;
}

/* "+p4" and "+n4" are "+p" and "+n" with a value; "+pes" is neither. */
static const struct old_option *find_old(const char *word, const char **value) {
    *value = NULL;
    for (size_t i = 0; i < NUM_OLD_OPTIONS; i++) {
        const struct old_option *option = &OLD_OPTIONS[i];
        size_t length = strlen(option->name);
        if (strcmp(word, option->name) == 0) return option;
        if (option->meaning != MEANS_PES || strncmp(word, option->name, length) != 0) continue;
        if (strchr("0123456789-", word[length]) == NULL) continue;
        *value = word + length;
        return option;
    }
    return NULL;
}

static int obey(struct deploy_options *options, const struct old_option *option, const char *value, FILE *notices,
                struct deploy_reason *reason) {
    switch (option->meaning) {
    case MEANS_PES:
        return deploy_options_num_pes(option->name, value, &options->num_pes, reason);
    case MEANS_TIME_LIMIT:
        return deploy_options_seconds(option->name, value, &options->timeout, reason);
    case MEANS_QUIET:
        options->quiet = true;
        return 0;
    case MEANS_HELP:
        options->help = true;
        return 0;
    case MEANS_INTERACTIVE:
        options->interactive = true;
        return 0;
    case MEANS_LOCAL:
        options->launcher = "local";
        return 0;
    case MEANS_NODELIST:
        options->nodelist = value;
        return 0;
    case MEANS_NODEGROUP:
        options->nodegroup = value;
        return 0;
    case MEANS_REMOTE_SHELL:
        options->remote_shell = value;
        return 0;
    case MEANS_NOTHING:
        fprintf(notices, "charmrun: %s: %s\n", option->name, option->help);
        return 0;
    }
    return CHARIOT_EINVAL;
}

static int unknown_old(const char *word, struct deploy_reason *reason) {
    const char *best = NULL;
    for (size_t i = 0; i < NUM_OLD_OPTIONS; i++) deploy_nearest_consider(word, OLD_OPTIONS[i].name, &best);
    if (best == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "unknown option '%s'; 'charmrun ++help' lists the options", word);
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "unknown option '%s'; did you mean '%s'?", word, best);
}

/* A launch line being read. `kept` grows into the words that are the program's, in the place of those already read. */
struct line {
    struct deploy_options *options;
    char **words, **kept;
    char **program; /* in kept; NULL until it has been seen */
    FILE *notices;
    struct deploy_reason *reason;
};

/* Options of the run time that take a value in the next word. */
static bool takes_word(const char *word) {
    static const char *const NAMES[] = {"+balancer", "+LBDebug", "+LBPeriod", "+libcharm_interface"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(word, NAMES[i]) == 0) return true;
    }
    return false;
}

/* Before the program, an unknown "++" or "-" option is a mistake; behind it, it is the program's own. */
static int keep_word(struct line *line, char *word) {
    if (line->program == NULL && strcmp(word, "-m") == 0 && *line->words != NULL) {
        line->program = line->kept;
        *line->kept++ = word;
        *line->kept++ = *line->words++;
        return 0;
    }
    if (line->program == NULL && (strncmp(word, "++", 2) == 0 || word[0] == '-'))
        return unknown_old(word, line->reason);
    if (line->program == NULL && word[0] != '+') line->program = line->kept;
    *line->kept++ = word;
    if (line->program == NULL && takes_word(word) && *line->words != NULL) *line->kept++ = *line->words++;
    return 0;
}

static int take_word(struct line *line) {
    const char *value;
    char *word = *line->words++;
    const struct old_option *option = find_old(word, &value);
    if (option == NULL) return keep_word(line, word);
    if (option->has_value && value == NULL) {
        if (*line->words == NULL)
            return deploy_reason_set(line->reason, DEPLOY_STATUS_USAGE,
                                     "%s needs a value; 'charmrun ++help' lists the options", option->name);
        value = *line->words++;
    }
    return obey(line->options, option, value, line->notices, line->reason);
}

/* The program's one or two words go before the run-time options that stood before them. */
static void move_to_front(char **argv, char **program, size_t num_words) {
    char *words[2];
    memcpy(words, program, num_words * sizeof *words);
    memmove(argv + num_words, argv, (size_t)(program - argv) * sizeof *argv);
    memcpy(argv, words, num_words * sizeof *words);
}

/* What names the hosts: the first that there is. */
static int find_nodelist(struct deploy_options *options, struct deploy_reason *reason) {
    const char *home = getenv("HOME"), *named = getenv("NODELIST");
    char *at_home = options->home_nodelist;
    if (options->launcher != NULL) options->nodelist = NULL;
    if (options->launcher != NULL || options->nodelist != NULL) return 0;
    if (home != NULL) snprintf(at_home, sizeof options->home_nodelist, "%s/.nodelist", home);
    if (named != NULL && named[0] != '\0')
        options->nodelist = named;
    else if (access("nodelist", F_OK) == 0)
        options->nodelist = "nodelist";
    else if (at_home[0] != '\0' && access(at_home, F_OK) == 0)
        options->nodelist = at_home;
    if (options->nodelist != NULL || options->nodegroup == NULL) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "++nodegroup %s, but there is no nodelist",
                             options->nodegroup);
}

int deploy_charmrun_parse(struct deploy_options *options, char **argv, FILE *notices, struct deploy_reason *reason) {
    struct line line = {.options = options, .words = argv, .kept = argv, .notices = notices, .reason = reason};
    options->num_pes = 1; /* as charmrun has always done */
    options->has_num_pes = true;
    options->program = argv;
    while (*line.words != NULL) {
        int err = take_word(&line);
        if (err != 0) return err;
    }
    *line.kept = NULL;
    int err = find_nodelist(options, reason);
    if (err != 0) return err;
    if (line.program != NULL) {
        move_to_front(argv, line.program, strcmp(*line.program, "-m") == 0 ? 2 : 1);
        return 0;
    }
    if (options->help || options->interactive) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                             "no program given; usage: charmrun +pN prog.py [arguments] [++options]");
}

void deploy_charmrun_help(FILE *out) {
    fputs("usage: charmrun +pN prog.py [arguments] [++options]\n\n"
          "The old launch line; 'chariot run' is the new one.\n\n",
          out);
    for (size_t i = 0; i < NUM_OLD_OPTIONS; i++) {
        const struct old_option *option = &OLD_OPTIONS[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s", option->name, option->has_value ? " X" : "");
        fprintf(out, "  %-20s %s\n", left, option->help);
    }
}
