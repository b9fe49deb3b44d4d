/* deploy/allocation.c: see allocation.h. */
#include "deploy/allocation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/options.h"
#include "rpc/error.h"

enum { MAX_NAME = 256 };

/* ---------------------------------------------------------------- lists of hosts */

/* One word of a list as it becomes names: what stands so far, and what is left of the word. */
struct names {
    int (*fn)(void *context, const char *name);
    void *context;
};

static int expand(const struct names *names, const char *done, const char *rest, const char *end);

/* "08-12" or "7", behind `done`; numbers keep their width. */
static int expand_range(const struct names *names, const char *done, const char *range, size_t length, const char *rest,
                        const char *end) {
    unsigned long low, high;
    char name[MAX_NAME], *stop;
    size_t width = strspn(range, "0123456789");
    if (width == 0 || width > 9) return CHARIOT_EMALFORMED;
    low = high = strtoul(range, &stop, 10);
    if (width < length && *stop == '-' && isdigit((unsigned char)stop[1])) high = strtoul(stop + 1, &stop, 10);
    if (stop != range + length || high < low || high - low >= DEPLOY_MAX_PES) return CHARIOT_EMALFORMED;
    for (unsigned long number = low; number <= high; number++) {
        int size = snprintf(name, sizeof name, "%s%0*lu", done, (int)width, number);
        int rc = size < 0 || (size_t)size >= sizeof name ? CHARIOT_EMALFORMED : expand(names, name, rest, end);
        if (rc != 0) return rc;
    }
    return 0;
}

/* The rest of the word, with its brackets, behind `done`. */
static int expand(const struct names *names, const char *done, const char *rest, const char *end) {
    char name[MAX_NAME];
    size_t plain = 0;
    while (rest + plain < end && rest[plain] != '[') plain++;
    int size = snprintf(name, sizeof name, "%s%.*s", done, (int)plain, rest);
    if (size <= 0 || (size_t)size >= sizeof name) return CHARIOT_EMALFORMED;
    if (rest + plain == end) return names->fn(names->context, name);
    const char *range = rest + plain + 1, *close = memchr(range, ']', (size_t)(end - range));
    int rc = close == NULL ? CHARIOT_EMALFORMED : 0;
    if (rc != 0) return rc;
    do {
        size_t length = strcspn(range, ",]");
        rc = expand_range(names, name, range, length, close + 1, end);
        range += length + 1;
    } while (rc == 0 && range <= close);
    return rc;
}

static const char *end_of_word(const char *word) {
    bool inside = false;
    for (; *word != '\0' && (inside || *word != ','); word++) inside = *word == '[' || (inside && *word != ']');
    return word;
}

int deploy_allocation_each_host(const char *list, int (*fn)(void *context, const char *name), void *context) {
    const struct names names = {fn, context};
    for (;;) {
        const char *end = end_of_word(list);
        int rc = expand(&names, "", list, end);
        if (rc != 0 || *end == '\0') return rc;
        list = end + 1;
    }
}

uint32_t deploy_allocation_count(const char *counts, size_t at) {
    for (;;) {
        unsigned count, times = 1;
        int used = 0;
        if (sscanf(counts, "%7u%n", &count, &used) != 1) return 0;
        counts += used;
        if (sscanf(counts, "(x%7u)%n", &times, &used) == 1) counts += used;
        if (at < times) return count;
        at -= times;
        if (*counts++ != ',') return 0;
    }
}

/* ---------------------------------------------------------------- the allocation */

bool deploy_allocation_is_here(void) {
    return getenv("SLURM_JOB_ID") != NULL && getenv("SLURM_JOB_NODELIST") != NULL && getenv("SLURM_STEP_ID") == NULL;
}

struct allocation {
    struct deploy_hosts *hosts;
    const char *counts;
};

static int add_host(void *context, const char *name) {
    struct allocation *allocation = context;
    struct deploy_hosts *hosts = allocation->hosts;
    if (hosts->count == DEPLOY_MAX_PES) return CHARIOT_EMALFORMED;
    struct deploy_host *items = realloc(hosts->items, (hosts->count + 1) * sizeof *items);
    if (items == NULL) return CHARIOT_ENOMEM;
    hosts->items = items;
    items[hosts->count] =
        (struct deploy_host){.name = strdup(name), .slots = deploy_allocation_count(allocation->counts, hosts->count)};
    return items[hosts->count++].name == NULL ? CHARIOT_ENOMEM : 0;
}

int deploy_allocation_hosts(struct deploy_hosts *hosts, struct deploy_reason *reason) {
    const char *list = getenv("SLURM_JOB_NODELIST"), *counts = getenv("SLURM_TASKS_PER_NODE");
    struct allocation allocation = {.hosts = hosts, .counts = counts == NULL ? "" : counts};
    *hosts = (struct deploy_hosts){.no_limit = true};
    int rc = deploy_allocation_each_host(list, add_host, &allocation);
    if (rc == 0) return 0;
    deploy_hosts_deinit(hosts);
    if (rc == CHARIOT_ENOMEM) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(rc));
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                             "cannot tell the hosts of SLURM_JOB_NODELIST '%.200s'; name them by --hosts", list);
}

bool deploy_allocation_is_this_host(const struct deploy_hosts *hosts) {
    const char *name = getenv("SLURMD_NODENAME");
    return hosts->count == 1 && name != NULL && strcmp(hosts->items[0].name, name) == 0;
}
