/* deploy/k8s.c: see k8s.h. The command line, by a table as in options.c; manifest.c prints. */
#include "deploy/k8s.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "deploy/manifest.h"
#include "deploy/options.h"
#include "deploy/reason.h"
#include "deploy/words.h"
#include "deploy/yaml.h"
#include "rpc/error.h"

#define IMAGE "chariot:" CHARIOT_VERSION

enum { KEY_BYTES = 32 };

struct render {
    struct deploy_manifest manifest;
    char name[DEPLOY_MANIFEST_NAME_MAX + 1]; /* made of the program's, where none is given */
    bool help;
};

/* ---------------------------------------------------------------- values */

static int set_num_pes(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    return deploy_options_num_pes(as_typed, value, &render->manifest.num_pes, reason);
}

static int set_num_pods(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    return deploy_options_num_pes(as_typed, value, &render->manifest.num_pods, reason);
}

static int set_image(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    render->manifest.image = value;
    for (const char *at = value; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') value = "";
    }
    if (value[0] != '\0') return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes an image, as in 'registry.example.org/me/heat:1'",
                             as_typed);
}

/* Word for word what YAML reads as text: letters first, and none of its words for true, false and null. */
static bool is_name(const char *word) {
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    size_t length = strlen(word);
    if (length == 0 || length > DEPLOY_MANIFEST_NAME_MAX || word[length - 1] == '-' || !islower((unsigned char)word[0]))
        return false;
    if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != length) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) return false;
    }
    return true;
}

static int check_name(const char *as_typed, const char *value, struct deploy_reason *reason) {
    if (is_name(value)) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                             "%s takes a name of small letters, digits and '-', a letter first, %d at most, no word of "
                             "YAML's, not '%s'",
                             as_typed, DEPLOY_MANIFEST_NAME_MAX, value);
}

static int set_name(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    render->manifest.name = value;
    return check_name(as_typed, value, reason);
}

static int set_secret(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    render->manifest.secret = value;
    return check_name(as_typed, value, reason);
}

static int set_service(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    (void)as_typed, (void)value, (void)reason;
    render->manifest.service = true;
    return 0;
}

static int set_serve(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    render->manifest.serve = value;
    return check_name(as_typed, value, reason);
}

static int set_help(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct render *render = context;
    (void)as_typed, (void)value, (void)reason;
    render->help = true;
    return 0;
}

static const struct deploy_word OPTIONS[] = {
    {"-n", "--num-pes", "N", "number of PEs; 4 unless said", set_num_pes},
    {NULL, "--pods", "M", "number of pods, which share the PEs; the default is one for each PE", set_num_pods},
    {NULL, "--image", "IMAGE", "what the pods run, made by deploy/Containerfile; the default is " IMAGE, set_image},
    {NULL, "--name", "NAME", "name of all objects; the default is made of the program's", set_name},
    {NULL, "--secret", "NAME", "use the Secret of that name, whose key 'secret' all pods share; none is printed then",
     set_secret},
    {NULL, "--service", NULL, "a standing service: a StatefulSet, which starts again, in place of a Job", set_service},
    {NULL, "--serve", "NAME",
     "with --service: PE 0 serves foreign programs, by the Secret of that name with tls.crt, tls.key and clients",
     set_serve},
    {"-h", "--help", NULL, "print this text", set_help},
};
static const struct deploy_words TABLE = {
    .items = OPTIONS, .count = sizeof OPTIONS / sizeof OPTIONS[0], .help = "chariot help k8s"};

/* ---------------------------------------------------------------- the command line */

/* "dir/my_prog.py" is my-prog; "chariot" where nothing remains. */
static void make_name(char *name, char *const *program) {
    const char *word = strcmp(program[0], "-m") == 0 ? program[1] : program[0];
    const char *slash = strrchr(word, '/'), *end;
    size_t length = 0;
    if (slash != NULL) word = slash + 1;
    end = word + strlen(word);
    if (end - word > 3 && strcmp(end - 3, ".py") == 0) end -= 3;
    for (; word < end && length < DEPLOY_MANIFEST_NAME_MAX; word++) {
        int letter = tolower((unsigned char)*word);
        if (islower(letter) || (length > 0 && isdigit(letter)))
            name[length++] = (char)letter;
        else if (length > 0 && name[length - 1] != '-')
            name[length++] = '-';
    }
    while (length > 0 && name[length - 1] == '-') length--;
    name[length] = '\0';
    if (!is_name(name)) strcpy(name, "chariot");
}

static int check_program(char *const *words, struct deploy_reason *reason) {
    if (*words == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "no program given; usage: chariot k8s render [-n N] [options] prog.py [arguments]");
    if (strcmp(*words, "-m") == 0 && words[1] == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "-m needs the name of a module");
    for (size_t i = 0; words[i] != NULL; i++) {
        if (!deploy_yaml_is_text(words[i]))
            return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                     "word %zu of the program's command is no UTF-8, which Kubernetes cannot pass on",
                                     i + 1);
    }
    return 0;
}

/* What depends on more than one word. */
static int complete(struct render *render, struct deploy_reason *reason) {
    struct deploy_manifest *manifest = &render->manifest;
    int err = check_program(manifest->program, reason);
    if (err != 0) return err;
    if (manifest->name == NULL) {
        make_name(render->name, manifest->program);
        manifest->name = render->name;
    }
    if (manifest->serve != NULL && !manifest->service)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--serve is of use with --service: others call a job that stands");
    if (manifest->num_pods == 0) manifest->num_pods = manifest->num_pes;
    if (manifest->num_pods <= manifest->num_pes) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%u pods have no use for %u PEs: each takes one or more",
                             manifest->num_pods, manifest->num_pes);
}

static int make_key(char *key, struct deploy_reason *reason) {
    unsigned char bytes[KEY_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "no random numbers to be had");
    for (size_t i = 0; i < KEY_BYTES; i++) sprintf(key + 2 * i, "%02x", bytes[i]);
    return 0;
}

static int print(const struct deploy_manifest *manifest, struct deploy_reason *reason) {
    char key[2 * KEY_BYTES + 1] = "";
    int err = manifest->secret == NULL ? make_key(key, reason) : 0;
    if (err != 0) return err;
    deploy_manifest_print(stdout, manifest, key);
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot write standard output: %s", strerror(errno));
}

static int render(char **argv, struct deploy_reason *reason) {
    struct render render = {.manifest = {.num_pes = 4, .image = IMAGE}};
    int err = deploy_words_take(&TABLE, &render, &argv, reason);
    if (err != 0) return err;
    if (render.help) {
        deploy_k8s_help();
        return 0;
    }
    render.manifest.program = argv;
    err = complete(&render, reason);
    return err != 0 ? err : print(&render.manifest, reason);
}

int deploy_k8s(const char *argv0, char **argv) {
    struct deploy_reason reason = {0};
    int err;
    (void)argv0;
    if (argv[0] != NULL && strcmp(argv[0], "render") == 0)
        err = render(argv + 1, &reason);
    else if (argv[0] != NULL && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0))
        err = 0, deploy_k8s_help();
    else
        err = deploy_reason_set(&reason, DEPLOY_STATUS_USAGE,
                                "%s%s; usage: chariot k8s render [-n N] [options] prog.py [arguments]",
                                argv[0] == NULL ? "nothing to do" : "no command k8s ", argv[0] == NULL ? "" : argv[0]);
    if (err == 0) return 0;
    deploy_reason_print(&reason);
    return reason.status;
}

void deploy_k8s_help(void) {
    fputs("usage: chariot k8s render [-n N] [options] prog.py [arguments]\n\n"
          "Prints what 'kubectl apply -f -' takes: a job of N PEs that run the program, which is in the image. Starts "
          "nothing.\n\n"
          "  -m MODULE                    a Python module in place of prog.py; what follows are its arguments\n",
          stdout);
    deploy_words_help(&TABLE, stdout);
}
