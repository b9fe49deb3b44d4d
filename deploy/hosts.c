/* deploy/hosts.c: see hosts.h. */
#include "deploy/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/options.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- one host */

static int add_take(struct deploy_hosts *hosts, char *name, uint32_t slots, struct deploy_reason *reason) {
    for (size_t i = 0; name != NULL && i < hosts->count; i++) {
        if (strcmp(hosts->items[i].name, name) != 0) continue;
        deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "host '%s' is named twice; say how many PEs it takes by '%s:N'",
                          name, name);
        free(name);
        return CHARIOT_EABORTED;
    }
    struct deploy_host *items = name == NULL ? NULL : realloc(hosts->items, (hosts->count + 1) * sizeof *items);
    if (items == NULL) {
        free(name);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    hosts->items = items;
    items[hosts->count] = (struct deploy_host){.name = name, .slots = slots, .machine = (uint32_t)hosts->count};
    hosts->count++;
    return 0;
}

/* A word that begins with '-' would be an option of ssh. */
static bool is_name(const char *word, size_t length) {
    if (length == 0 || word[0] == '-') return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)word[i]) && strchr("@.-_:%", word[i]) == NULL) return false;
    }
    return true;
}

/* Where the name ends and ":N" begins; an address with colons stands in brackets, or has no number. */
static size_t name_length(const char *word) {
    if (word[0] == '[') return strcspn(word, "]") + (strchr(word, ']') != NULL);
    const char *colon = strchr(word, ':');
    return colon == NULL || strchr(colon + 1, ':') != NULL ? strlen(word) : (size_t)(colon - word);
}

static int add_word(struct deploy_hosts *hosts, const char *word, struct deploy_reason *reason) {
    size_t length = name_length(word);
    bool bracketed = word[0] == '[';
    const char *name = bracketed ? word + 1 : word;
    size_t size = bracketed && length >= 2 ? length - 2 : length;
    uint32_t slots = 0;
    if (!is_name(name, size))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "'%s' is no host; hosts are named as in 'a:4,b:4'", word);
    if (word[length] == ':') {
        int rc = deploy_options_num_pes(word, word + length + 1, &slots, reason);
        if (rc != 0) return rc;
    }
    return add_take(hosts, strndup(name, size), slots, reason);
}

/* ---------------------------------------------------------------- lists and files */

static int fail(struct deploy_hosts *hosts) {
    deploy_hosts_deinit(hosts);
    return CHARIOT_EABORTED;
}

int deploy_hosts_parse(struct deploy_hosts *hosts, const char *list, struct deploy_reason *reason) {
    *hosts = (struct deploy_hosts){0};
    do {
        size_t length = strcspn(list, ",");
        char word[300];
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), list);
        if (add_word(hosts, word, reason) != 0) return fail(hosts);
        list += length;
    } while (*list++ == ',');
    return 0;
}

/* Calls fn for each line, without comment and newline, until it fails. */
static int each_line(const char *path, int (*fn)(void *context, char *line, struct deploy_reason *reason),
                     void *context, struct deploy_reason *reason) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "cannot read hosts from '%s': %s", path, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    int rc = 0;
    while (rc == 0 && getline(&line, &capacity, file) >= 0) {
        line[strcspn(line, "#\r\n")] = '\0';
        rc = fn(context, line, reason);
    }
    free(line);
    fclose(file);
    return rc;
}

static int add_line(void *context, char *line, struct deploy_reason *reason) {
    struct deploy_hosts *hosts = context;
    char *rest, *name = strtok_r(line, " \t", &rest), *more = name == NULL ? NULL : strtok_r(NULL, " \t", &rest);
    char word[300];
    if (name == NULL) return 0;
    if (more == NULL) return add_word(hosts, name, reason);
    if (strncmp(more, "slots=", 6) != 0 || strtok_r(NULL, " \t", &rest) != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "a line of hosts is 'NAME', 'NAME:N' or 'NAME slots=N'; "
                                 "what is '%s'?",
                                 more);
    snprintf(word, sizeof word, "%.200s:%.50s", name, more + 6);
    return add_word(hosts, word, reason);
}

static int check_any(struct deploy_hosts *hosts, const char *path, const char *where, struct deploy_reason *reason) {
    if (hosts->count > 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "there is no host in %s'%s'", where, path);
}

int deploy_hosts_read(struct deploy_hosts *hosts, const char *path, struct deploy_reason *reason) {
    *hosts = (struct deploy_hosts){0};
    int rc = each_line(path, add_line, hosts, reason);
    if (rc == 0) rc = check_any(hosts, path, "", reason);
    return rc == 0 ? 0 : fail(hosts);
}

struct nodelist {
    struct deploy_hosts *hosts;
    const char *group;
    bool in_group;
};

static int add_nodelist_line(void *context, char *line, struct deploy_reason *reason) {
    struct nodelist *list = context;
    char *rest, *what = strtok_r(line, " \t", &rest), *name = what == NULL ? NULL : strtok_r(NULL, " \t", &rest);
    if (name == NULL) return 0;
    if (strcmp(what, "group") == 0) list->in_group = strcmp(name, list->group) == 0;
    if (strcmp(what, "host") != 0 || !list->in_group) return 0;
    for (size_t i = 0; i < list->hosts->count; i++) { /* a host that is there twice takes twice as many */
        struct deploy_host *host = &list->hosts->items[i];
        if (strcmp(host->name, name) == 0) {
            host->slots++;
            return 0;
        }
    }
    return add_take(list->hosts, strdup(name), 1, reason);
}

int deploy_hosts_read_nodelist(struct deploy_hosts *hosts, const char *path, const char *group,
                               struct deploy_reason *reason) {
    char where[100];
    *hosts = (struct deploy_hosts){.no_limit = true};
    struct nodelist list = {.hosts = hosts, .group = group};
    snprintf(where, sizeof where, "group '%.60s' of ", group);
    int rc = each_line(path, add_nodelist_line, &list, reason);
    if (rc == 0) rc = check_any(hosts, path, where, reason);
    return rc == 0 ? 0 : fail(hosts);
}

void deploy_hosts_deinit(struct deploy_hosts *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        free(hosts->items[i].name);
        free(hosts->items[i].address);
        free(hosts->items[i].reached);
    }
    free(hosts->items);
    *hosts = (struct deploy_hosts){0};
}

/* ---------------------------------------------------------------- placing */

bool deploy_hosts_are_local(const struct deploy_hosts *hosts) {
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < hosts->count; i++) {
        bool local = false;
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            local |= strcmp(hosts->items[i].name, names[j]) == 0;
        if (!local) return false;
    }
    return true;
}

static uint32_t slots_of(const struct deploy_host *host) {
    return host->slots == 0 ? 1 : host->slots;
}

static bool says_slots(const struct deploy_hosts *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (hosts->items[i].slots > 0) return true;
    }
    return false;
}

int deploy_hosts_place(struct deploy_hosts *hosts, uint32_t *num_pes, struct deploy_reason *reason) {
    uint64_t slots = 0;
    for (size_t i = 0; i < hosts->count; i++) slots += slots_of(&hosts->items[i]);
    uint64_t wanted = *num_pes == 0 ? slots : *num_pes, slots_left = slots;
    bool shares = (wanted > slots && hosts->no_limit) || (*num_pes > 0 && !says_slots(hosts));
    if (wanted > DEPLOY_MAX_PES || (!shares && wanted > slots))
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "%llu PEs do not fit: the hosts take %llu in all, and a job at most %d",
                                 (unsigned long long)wanted, (unsigned long long)slots, DEPLOY_MAX_PES);
    uint32_t next = 0;
    for (size_t i = 0; i < hosts->count; i++) {
        struct deploy_host *host = &hosts->items[i];
        uint64_t left = wanted - next, weight = slots_of(host),
                 share = shares ? (left * weight + slots_left - 1) / slots_left : weight;
        slots_left -= weight;
        host->first_pe = next;
        host->num_pes = (uint32_t)(share < left ? share : left);
        next += host->num_pes;
    }
    *num_pes = next;
    return 0;
}

size_t deploy_hosts_of(const struct deploy_hosts *hosts, uint32_t pe) {
    size_t low = 0, high = hosts->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (hosts->items[middle].first_pe <= pe && hosts->items[middle].num_pes > 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void deploy_hosts_machine(const struct deploy_hosts *hosts, size_t host, uint32_t *first_pe, uint32_t *num_pes) {
    size_t first = host, end = host;
    while (first > 0 && hosts->items[first - 1].machine == hosts->items[host].machine) first--;
    while (end < hosts->count && hosts->items[end].machine == hosts->items[host].machine) end++;
    *first_pe = hosts->items[first].first_pe;
    *num_pes = hosts->items[end - 1].first_pe + hosts->items[end - 1].num_pes - *first_pe;
}
