/* deploy/options.h: the command line of `chariot run`.
 *
 * One table in options.c holds name, argument and help of every option; the parser and the help text come from it.
 * Parsing stops at the first word that is no option: that is the program, and what follows belongs to it. All strings
 * are borrowed from argv until the process ends. */
#ifndef CHARIOT_DEPLOY_OPTIONS_H
#define CHARIOT_DEPLOY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "deploy/reason.h"

enum { DEPLOY_MAX_PES = 65536 };

/* How PE 0 serves foreign programs, in the words of charm.serve(); NULL or 0: not said. PE 0 judges it
 * (rpc/job_serve.c).
 */
struct deploy_serve {
    const char *address; /* NULL: not from the start */
    const char *clients, *certificate, *key, *authority;
    bool anyone, traces;
    uint32_t max_message_bytes, max_calls, max_rate;
    const char *first; /* what was said first of all but the address */
};

struct deploy_options {
    uint32_t num_pes;
    bool tag;                /* put "[pe] " before each line of output */
    bool charm4py;           /* `import charm4py` finds chariot */
    bool quiet;              /* no banner */
    bool interactive;        /* a prompt on PE 0, after the program if there is one */
    const char *ready_file;  /* there while the job runs; NULL: none */
    bool help;               /* print help, start nothing */
    const char *transport;   /* "shm", "unix", "tcp" or "tls" */
    const char *launcher;    /* name of a launcher's ops table; NULL: whichever the job needs */
    const char *trace;       /* file for the timeline; NULL: none is wanted */
    uint64_t trace_limit;    /* events that each PE keeps for it */
    const char *balancer;    /* "NAME" or "NAME:option=value,..."; NULL: none */
    const char *lb_period;   /* seconds, as text; NULL: not said */
    bool lb_log;             /* a line for each step of load balancing */
    const char *lb_record;   /* files for what chares cost, without the PE's number; NULL: none are wanted */
    double lb_record_period; /* seconds of a phase in them; 0: phases are the steps of load balancing */
    bool has_num_pes;        /* it was asked for */
    bool has_transport;
    const char *hosts;          /* as deploy_hosts_parse() takes them; NULL: this host */
    const char *hosts_file;     /* or a file of them */
    const char *nodelist;       /* or one of Charm++'s kind, */
    const char *nodegroup;      /* with a group in it; NULL: main */
    char home_nodelist[1024];   /* room for the name of the user's own */
    const char *remote_shell;   /* what reaches other hosts */
    const char *remote_chariot; /* path of this program there; NULL: as here */
    const char *interface;      /* where PEs of several hosts listen (address.h); each NULL: not said */
    const char *advertise;
    const char *ports;
    const char *member;      /* "R/M": this is member R of M (members.h); NULL: what the environment says */
    const char *head;        /* "HOST:PORT", where member 0 is; likewise the next four */
    const char *job;         /* its name among others of the same members */
    const char *secret_file; /* by which members know each other */
    const char *tls_dir;     /* or certificates for that */
    const char *rendezvous;  /* how the head is found */
    double members_timeout;  /* seconds within which all members have come; 0: not said */
    struct deploy_serve serve;
    const char *environment[64]; /* "NAME" or "NAME=value" for PEs on other hosts, up to NULL */
    double silence;              /* seconds after which a PE on another host that is not heard of is gone */
    double timeout;              /* seconds after which the job is ended; 0: never */
    char *
        *program; /* program and its arguments, up to NULL; empty only with help or interactive. "-m" first: a module */
};

void deploy_options_init(struct deploy_options *options);
/* Parses argv (from the word after the sub-command, up to NULL). CHARIOT_EABORTED with *reason, status 2. */
int deploy_options_parse(struct deploy_options *options, char **argv, struct deploy_reason *reason);
/* A number of PEs as -n and +p take it; `option` is for the message. */
int deploy_options_num_pes(const char *option, const char *value, uint32_t *num_pes, struct deploy_reason *reason);
/* A time in seconds, more than 0. */
int deploy_options_seconds(const char *option, const char *value, double *seconds, struct deploy_reason *reason);
/* The cores that this process may use. */
uint32_t deploy_options_cores(void);
/* One line per option. */
void deploy_options_help(FILE *out);

#endif
