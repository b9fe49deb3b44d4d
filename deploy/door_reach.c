/* deploy/door_reach.c: the members at the door as the hosts of a job: which they are, and how each is reached
 * (reach.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "deploy/door_impl.h"
#include "deploy/reach.h"
#include "rpc/error.h"

/* ---------------------------------------------------------------- hosts */

static const char *machine_of(const struct deploy_door *door, uint32_t member) {
    return member == 0 ? door->meeting->self.machine : door->members[member]->machine;
}

/* By machine, machines in the order of their first members. False: no memory. */
static bool put_in_order(struct deploy_door *door, struct deploy_host *items) {
    uint32_t members = door->meeting->self.members, machines = 0;
    size_t next = 0;
    bool *placed = calloc(members, sizeof *placed);
    if (placed == NULL) return false;
    for (uint32_t first = 0; first < members; first++) {
        if (placed[first]) continue;
        for (uint32_t member = first; member < members; member++) {
            if (placed[member] || strcmp(machine_of(door, member), machine_of(door, first)) != 0) continue;
            placed[member] = true;
            door->order[next] = member;
            items[next++].machine = machines;
        }
        machines++;
    }
    free(placed);
    return true;
}

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Where members of other machines have found the head's. */
static const char *address_here(const struct deploy_door *door) {
    const char *address = "127.0.0.1";
    for (uint32_t i = 1; i < door->meeting->self.members; i++) {
        if (!is_loopback(door->members[i]->here)) return door->members[i]->here;
        address = door->members[i]->here;
    }
    return address;
}

static bool name_host(const struct deploy_door *door, size_t number, struct deploy_host *host) {
    uint32_t member = (uint32_t)door->order[number];
    host->name = strdup(member == 0 ? door->meeting->self.host : door->members[member]->host);
    if (host->machine == 0) host->reached = strdup(address_here(door));
    return host->name != NULL && (host->machine != 0 || host->reached != NULL);
}

int deploy_door_place(struct deploy_door *door, struct deploy_hosts *hosts, struct deploy_reason *reason) {
    uint32_t members = door->meeting->self.members;
    *hosts = (struct deploy_hosts){.items = calloc(members, sizeof *hosts->items), .count = members};
    bool good = hosts->items != NULL && put_in_order(door, hosts->items);
    for (size_t i = 0; good && i < members; i++) good = name_host(door, i, &hosts->items[i]);
    if (good) return 0;
    if (hosts->items != NULL) deploy_hosts_deinit(hosts);
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
}

/* ---------------------------------------------------------------- reaching */

static int door_open(const struct deploy_launch *launch, void **state, struct deploy_reason *reason) {
    struct deploy_door *door = launch->remote->reach_context;
    (void)reason;
    door->launch = launch;
    *state = door;
    return 0;
}

/* The head's own PEs: an agent here, as everywhere. */
static int reach_self(struct deploy_door *door, const struct deploy_relay_handler *handler, struct deploy_relay **relay,
                      struct deploy_reason *reason) {
    char own[] = "/proc/self/exe", command[] = "agent", *words[] = {own, command, NULL};
    int fd;
    if (deploy_child_start(&door->child, door->launch, words, -1, &fd) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start an agent: %s", strerror(errno));
    struct deploy_stream stream = deploy_stream_plain(fd, fd);
    deploy_relay_open(&door->child_relay, door->loop, &stream, DEPLOY_REACH_FIRST_WORD_S, handler);
    *relay = &door->child_relay;
    return 0;
}

static int door_reach(void *state, size_t host, const struct deploy_relay_handler *handler, struct deploy_relay **relay,
                      struct deploy_reason *reason) {
    struct deploy_door *door = state;
    if (door->order[host] == 0) return reach_self(door, handler, relay, reason);
    struct deploy_caller *member = door->members[door->order[host]];
    if (member->lost)
        return deploy_reason_set(reason, DEPLOY_STATUS_PES, "member %u (host %s) is gone", member->member,
                                 member->host);
    member->relay.handler = handler;
    *relay = &member->relay;
    return 0;
}

/* "PE 3", "PEs 4 to 7". */
static void name_pes(const struct deploy_host *host, char *text, size_t size) {
    if (host->num_pes == 1)
        snprintf(text, size, "PE %u", host->first_pe);
    else
        snprintf(text, size, "PEs %u to %u", host->first_pe, host->first_pe + host->num_pes - 1);
}

static void door_explain(void *state, size_t number, enum deploy_relay_end how, struct deploy_reason *reason) {
    static const char *const whats[] = {[DEPLOY_RELAY_CLOSED] = "is gone: its connection has ended",
                                        [DEPLOY_RELAY_GARBAGE] = "said what makes no sense"};
    const struct deploy_door *door = state;
    const struct deploy_host *host = &door->launch->remote->hosts.items[number];
    char pes[64];
    name_pes(host, pes, sizeof pes);
    if (how == DEPLOY_RELAY_SILENT)
        deploy_reason_set(reason, DEPLOY_STATUS_PES, "member %zu (host %s, %s) has not been heard of for %.0f seconds",
                          door->order[number], host->name, pes, DEPLOY_RELAY_SILENCE_S);
    else
        deploy_reason_set(reason, DEPLOY_STATUS_PES, "member %zu (host %s, %s) %s", door->order[number], host->name,
                          pes, whats[how]);
}

static void door_leave(void *state, size_t host, double seconds) {
    struct deploy_door *door = state;
    if (door->order[host] == 0) (void)deploy_child_wait(&door->child, seconds);
}

static void door_close(void *state) {
    struct deploy_door *door = state;
    door->launch = NULL;
}

const struct deploy_reach_ops deploy_door_reach = {
    .name = "door",
    .open = door_open,
    .reach = door_reach,
    .explain = door_explain,
    .leave = door_leave,
    .close = door_close,
};
