/* deploy/program.c: see program.h. */
#include "deploy/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool is_executable(const char *path) {
    return is_file(path) && access(path, X_OK) == 0;
}

static bool is_python_name(const char *word) {
    size_t length = strlen(word);
    return length > 3 && strcmp(word + length - 3, ".py") == 0;
}

/* "<directory>/<name>"; gives. NULL: out of memory. */
static char *join(const char *directory, size_t length, const char *name) {
    char *path = NULL;
    if (length == 0) return asprintf(&path, "./%s", name) < 0 ? NULL : path; /* an empty entry of PATH */
    return asprintf(&path, "%.*s/%s", (int)length, directory, name) < 0 ? NULL : path;
}

/* The first executable `name` on PATH; gives, or NULL. */
static char *search_path(const char *name) {
    const char *entry = getenv("PATH");
    if (entry == NULL) entry = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        size_t length = strcspn(entry, ":");
        char *path = join(entry, length, name);
        if (path == NULL || is_executable(path)) return path;
        free(path);
        if (entry[length] == '\0') return NULL;
        entry += length + 1;
    }
}

/* Python beside the launcher; gives, or NULL. */
static char *python_beside(const char *argv0) {
    static const char *const NAMES[] = {"python", "python3"};
    char *self = strchr(argv0, '/') != NULL ? strdup(argv0) : search_path(argv0);
    char *python = NULL;
    if (self == NULL) return NULL;
    size_t length = (size_t)(strrchr(self, '/') - self);
    for (size_t i = 0; i < 2 && python == NULL; i++) {
        python = length == 0 ? join("/", 1, NAMES[i]) : join(self, length, NAMES[i]);
        if (python != NULL && is_executable(python)) break;
        free(python);
        python = NULL;
    }
    free(self);
    return python;
}

static int find_python(const char *argv0, char **python, struct deploy_reason *reason) {
    const char *named = getenv("CHARIOT_PYTHON");
    if (named != NULL && named[0] != '\0') {
        *python = strchr(named, '/') != NULL ? strdup(named) : search_path(named);
        if (*python != NULL && is_executable(*python)) return 0;
        free(*python);
        *python = NULL;
        return deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND, "CHARIOT_PYTHON names no executable: '%s'", named);
    }
    *python = python_beside(argv0);
    if (*python == NULL) *python = search_path("python3");
    if (*python != NULL) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND,
                             "there is no python3 on PATH; set CHARIOT_PYTHON to the Python that has chariot");
}

/* argv = prefix, then words. */
static int build_argv(struct deploy_program *program, const char *const *prefix, size_t num_prefix, char **words,
                      struct deploy_reason *reason) {
    size_t count = 0;
    while (words[count] != NULL) count++;
    program->argv = calloc(num_prefix + count + 1, sizeof *program->argv);
    if (program->argv == NULL || program->path == NULL) {
        deploy_program_deinit(program);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    for (size_t i = 0; i < num_prefix; i++) program->argv[i] = (char *)prefix[i];
    memcpy(program->argv + num_prefix, words, count * sizeof *words);
    return 0;
}

static int init_module(struct deploy_program *program, const char *argv0, char **words, struct deploy_reason *reason) {
    int err = find_python(argv0, &program->path, reason);
    if (err != 0) return err;
    const char *prefix[] = {program->path, "-m", "chariot.boot"};
    return build_argv(program, prefix, 3, words, reason);
}

int deploy_program_init_interactive(struct deploy_program *program, const char *argv0, char **words,
                                    struct deploy_reason *reason) {
    *program = (struct deploy_program){0};
    int err = find_python(argv0, &program->path, reason);
    if (err != 0) return err;
    const char *prefix[] = {program->path, "-m", "chariot.boot", "-m", "chariot.interactive"};
    return build_argv(program, prefix, 5, words, reason);
}

static int init_python(struct deploy_program *program, const char *argv0, char **words, struct deploy_reason *reason) {
    if (access(words[0], R_OK) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_CANNOT_RUN, "cannot read program '%s': %s", words[0],
                                 strerror(errno));
    return init_module(program, argv0, words, reason);
}

static int init_executable(struct deploy_program *program, char *path, char **words, struct deploy_reason *reason) {
    program->path = path;
    return build_argv(program, NULL, 0, words, reason);
}

int deploy_program_init(struct deploy_program *program, const char *argv0, char **words, struct deploy_reason *reason) {
    struct stat st;
    const char *word = words[0];
    *program = (struct deploy_program){0};
    if (strcmp(word, "-m") == 0) return init_module(program, argv0, words, reason);
    if (stat(word, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return deploy_reason_set(reason, DEPLOY_STATUS_CANNOT_RUN, "cannot run '%s': %s", word, strerror(EISDIR));
        if (is_python_name(word) || access(word, X_OK) != 0) return init_python(program, argv0, words, reason);
        return init_executable(program, strchr(word, '/') != NULL ? strdup(word) : join("", 0, word), words, reason);
    }
    int missing = errno;
    if (strchr(word, '/') == NULL && !is_python_name(word) && missing == ENOENT && word[0] != '\0') {
        char *found = search_path(word);
        if (found != NULL) return init_executable(program, found, words, reason);
    }
    int status = missing == ENOENT || missing == ENOTDIR ? DEPLOY_STATUS_NOT_FOUND : DEPLOY_STATUS_CANNOT_RUN;
    return deploy_reason_set(reason, status, "cannot run '%s': %s", word, strerror(missing));
}

bool deploy_program_beside(const char *name, char *out, size_t size) {
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    if (length < 0) return false;
    out[length] = 0;
    char *slash = strrchr(out, '/');
    if (slash == NULL || (size_t)(slash - out) + 2 + strlen(name) > size) return false;
    strcpy(slash + 1, name);
    return true;
}

void deploy_program_deinit(struct deploy_program *program) {
    free(program->argv);
    free(program->path);
    *program = (struct deploy_program){0};
}
