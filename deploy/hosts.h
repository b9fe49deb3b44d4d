/* deploy/hosts.h: which hosts a job runs on, and which PEs on which: from a list on the command line, a file, or a
 * nodelist of Charm++'s kind. PEs of one host have consecutive numbers. */
#ifndef CHARIOT_DEPLOY_HOSTS_H
#define CHARIOT_DEPLOY_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/reason.h"

struct deploy_host {
    char *name;       /* as ssh takes it: host, user@host, address; owned */
    char *address;    /* under which PEs there are reached; NULL: see address.h; owned */
    char *reached;    /* by which it was reached; NULL: its agent knows; owned */
    uint32_t slots;   /* PEs that it takes; 0: not said */
    uint32_t machine; /* equal for neighbours that are one machine */
    uint32_t first_pe, num_pes;
};

struct deploy_hosts {
    struct deploy_host *items;
    size_t count;  /* 0: the job runs here */
    bool no_limit; /* where slots are not enough they are proportions (a nodelist) */
};

/* "a:4,b:4", "a,b", "[fe80::1]:2". CHARIOT_EABORTED with *reason, also if it names no host or one twice. */
int deploy_hosts_parse(struct deploy_hosts *hosts, const char *list, struct deploy_reason *reason);
/* A line per host: "a", "a:4" or "a slots=4"; '#' begins a comment. */
int deploy_hosts_read(struct deploy_hosts *hosts, const char *path, struct deploy_reason *reason);
/* A nodelist: lines "group NAME" and, below it, "host NAME ..." (as often as it takes PEs). Other lines and options are
 * passed over; any number of PEs may be placed on them. */
int deploy_hosts_read_nodelist(struct deploy_hosts *hosts, const char *path, const char *group,
                               struct deploy_reason *reason);
void deploy_hosts_deinit(struct deploy_hosts *hosts);

/* All of them are names of this host: localhost, 127.0.0.1, ::1. */
bool deploy_hosts_are_local(const struct deploy_hosts *hosts);
/* Divides PEs: hosts are filled in their order up to their slots; without slots each gets an equal share, and with
 * no_limit a share in proportion to them where there are more PEs. *num_pes 0: as many as there are slots (a host that
 * does not say has one), which is set. */
int deploy_hosts_place(struct deploy_hosts *hosts, uint32_t *num_pes, struct deploy_reason *reason);
/* The host of a PE, after that. */
size_t deploy_hosts_of(const struct deploy_hosts *hosts, uint32_t pe);
/* The PEs of that host's machine. */
void deploy_hosts_machine(const struct deploy_hosts *hosts, size_t host, uint32_t *first_pe, uint32_t *num_pes);

#endif
