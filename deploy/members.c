/* deploy/members.c: see members.h. The table is ENGINES. */
#include "deploy/members.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/rendezvous.h"
#include "deploy/slurm.h"
#include "rpc/error.h"

static const double PATIENCE_S = 300; /* images are fetched, queues move on */

/* What an option says, or else its variable; NULL: neither. */
static const char *said(const char *option, const char *variable) {
    if (option != NULL) return option;
    const char *value = getenv(variable);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* ---------------------------------------------------------------- numbers */

/* The rest of the text behind a number below or equal to `most`; NULL: there is none. */
static const char *read_number(const char *text, uint32_t most, uint32_t *number) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (value > most) return NULL;
    *number = (uint32_t)value;
    return end;
}

static int bad_number(const char *member, const char *members, struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                             "member '%s'%s%s%s makes no sense; a member is R of M, 0 to M-1: --member R/M, "
                             "or CHARIOT_MEMBER=R and CHARIOT_MEMBERS=M",
                             member, members == NULL ? "" : " of '", members == NULL ? "" : members,
                             members == NULL ? "" : "'");
}

/* "R/M", or "R" of `members`, which may be NULL. */
static int set_numbers_of(struct deploy_membership *out, const char *member, const char *members,
                          struct deploy_reason *reason) {
    out->any_number = strncmp(member, "any", 3) == 0;
    const char *rest = out->any_number ? member + 3 : read_number(member, DEPLOY_MAX_PES - 1, &out->member);
    if (rest != NULL && *rest == '/') members = rest + 1;
    bool good = rest != NULL && (*rest == '/' || *rest == '\0') && members != NULL;
    const char *end = good ? read_number(members, DEPLOY_MAX_PES, &out->members) : NULL;
    if (end == NULL || *end != '\0' || out->member >= out->members) return bad_number(member, members, reason);
    return 0;
}

static int set_numbers(struct deploy_membership *out, const char *member, struct deploy_reason *reason) {
    return set_numbers_of(out, member, getenv("CHARIOT_MEMBERS"), reason);
}

/* ---------------------------------------------------------------- engines */

static int find_given(struct deploy_membership *out, const struct deploy_options *options,
                      struct deploy_reason *reason) {
    const char *member = said(options->member, "CHARIOT_MEMBER");
    if (member == NULL) return 0;
    out->engine = "the members given";
    return set_numbers(out, member, reason) == 0 ? 1 : CHARIOT_EABORTED;
}

static int find_slurm(struct deploy_membership *out, const struct deploy_options *options,
                      struct deploy_reason *reason) {
    (void)options;
    return deploy_slurm_find(out, reason);
}

/* Pods of an Indexed Job have an index, those of a StatefulSet an ordinal in their name. How many there are only the
 * manifest knows: without CHARIOT_MEMBERS each is a job of its own. */
static int find_kubernetes(struct deploy_membership *out, const struct deploy_options *options,
                           struct deploy_reason *reason) {
    const char *index = getenv("JOB_COMPLETION_INDEX"), *dash = strrchr(out->host, '-');
    (void)options;
    if (getenv("CHARIOT_MEMBERS") == NULL || getenv("KUBERNETES_SERVICE_HOST") == NULL) return 0;
    if (index == NULL && dash != NULL && isdigit((unsigned char)dash[1])) index = dash + 1;
    if (index == NULL) return 0;
    out->engine = "Kubernetes";
    return set_numbers(out, index, reason) == 0 ? 1 : CHARIOT_EABORTED;
}

/* Open MPI tells its processes their numbers, and offers PMIx. Inside of an allocation it starts them by srun, so this
 * goes before Slurm. */
static int find_open_mpi(struct deploy_membership *out, const struct deploy_options *options,
                         struct deploy_reason *reason) {
    const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *size = getenv("OMPI_COMM_WORLD_SIZE"),
               *job = getenv("PMIX_NAMESPACE");
    (void)options;
    if (job == NULL || rank == NULL || size == NULL) return 0;
    out->engine = "mpirun";
    out->rendezvous = &deploy_pmix_rendezvous;
    snprintf(out->job, sizeof out->job, "mpi-%.100s", job);
    return set_numbers_of(out, rank, size, reason) == 0 ? 1 : CHARIOT_EABORTED;
}

/* MPICH's launcher tells numbers alone. So does srun --mpi=pmi2: those are its own. */
static int find_mpich(struct deploy_membership *out, const struct deploy_options *options,
                      struct deploy_reason *reason) {
    const char *rank = getenv("PMI_RANK"), *size = getenv("PMI_SIZE"), *tasks = getenv("SLURM_STEP_NUM_TASKS");
    (void)options;
    if (rank == NULL || size == NULL || (tasks != NULL && strcmp(tasks, size) == 0)) return 0;
    out->engine = "mpiexec";
    return set_numbers_of(out, rank, size, reason) == 0 ? 1 : CHARIOT_EABORTED;
}

static int (*const ENGINES[])(struct deploy_membership *out, const struct deploy_options *options,
                              struct deploy_reason *reason) = {find_given, find_kubernetes, find_open_mpi, find_mpich,
                                                               find_slurm};
enum { NUM_ENGINES = sizeof ENGINES / sizeof ENGINES[0] };

/* ---------------------------------------------------------------- who and where */

static void add_link(char *text, size_t size, const char *path) {
    char name[64];
    ssize_t length = readlink(path, name, sizeof name);
    size_t used = strlen(text);
    if (length > 0) snprintf(text + used, size - used, "/%.*s", (int)length, name);
}

void deploy_members_machine(char *text, size_t size) {
    char boot[64] = "";
    const char *more = getenv("CHARIOT_MACHINE");
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file != NULL && fgets(boot, sizeof boot, file) == NULL) boot[0] = '\0';
    if (file != NULL) fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    snprintf(text, size, "%s/%u%s%.40s", boot, (unsigned)geteuid(), more == NULL ? "" : "/", more == NULL ? "" : more);
    add_link(text, size, "/proc/self/ns/mnt");
    add_link(text, size, "/proc/self/ns/net");
}

bool deploy_members_split(const char *address, char *host, size_t host_size, char *port, size_t port_size) {
    const char *colon = strrchr(address, ':');
    uint32_t number;
    if (colon == NULL) return false;
    const char *end = read_number(colon + 1, 65535, &number);
    size_t length = (size_t)(colon - address);
    bool bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    if (end == NULL || *end != '\0' || number == 0 || (!bracketed && memchr(address, ':', length) != NULL))
        return false;
    snprintf(host, host_size, "%.*s", (int)(bracketed ? length - 2 : length), address + bracketed);
    snprintf(port, port_size, "%u", number);
    return true;
}

/* ---------------------------------------------------------------- what goes with it */

static int set_rendezvous(struct deploy_membership *out, const char *url, struct deploy_reason *reason) {
    const char *colon = strstr(url, "://");
    const struct deploy_rendezvous_ops *ops =
        deploy_rendezvous_find(url, colon == NULL ? strlen(url) : (size_t)(colon - url));
    if (ops == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "no rendezvous '%s'; there are: %s", url,
                                 deploy_rendezvous_names());
    out->rendezvous = ops;
    if (colon == NULL) return 0;
    const char *slash = strrchr(colon + 3, '/');
    out->target = colon + 3;
    if (slash != NULL) snprintf(out->job, sizeof out->job, "%s", slash + 1);
    return 0;
}

static int set_patience(struct deploy_membership *out, const struct deploy_options *options,
                        struct deploy_reason *reason) {
    const char *text = getenv("CHARIOT_MEMBERS_TIMEOUT");
    out->patience_s = options->members_timeout > 0 ? options->members_timeout : PATIENCE_S;
    if (options->members_timeout > 0 || text == NULL) return 0;
    return deploy_options_seconds("CHARIOT_MEMBERS_TIMEOUT", text, &out->patience_s, reason);
}

static int set_rest(struct deploy_membership *out, const struct deploy_options *options, struct deploy_reason *reason) {
    const char *head = said(options->head, "CHARIOT_HEAD"), *job = said(options->job, "CHARIOT_JOB"),
               *rendezvous = said(options->rendezvous, "CHARIOT_RENDEZVOUS");
    char host[300], port[8];
    if (rendezvous != NULL && set_rendezvous(out, rendezvous, reason) != 0) return CHARIOT_EABORTED;
    if (job != NULL) snprintf(out->job, sizeof out->job, "%s", job);
    if (head != NULL) snprintf(out->head, sizeof out->head, "%s", head);
    if (out->head[0] != '\0' && !deploy_members_split(out->head, host, sizeof host, port, sizeof port))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "the head is HOST:PORT or [ADDRESS]:PORT, not '%s'",
                                 out->head);
    if (out->any_number && !out->rendezvous->gives_numbers)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--member any/M: only --rendezvous etcd://... gives numbers to members");
    out->secret_file = said(options->secret_file, "CHARIOT_SECRET_FILE");
    out->tls_dir = said(options->tls_dir, "CHARIOT_TLS_DIR");
    if (out->secret_file != NULL && out->tls_dir != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--secret-file and --tls-dir: one of the two");
    if ((out->secret_file != NULL || out->tls_dir != NULL) && rendezvous == NULL)
        out->rendezvous = &deploy_given_rendezvous;
    return set_patience(out, options, reason);
}

/* ---------------------------------------------------------------- finding */

/* Where somebody says which hosts, or that PEs are to run here, no engine does. */
static bool is_elsewhere(const struct deploy_options *options) {
    return options->hosts != NULL || options->hosts_file != NULL || options->nodelist != NULL ||
           options->launcher != NULL;
}

int deploy_members_find(struct deploy_membership *out, const struct deploy_options *options,
                        struct deploy_reason *reason) {
    *out = (struct deploy_membership){.rendezvous = &deploy_given_rendezvous, .job = "chariot"};
    bool inside = getenv("CHARIOT_CONTROL_FD") != NULL;
    if (options->member != NULL && is_elsewhere(options))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--member, or hosts and --launcher: one of the two");
    if (options->member == NULL && (inside || is_elsewhere(options))) return 0;
    gethostname(out->host, sizeof out->host - 1);
    deploy_members_machine(out->machine, sizeof out->machine);
    for (size_t i = 0; i < NUM_ENGINES; i++) {
        int rc = ENGINES[i](out, options, reason);
        if (rc < 0) return rc;
        if (rc > 0) return set_rest(out, options, reason);
    }
    return 0;
}
