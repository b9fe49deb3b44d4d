/* deploy/remote.c: see remote.h. */
#include "deploy/remote.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/address.h"
#include "deploy/allocation.h"
#include "rpc/error.h"

extern char **environ;

/* No questions, no terminal; a host that is not there is noticed. */
static const char SHELL[] =
    "ssh -T -o BatchMode=yes -o ConnectTimeout=8 -o ServerAliveInterval=2 -o ServerAliveCountMax=2";

/* What PEs find here they are to find there. */
static const char *const PASSED_ON[] = {"PATH",
                                        "LD_LIBRARY_PATH",
                                        "PYTHONPATH",
                                        "VIRTUAL_ENV",
                                        "OMP_NUM_THREADS",
                                        "OPENBLAS_NUM_THREADS",
                                        "MKL_NUM_THREADS",
                                        "TERM",
                                        "LANG",
                                        "LC_ALL"};

static int no_memory(struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
}

/* ---------------------------------------------------------------- hosts */

static bool is_by(const struct deploy_options *options, const char *launcher) {
    return options->launcher != NULL && strcmp(options->launcher, launcher) == 0;
}

/* Where that is this host alone, its tasks are PEs like others. */
static int read_allocation(struct deploy_hosts *hosts, struct deploy_options *options, struct deploy_reason *reason) {
    int rc = deploy_allocation_hosts(hosts, reason);
    if (rc != 0) return rc;
    if (options->launcher != NULL || !deploy_allocation_is_this_host(hosts)) {
        options->launcher = "slurm";
        return 0;
    }
    if (!options->has_num_pes && hosts->items[0].slots > 0) options->num_pes = hosts->items[0].slots;
    deploy_hosts_deinit(hosts);
    return 0;
}

static int read_hosts(struct deploy_hosts *hosts, struct deploy_options *options, struct deploy_reason *reason) {
    if (options->hosts != NULL && options->hosts_file != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--hosts and --hosts-file: one of the two");
    if (options->hosts != NULL) return deploy_hosts_parse(hosts, options->hosts, reason);
    if (options->hosts_file != NULL) return deploy_hosts_read(hosts, options->hosts_file, reason);
    if (options->nodelist != NULL)
        return deploy_hosts_read_nodelist(hosts, options->nodelist,
                                          options->nodegroup == NULL ? "main" : options->nodegroup, reason);
    if (is_by(options, "ssh"))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--launcher ssh needs --hosts or --hosts-file");
    if (deploy_allocation_is_here() && (options->launcher == NULL || is_by(options, "slurm")))
        return read_allocation(hosts, options, reason);
    if (is_by(options, "slurm"))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--launcher slurm is for inside of an allocation (salloc, sbatch)");
    return 0;
}

static int settle(struct deploy_options *options, struct deploy_reason *reason) {
    if (options->has_transport && strcmp(options->transport, "tls") != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--transport %s is for one host; PEs of several reach each other by tls",
                                 options->transport);
    options->transport = "tls";
    if (options->launcher == NULL) options->launcher = "ssh";
    return 0;
}

static int set_addresses(struct deploy_remote *remote, const struct deploy_options *options,
                         struct deploy_reason *reason) {
    struct deploy_hosts *hosts = &remote->hosts;
    int rc = options->advertise == NULL ? 0 : deploy_address_of_hosts(hosts, options->advertise, reason);
    for (size_t i = 0; rc == 0 && options->ports != NULL && i < hosts->count; i++)
        rc = deploy_address_check_ports(options->ports, hosts->items[i].num_pes, hosts->items[i].name, reason);
    remote->interface = options->interface;
    remote->ports = options->ports;
    return rc;
}

/* On one host PEs listen for others only where they speak TLS. */
static int settle_alone(const struct deploy_options *options, struct deploy_reason *reason) {
    const struct deploy_address address = {.interface = options->interface,
                                           .advertise = options->advertise,
                                           .reached = "127.0.0.1",
                                           .ports = options->ports};
    bool said = options->interface != NULL || options->advertise != NULL || options->ports != NULL;
    if (!said) return 0;
    if (strcmp(options->transport, "tls") != 0)
        return deploy_reason_set(
            reason, DEPLOY_STATUS_USAGE,
            "--interface, --advertise and --ports are for PEs that reach each other by TCP: those of "
            "several hosts, or --transport tls");
    int rc =
        options->ports == NULL ? 0 : deploy_address_check_ports(options->ports, options->num_pes, "localhost", reason);
    return rc == 0 ? deploy_address_settle(&address, reason) : rc;
}

/* ---------------------------------------------------------------- surroundings */

/* "NAME=value" of a variable of ours, or the word itself where it has a value; NULL: no memory. "": there is none. */
static char *variable(const char *word) {
    char *text;
    const char *value = strchr(word, '=') != NULL ? NULL : getenv(word);
    if (value == NULL) return strdup(strchr(word, '=') != NULL ? word : "");
    return asprintf(&text, "%s=%s", word, value) < 0 ? NULL : text;
}

static bool add_take(char **list, size_t *count, char *text) {
    if (text == NULL) return false;
    if (text[0] == '\0')
        free(text);
    else
        list[(*count)++] = text;
    return true;
}

/* What is between one launcher and its PEs, or between members. */
static const char *const PRIVATE[] = {"CONTROL_FD",  "SHM_FD",  "ADDRESS",    "LISTEN",         "PORTS", "INTERFACE",
                                      "ADVERTISE",   "MEMBER",  "MEMBERS",    "HEAD",           "JOB",   "MACHINE",
                                      "SECRET_FILE", "TLS_DIR", "RENDEZVOUS", "MEMBERS_TIMEOUT"};

/* Ours that begin with CHARIOT_, but for those. */
static bool is_ours(const char *variable_text) {
    if (strncmp(variable_text, "CHARIOT_", 8) != 0) return false;
    size_t length = strcspn(variable_text + 8, "=");
    for (size_t i = 0; i < sizeof PRIVATE / sizeof PRIVATE[0]; i++) {
        if (strlen(PRIVATE[i]) == length && strncmp(variable_text + 8, PRIVATE[i], length) == 0) return false;
    }
    return true;
}

static char **environment_new(const struct deploy_options *options) {
    size_t most = sizeof PASSED_ON / sizeof PASSED_ON[0] + sizeof options->environment / sizeof options->environment[0];
    for (char **at = environ; *at != NULL; at++) most += is_ours(*at);
    char **list = calloc(most + 1, sizeof *list);
    size_t count = 0;
    bool good = list != NULL;
    for (size_t i = 0; good && i < sizeof PASSED_ON / sizeof PASSED_ON[0]; i++)
        good = add_take(list, &count, variable(PASSED_ON[i]));
    for (char **at = environ; good && *at != NULL; at++) good = !is_ours(*at) || add_take(list, &count, strdup(*at));
    for (size_t i = 0; good && options->environment[i] != NULL; i++)
        good = add_take(list, &count, variable(options->environment[i]));
    if (good) return list;
    for (size_t i = 0; i < count; i++) free(list[i]);
    free(list);
    return NULL;
}

static char *own_path(void) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 0) return NULL;
    path[size] = '\0';
    return strdup(path);
}

static int set_surroundings(struct deploy_remote *remote, const struct deploy_options *options,
                            struct deploy_reason *reason) {
    bool by_srun = is_by(options, "slurm") && options->remote_shell == NULL;
    remote->shell = by_srun ? DEPLOY_ALLOCATION_SHELL : options->remote_shell == NULL ? SHELL : options->remote_shell;
    remote->takes_words = by_srun;
    remote->chariot = options->remote_chariot == NULL ? own_path() : strdup(options->remote_chariot);
    remote->directory = getcwd(NULL, 0);
    remote->timeline = options->trace != NULL;
    remote->record = options->lb_record;
    remote->environment = environment_new(options);
    if (remote->chariot != NULL && remote->directory != NULL && remote->environment != NULL) return 0;
    return no_memory(reason);
}

/* ---------------------------------------------------------------- life */

int deploy_remote_init(struct deploy_remote *remote, struct deploy_options *options, struct deploy_hosts *members,
                       struct deploy_reason *reason) {
    *remote = (struct deploy_remote){0};
    if (members != NULL) {
        remote->hosts = *members;
        *members = (struct deploy_hosts){0};
    }
    int rc = members != NULL ? 0 : read_hosts(&remote->hosts, options, reason);
    uint32_t num_pes = options->has_num_pes ? options->num_pes : 0;
    if (rc == 0 && remote->hosts.count > 0) {
        rc = deploy_hosts_place(&remote->hosts, &num_pes, reason);
        options->num_pes = num_pes;
        if (rc == 0 && members == NULL && deploy_hosts_are_local(&remote->hosts) && options->launcher == NULL)
            deploy_hosts_deinit(&remote->hosts);
    }
    if (rc == 0 && remote->hosts.count > 0) {
        rc = settle(options, reason);
        if (rc == 0) rc = set_addresses(remote, options, reason);
        if (rc == 0) rc = set_surroundings(remote, options, reason);
    }
    if (rc == 0 && remote->hosts.count == 0) rc = settle_alone(options, reason);
    if (options->launcher == NULL) options->launcher = "local";
    if (rc != 0) deploy_remote_deinit(remote);
    return rc;
}

void deploy_remote_deinit(struct deploy_remote *remote) {
    for (size_t i = 0; remote->environment != NULL && remote->environment[i] != NULL; i++) free(remote->environment[i]);
    free((void *)(uintptr_t)remote->environment);
    free((char *)(uintptr_t)remote->chariot);
    free((char *)(uintptr_t)remote->directory);
    deploy_hosts_deinit(&remote->hosts);
    *remote = (struct deploy_remote){0};
}
