/* deploy/slurm.c: see slurm.h.
 *
 * A batch script has most of these variables too, as its one task; only in a step is there SLURM_STEP_ID. The head is
 * the first task, on the step's first host (Slurm's own distributions all put it there); its port follows from job and
 * step. */
#include "deploy/slurm.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "deploy/allocation.h"
#include "deploy/rendezvous.h"
#include "rpc/error.h"

enum { FIRST_PORT = 20000, NUM_PORTS = 12000 }; /* below those that kernels give away by themselves */

struct first {
    char *host;
    size_t size;
};

/* The first is enough. */
static int keep_first(void *context, const char *name) {
    struct first *first = context;
    int wrote = snprintf(first->host, first->size, "%s", name);
    return wrote > 0 && (size_t)wrote < first->size ? CHARIOT_ESTATE : CHARIOT_ETOOBIG;
}

bool deploy_slurm_first_host(const char *list, char *host, size_t size) {
    struct first first = {host, size};
    return deploy_allocation_each_host(list, keep_first, &first) == CHARIOT_ESTATE;
}

static bool number_of(const char *name, unsigned long most, unsigned long *number) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL || !isdigit((unsigned char)text[0])) return false;
    *number = strtoul(text, &end, 10);
    return *end == '\0' && *number <= most;
}

static bool is_known(const char *host) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return false;
    freeaddrinfo(found);
    return true;
}

/* NodeAddr of "NodeName=... NodeAddr=..."; empty: there is none. */
static void ask_controller(const char *host, char *address) {
    char command[400], line[4096] = "";
    address[0] = '\0';
    bool plain = host[0] != '-' &&
                 strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == strlen(host);
    if (!plain) return;
    snprintf(command, sizeof command, "scontrol -o show node %s 2>/dev/null", host);
    FILE *told = popen(command, "re");
    if (told == NULL) return;
    (void)!fread(line, 1, sizeof line - 1, told);
    pclose(told);
    const char *at = strstr(line, " NodeAddr=");
    if (at != NULL) (void)sscanf(at, " NodeAddr=%199s", address);
}

void deploy_slurm_find_address(char *head, size_t size) {
    char host[300], port[8], address[200];
    if (!deploy_members_split(head, host, sizeof host, port, sizeof port) || is_known(host)) return;
    ask_controller(host, address);
    if (address[0] != '\0') snprintf(head, size, strchr(address, ':') != NULL ? "[%s]:%s" : "%s:%s", address, port);
}

int deploy_slurm_find(struct deploy_membership *out, struct deploy_reason *reason) {
    const char *job = getenv("SLURM_JOB_ID"), *step = getenv("SLURM_STEP_ID"), *nodes = getenv("SLURM_STEP_NODELIST");
    unsigned long member, members;
    char host[200];
    if (job == NULL || step == NULL || !number_of("SLURM_PROCID", DEPLOY_MAX_PES, &member)) return 0;
    if (!number_of("SLURM_STEP_NUM_TASKS", DEPLOY_MAX_PES, &members) &&
        !number_of("SLURM_NTASKS", DEPLOY_MAX_PES, &members))
        return 0;
    out->engine = "Slurm";
    out->member = (uint32_t)member;
    out->members = (uint32_t)members;
    snprintf(out->job, sizeof out->job, "slurm-%.40s-%.40s", job, step);
    if (members == 1) return 1;
    if (nodes == NULL || !deploy_slurm_first_host(nodes, host, sizeof host))
        return deploy_reason_set(
            reason, DEPLOY_STATUS_USAGE,
            "cannot tell the first host of SLURM_STEP_NODELIST '%.200s'; say it by --head HOST:PORT",
            nodes == NULL ? "" : nodes);
    unsigned long port = FIRST_PORT + (strtoul(job, NULL, 10) * 31 + strtoul(step, NULL, 10)) % NUM_PORTS;
    snprintf(out->head, sizeof out->head, "%s:%lu", host, port);
    out->rendezvous = &deploy_munge_rendezvous;
    return 1;
}
