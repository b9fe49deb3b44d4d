/* deploy/slurm.c: see slurm.h.
 *
 * A batch script has most of these variables too, as its one task; only in a step is there SLURM_STEP_ID. The head is
 * the first task, on the step's first host (Slurm's own distributions all put it there); its port follows from job and
 * step. */
#include "deploy/slurm.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/rendezvous.h"
#include "rpc/error.h"

enum { FIRST_PORT = 20000, NUM_PORTS = 12000 }; /* below those that kernels give away by themselves */

bool deploy_slurm_first_host(const char *list, char *host, size_t size) {
    size_t length = strcspn(list, "[,");
    int wrote;
    if (list[length] == '[') {
        const char *inside = list + length + 1, *behind = strchr(inside, ']');
        size_t digits = strspn(inside, "0123456789");
        if (behind == NULL || digits == 0) return false;
        behind++;
        wrote = snprintf(host, size, "%.*s%.*s%.*s", (int)length, list, (int)digits, inside, (int)strcspn(behind, "[,"),
                         behind);
        if (behind[strcspn(behind, "[,")] == '[') return false; /* "rack[1-2]n[1-4]" */
    } else {
        wrote = snprintf(host, size, "%.*s", (int)length, list);
    }
    return wrote > 0 && (size_t)wrote < size;
}

static bool number_of(const char *name, unsigned long most, unsigned long *number) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL || !isdigit((unsigned char)text[0])) return false;
    *number = strtoul(text, &end, 10);
    return *end == '\0' && *number <= most;
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
