/* deploy/options.c: see options.h. The table is OPTIONS; each row knows how to set its field. */
#include "deploy/options.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/words.h"
#include "rpc/error.h"

enum { TRACE_LIMIT = 500000, TRACE_LIMIT_MAX = 1000000000 };

#define HINT "; 'chariot help run' lists the options"

uint32_t deploy_options_cores(void) {
    cpu_set_t set;
    long count;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        count = CPU_COUNT(&set);
    } else {
        count = sysconf(_SC_NPROCESSORS_ONLN); /* more cores than cpu_set_t holds */
    }
    if (count < 1) return 1;
    return count > DEPLOY_MAX_PES ? DEPLOY_MAX_PES : (uint32_t)count;
}

void deploy_options_init(struct deploy_options *options) {
    *options = (struct deploy_options){
        .num_pes = deploy_options_cores(), .transport = "shm", .silence = 4, .trace_limit = TRACE_LIMIT};
}

/* The old launch line (charmrun.c) shares the parsers of values. */
static const char *help_for(const char *option) {
    return option[0] == '+' ? "charmrun ++help" : "chariot help run";
}

int deploy_options_num_pes(const char *option, const char *value, uint32_t *num_pes, struct deploy_reason *reason) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    bool digits = value[0] >= '0' && value[0] <= '9' && *end == '\0';
    if (!digits || errno != 0 || number < 1 || number > DEPLOY_MAX_PES)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "%s takes a number of PEs from 1 to %d, not '%s'; '%s'"
                                 " lists the options",
                                 option, DEPLOY_MAX_PES, value, help_for(option));
    *num_pes = (uint32_t)number;
    return 0;
}

int deploy_options_seconds(const char *option, const char *value, double *seconds, struct deploy_reason *reason) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number) || number <= 0 || number > 1e9)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "%s takes a time in seconds above 0, not '%s'; '%s' lists the options", option, value,
                                 help_for(option));
    *seconds = number;
    return 0;
}

static int set_num_pes(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    options->has_num_pes = true;
    return deploy_options_num_pes(as_typed, value, &options->num_pes, reason);
}

#define TEXT(field, what)                                                                                              \
    static int set_##field(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {     \
        struct deploy_options *options = context;                                                                      \
        if (value[0] == '\0') return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes " what HINT, as_typed);  \
        options->field = value;                                                                                        \
        return 0;                                                                                                      \
    }
TEXT(hosts, "names of hosts, as in 'a:4,b:4'")
TEXT(hosts_file, "the name of a file")
TEXT(remote_shell, "a command, such as 'ssh -p 2222'")
TEXT(remote_chariot, "the path of chariot on the other hosts")
TEXT(interface, "the name of a network interface, such as eth1")
TEXT(advertise, "an address, or HOST=ADDRESS for each host")
TEXT(ports, "LOW-HIGH, two numbers")
TEXT(ready_file, "the name of a file")
TEXT(member, "R/M, as in '0/4'")
TEXT(head, "HOST:PORT")
TEXT(job, "a name")
TEXT(secret_file, "the name of a file")
TEXT(tls_dir, "a directory with ca.crt, tls.crt and tls.key")
TEXT(rendezvous, "a kind, as in 'given'")
#undef TEXT

#define SERVE_TEXT(field, what)                                                                                        \
    static int set_serve_##field(void *context, const char *as_typed, const char *value,                               \
                                 struct deploy_reason *reason) {                                                       \
        struct deploy_serve *serve = &((struct deploy_options *)context)->serve;                                       \
        if (value[0] == '\0') return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes " what HINT, as_typed);  \
        if (serve->first == NULL && &serve->field != &serve->address) serve->first = as_typed;                         \
        serve->field = value;                                                                                          \
        return 0;                                                                                                      \
    }
SERVE_TEXT(address, "HOST:PORT or unix:/path")
SERVE_TEXT(clients, "the name of a file of clients")
SERVE_TEXT(certificate, "the name of a PEM file")
SERVE_TEXT(key, "the name of a PEM file")
SERVE_TEXT(authority, "the name of a PEM file")
#undef SERVE_TEXT

#define SERVE_FLAG(field)                                                                                              \
    static int set_serve_##field(void *context, const char *as_typed, const char *value,                               \
                                 struct deploy_reason *reason) {                                                       \
        struct deploy_serve *serve = &((struct deploy_options *)context)->serve;                                       \
        (void)value, (void)reason;                                                                                     \
        if (serve->first == NULL) serve->first = as_typed;                                                             \
        serve->field = true;                                                                                           \
        return 0;                                                                                                      \
    }
SERVE_FLAG(anyone)
SERVE_FLAG(traces)
#undef SERVE_FLAG

#define SERVE_LIMIT(field)                                                                                             \
    static int set_serve_##field(void *context, const char *as_typed, const char *value,                               \
                                 struct deploy_reason *reason) {                                                       \
        struct deploy_serve *serve = &((struct deploy_options *)context)->serve;                                       \
        if (serve->first == NULL) serve->first = as_typed;                                                             \
        return take_limit(as_typed, value, &serve->field, reason);                                                     \
    }
static int take_limit(const char *as_typed, const char *value, uint32_t *limit, struct deploy_reason *reason) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    bool digits = value[0] >= '0' && value[0] <= '9' && *end == '\0';
    if (!digits || errno != 0 || number < 1 || number > INT32_MAX)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes a number from 1 to %d, not '%s'" HINT, as_typed,
                                 INT32_MAX, value);
    *limit = (uint32_t)number;
    return 0;
}
SERVE_LIMIT(max_message_bytes)
SERVE_LIMIT(max_calls)
SERVE_LIMIT(max_rate)
#undef SERVE_LIMIT

static int add_environment(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    size_t count = 0, most = sizeof options->environment / sizeof options->environment[0] - 1;
    while (options->environment[count] != NULL) count++;
    if (value[0] == '\0' || value[0] == '=' || count == most)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes NAME or NAME=VALUE, at most %zu times" HINT,
                                 as_typed, most);
    options->environment[count] = value;
    return 0;
}

static int set_timeout(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    return deploy_options_seconds(as_typed, value, &options->timeout, reason);
}

static int set_members_timeout(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    return deploy_options_seconds(as_typed, value, &options->members_timeout, reason);
}

/* A second is what a busy machine may take; an hour is for debuggers. */
static int set_silence(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    int err = deploy_options_seconds(as_typed, value, &options->silence, reason);
    if (err != 0 || (options->silence >= 1 && options->silence <= 86400)) return err;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes 1 to 86400 seconds, not '%s'" HINT, as_typed,
                             value);
}

static int set_transport(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    static const char *const known[] = {"shm", "unix", "tcp", "tls"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(value, known[i]) == 0) {
            options->transport = value;
            options->has_transport = true;
            return 0;
        }
    }
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes 'shm', 'unix', 'tcp' or 'tls', not '%s'" HINT,
                             as_typed, value);
}

/* The name is looked up in the table of launchers by run.c. */
static int set_launcher(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    (void)as_typed, (void)reason;
    options->launcher = value;
    return 0;
}

/* Whether it can be written is seen when the job starts (timeline.c). */
static int set_trace(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    if (value[0] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes the name of a file" HINT, as_typed);
    options->trace = value;
    return 0;
}

static int set_trace_limit(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    bool digits = value[0] >= '0' && value[0] <= '9' && *end == '\0';
    if (!digits || errno != 0 || number < 1 || number > TRACE_LIMIT_MAX)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes a number of events from 1 to %d, not '%s'" HINT,
                                 as_typed, TRACE_LIMIT_MAX, value);
    options->trace_limit = number;
    return 0;
}

/* Whether there is one of that name is seen by the PEs. */
static int set_balancer(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    if (value[0] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes the name of a balancer" HINT, as_typed);
    options->balancer = value;
    return 0;
}

static int set_lb_period(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    double seconds;
    options->lb_period = value;
    return deploy_options_seconds(as_typed, value, &seconds, reason);
}

/* Whether it can be written each PE sees when it starts (objects/run.c). */
static int set_lb_record(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    if (value[0] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes the name of files" HINT, as_typed);
    options->lb_record = value;
    return 0;
}

static int set_lb_record_period(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_options *options = context;
    int err = deploy_options_seconds(as_typed, value, &options->lb_record_period, reason);
    if (err != 0 || options->lb_record_period >= 1e-3) return err;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes at least 0.001 seconds, not '%s'" HINT, as_typed,
                             value);
}

#define FLAG(field)                                                                                                    \
    static int set_##field(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {     \
        struct deploy_options *options = context;                                                                      \
        (void)as_typed, (void)value, (void)reason;                                                                     \
        options->field = true;                                                                                         \
        return 0;                                                                                                      \
    }
FLAG(tag)
FLAG(charm4py)
FLAG(quiet)
FLAG(interactive)
FLAG(help)
FLAG(lb_log)
#undef FLAG

static const struct deploy_word OPTIONS[] = {
    {"-n", "--num-pes", "N", "number of PEs; the default is the number of cores", set_num_pes},
    {NULL, "--tag", NULL, "put \"[pe] \" before each line of output", set_tag},
    {NULL, "--transport", "shm|unix|tcp|tls",
     "how PEs reach each other: shared memory (the default), or gRPC over Unix sockets, TCP, or TCP with mutual TLS",
     set_transport},
    {NULL, "--silence", "S",
     "end the job when a PE on another host has not been heard of, or has been stopped, for S seconds; 4 unless said",
     set_silence},
    {NULL, "--timeout", "S", "end the job, with status 124, when it has run for S seconds", set_timeout},
    {NULL, "--quiet", NULL, "no start-up banner", set_quiet},
    {NULL, "--charm4py", NULL, "make 'import charm4py' find chariot", set_charm4py},
    {NULL, "--trace", "FILE", "write a timeline of the job, for https://ui.perfetto.dev", set_trace},
    {NULL, "--trace-limit", "N", "events that each PE keeps for it, 500000 unless said; later ones are dropped",
     set_trace_limit},
    {NULL, "--balancer", "NAME[:OPTION=VALUE,...]",
     "who decides where chares live: greedy-refine, greedy, gossip, ... ('chariot lb-lab --help' lists them), or "
     "MODULE:CLASS of the program's",
     set_balancer},
    {NULL, "--lb-period", "S", "balance no more often than every S seconds", set_lb_period},
    {NULL, "--lb-log", NULL, "a line for each step of load balancing", set_lb_log},
    {NULL, "--lb-record", "FILE",
     "record what chares cost in FILE.<pe>.json, for chariot lb-lab; a phase is a step of load balancing",
     set_lb_record},
    {NULL, "--lb-record-period", "S", "for programs without steps: a phase is S seconds", set_lb_record_period},
    {NULL, "--interactive", NULL, "a prompt on PE 0; a program given too runs before, on every PE", set_interactive},
    {NULL, "--hosts", "A:4,B:4", "run on these hosts, with so many PEs each; they are reached by ssh", set_hosts},
    {NULL, "--hosts-file", "FILE", "the same from a file, a host per line", set_hosts_file},
    {NULL, "--remote-shell", "CMD", "what reaches a host, in place of ssh", set_remote_shell},
    {NULL, "--remote-chariot", "PATH", "where this program is on the other hosts; the default is where it is here",
     set_remote_chariot},
    {NULL, "--interface", "NAME", "the network interface over which PEs of several hosts reach each other",
     set_interface},
    {NULL, "--advertise", "HOST=ADDR",
     "the address under which PEs on a host are reached, where it is another; several with commas between",
     set_advertise},
    {NULL, "--ports", "LOW-HIGH", "ports on which PEs of several hosts listen, for firewalls", set_ports},
    {NULL, "--env", "NAME[=VAL]", "set this variable for PEs on other hosts too; may be repeated", add_environment},
    {NULL, "--launcher", "NAME",
     "what starts the PEs: local; ssh, the default with --hosts; slurm, inside an allocation", set_launcher},
    {NULL, "--ready-file", "FILE", "make this file when all PEs take part in the job; it goes when the job ends",
     set_ready_file},
    {NULL, "--member", "R/M",
     "this is member R (from 0) of the M that some engine has started with the same command; 'any' for R with etcd",
     set_member},
    {NULL, "--head", "HOST:PORT", "where member 0 listens for the others", set_head},
    {NULL, "--secret-file", "FILE", "32 random bytes or more, which all members have and nobody else", set_secret_file},
    {NULL, "--tls-dir", "DIR", "certificates in its place: ca.crt, tls.crt, tls.key", set_tls_dir},
    {NULL, "--job", "NAME", "which job, where members of several have the same secret", set_job},
    {NULL, "--rendezvous", "KIND",
     "how members find each other, if not as their engine would have it; etcd://HOST:PORT[,HOST:PORT...]/JOB: in an "
     "etcd",
     set_rendezvous},
    {NULL, "--members-timeout", "S", "give up when not all members have come within S seconds; 300 unless said",
     set_members_timeout},
    {NULL, "--serve", "ADDRESS",
     "PE 0 serves foreign programs over gRPC from the start: 127.0.0.1:PORT (0: one that is free), HOST:PORT with a "
     "certificate, unix:/path",
     set_serve_address},
    {NULL, "--serve-clients", "FILE", "who may call what: a line for each client with its token and its scopes",
     set_serve_clients},
    {NULL, "--serve-certificate", "FILE", "the service's certificate (PEM): it speaks TLS", set_serve_certificate},
    {NULL, "--serve-key", "FILE", "the certificate's private key (PEM)", set_serve_key},
    {NULL, "--serve-authority", "FILE", "clients must show a certificate of this authority (PEM)", set_serve_authority},
    {NULL, "--serve-anyone", NULL, "whoever reaches it may call", set_serve_anyone},
    {NULL, "--serve-traces", NULL, "clients see tracebacks of exceptions", set_serve_traces},
    {NULL, "--serve-max-message-bytes", "N", "most bytes of one client's request; 16 MiB unless said",
     set_serve_max_message_bytes},
    {NULL, "--serve-max-calls", "N", "most calls of one client at a time", set_serve_max_calls},
    {NULL, "--serve-max-rate", "N", "most calls of one client per second", set_serve_max_rate},
    {"-h", "--help", NULL, "print this text", set_help},
};
/* The old launch line, typed here: `-p 4`, `-np 4`. */
static const char *guess(const char *word) {
    return strncmp(word, "-np", 3) == 0 || strncmp(word, "-p", 2) == 0 ? "-n" : NULL;
}

static const struct deploy_words WORDS = {
    .items = OPTIONS, .count = sizeof OPTIONS / sizeof OPTIONS[0], .help = "chariot help run", .guess = guess};

int deploy_options_parse(struct deploy_options *options, char **argv, struct deploy_reason *reason) {
    char **words = argv;
    int err = deploy_words_take(&WORDS, options, &words, reason);
    if (err != 0) return err;
    if (options->lb_record_period > 0 && options->lb_record == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--lb-record-period is of use with --lb-record FILE" HINT);
    if (options->serve.first != NULL && options->serve.address == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s is of use with --serve ADDRESS" HINT,
                                 options->serve.first);
    options->program = words;
    if (*words != NULL && strcmp(*words, "-m") == 0 && words[1] == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "-m needs the name of a module" HINT);
    if (*words == NULL && !options->help && !options->interactive)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "no program given; usage: chariot run [-n N] [options] prog.py [arguments]");
    return 0;
}

void deploy_options_help(FILE *out) {
    fputs("  -m MODULE                    a Python module in place of prog.py; what follows are its arguments\n", out);
    deploy_words_help(&WORDS, out);
}
