/* deploy/ssh.c: the launcher of several hosts: one ssh to each, which runs `chariot agent` there (agent.h).
 *
 * start:  ssh to the host, where it is not there yet -> OPEN, START -> a socket pair and two pipes stand here for the
 *         PE's streams there.
 * end:    EXITED -> on_exit, while what it wrote may still come. An ssh that ends before, or falls silent, has lost its
 * host: the job ends with what ssh said, and its PEs count as killed.
 *
 * Nothing secret is on ssh's command line: tickets go the same way as everything, through its standard input. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/bridge.h"
#include "deploy/launcher.h"
#include "deploy/rundir.h"
#include "rpc/error.h"

enum { NUM_STREAMS = 3, CONTROL = 0, SAID_BYTES = 600 };
#define FIRST_WORD_S 60.0 /* ssh may have to ask name servers and authentication agents */

struct ssh;

struct ssh_pe {
    struct deploy_bridge bridges[NUM_STREAMS];
    long pid; /* there; 0: not heard of yet */
    bool started, gone;
};

struct ssh_host {
    struct ssh *ssh;
    const struct deploy_host *host;
    struct deploy_relay relay;
    struct deploy_relay_handler handler;
    pid_t pid; /* of ssh; 0: not started */
    ev_io said_readable;
    int said_fd; /* ssh's standard error; -1: closed */
    char said[SAID_BYTES];
    char run_dir[DEPLOY_RUNDIR_MAX + 1];
    bool lost;
};

struct ssh {
    const struct deploy_launch *launch;
    struct ssh_host *hosts;
    struct ssh_pe *pes;
};

static struct ssh_host *host_of(struct ssh *ssh, uint32_t pe) {
    return &ssh->hosts[deploy_hosts_of(&ssh->launch->remote->hosts, pe)];
}

/* ---------------------------------------------------------------- what becomes of PEs */

static void gone(struct ssh *ssh, uint32_t pe, bool by_signal, int code) {
    struct ssh_pe *one = &ssh->pes[pe];
    const struct deploy_exit how = {.by_signal = by_signal, .code = code};
    if (one->gone) return;
    one->gone = true;
    deploy_bridge_end(&one->bridges[CONTROL]); /* whatever the reader of its output does */
    ssh->launch->on_exit(ssh->launch->context, pe, &how);
}

static void end_ssh(struct ssh_host *host) {
    if (host->pid == 0) return;
    kill(-host->pid, SIGKILL);
    while (waitpid(host->pid, NULL, 0) < 0 && errno == EINTR) continue;
    deploy_guard_remove(host->ssh->launch->guard, host->pid);
    host->pid = 0;
}

/* Its connection is gone, or of no use: so are its PEs. */
static void lose(struct ssh_host *host, const struct deploy_reason *reason) {
    struct ssh *ssh = host->ssh;
    if (host->lost) return;
    host->lost = true;
    deploy_relay_close(&host->relay);
    ssh->launch->on_failed(ssh->launch->context, reason);
    for (uint32_t pe = host->host->first_pe; pe < host->host->first_pe + host->host->num_pes; pe++) {
        if (!ssh->pes[pe].started) continue;
        gone(ssh, pe, true, SIGKILL);
        for (int i = 0; i < NUM_STREAMS; i++) deploy_bridge_end(&ssh->pes[pe].bridges[i]); /* nothing more comes */
    }
}

/* ---------------------------------------------------------------- what ssh says */

/* The last of it is kept, in one line. */
static void keep(struct ssh_host *host, const char *bytes, size_t size) {
    size_t held = strlen(host->said), most = SAID_BYTES - 1;
    if (held + size > most) {
        size_t drop = held + size - most;
        memmove(host->said, host->said + drop, held - drop);
        held -= drop;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        host->said[held + i] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    for (held += size; held > 0 && host->said[held - 1] == ' ';) held--;
    host->said[held] = '\0';
}

/* False: it is closed. */
static bool read_said(struct ssh_host *host) {
    char bytes[SAID_BYTES / 2];
    for (;;) {
        ssize_t got = read(host->said_fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 && errno == EAGAIN;
        keep(host, bytes, (size_t)got);
    }
}

static void on_said(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    if (!read_said(watcher->data)) ev_io_stop(loop, watcher);
}

/* ssh closes our streams when it ends, or is about to. Gives its status. */
static int wait_for_end(struct ssh_host *host, double seconds) {
    const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
    int status = 0;
    pid_t ended = host->pid == 0 ? -1 : 0;
    for (double waited = 0; ended == 0 && waited < seconds; waited += 0.005) {
        ended = waitpid(host->pid, &status, WNOHANG);
        if (ended == 0) nanosleep(&nap, NULL);
    }
    if (ended > 0) {
        deploy_guard_remove(host->ssh->launch->guard, host->pid);
        host->pid = 0;
    }
    end_ssh(host);
    return status;
}

static void on_end(void *context, enum deploy_relay_end how) {
    struct ssh_host *host = context;
    struct deploy_reason reason;
    const char *name = host->host->name;
    int status = how == DEPLOY_RELAY_CLOSED ? wait_for_end(host, 0.5) : 0;
    (void)read_said(host);
    const char *said = host->said[0] == '\0' ? "" : ": ";
    if (how == DEPLOY_RELAY_SILENT)
        deploy_reason_set(&reason, DEPLOY_STATUS_PES, "host %s has not been heard of for %.0f seconds%s%s", name,
                          host->relay.patience_s, said, host->said);
    else if (how == DEPLOY_RELAY_GARBAGE)
        deploy_reason_set(&reason, DEPLOY_STATUS_PES,
                          "what comes from host %s is not from its agent; does its shell print when it starts?", name);
    else if (how == DEPLOY_RELAY_NO_MEMORY)
        deploy_reason_set(&reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        deploy_reason_set(&reason, DEPLOY_STATUS_NOT_FOUND,
                          "there is no %s on host %s (--remote-chariot says where it is)%s%s",
                          host->ssh->launch->remote->chariot, name, said, host->said);
    else
        deploy_reason_set(&reason, DEPLOY_STATUS_PES, "the connection to host %s ended (%s, status %d)%s%s", name,
                          host->ssh->launch->remote->shell, WIFEXITED(status) ? WEXITSTATUS(status) : -1, said,
                          host->said);
    lose(host, &reason);
}

/* ---------------------------------------------------------------- what the agent says */

static struct ssh_pe *pe_of(const struct ssh_host *host, uint32_t pe) {
    bool here = pe >= host->host->first_pe && pe - host->host->first_pe < host->host->num_pes;
    return here && host->ssh->pes[pe].started ? &host->ssh->pes[pe] : NULL;
}

static struct deploy_bridge *bridge_of(const struct ssh_host *host, uint32_t pe, uint32_t stream) {
    struct ssh_pe *one = pe_of(host, pe);
    return one == NULL || stream >= NUM_STREAMS ? NULL : &one->bridges[stream];
}

static bool hear(struct ssh_host *host, const Chariot__V1__AgentMessage *message) {
    struct deploy_bridge *bridge;
    struct deploy_reason reason;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_STARTED:
        if (pe_of(host, message->started->pe) == NULL) return false;
        pe_of(host, message->started->pe)->pid = message->started->pid;
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_DATA:
        bridge = bridge_of(host, message->data->pe, message->data->stream);
        return bridge != NULL && deploy_bridge_on_data(bridge, message->data);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_TAKEN:
        bridge = bridge_of(host, message->taken->pe, message->taken->stream);
        return bridge != NULL && deploy_bridge_on_taken(bridge, message->taken->bytes);
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_EXITED:
        if (pe_of(host, message->exited->pe) == NULL) return false;
        gone(host->ssh, message->exited->pe, message->exited->by_signal, message->exited->code);
        return true;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_FAILED:
        deploy_reason_set(&reason,
                          message->failed->status > 0 && message->failed->status < 256 ? (int)message->failed->status
                                                                                       : DEPLOY_STATUS_PES,
                          "host %s: %s", host->host->name, message->failed->text);
        lose(host, &reason);
        return true;
    default:
        return false;
    }
}

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct ssh_host *host = context;
    struct deploy_reason reason;
    if (host->lost || hear(host, message)) return;
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "the agent on host %s said what makes no sense", host->host->name);
    lose(host, &reason);
}

/* ---------------------------------------------------------------- ssh itself */

/* One word for the shell there. */
static void quote(char *out, size_t size, const char *word) {
    size_t at = 0;
    if (size > 3) out[at++] = '\'';
    for (; *word != '\0' && at + 6 < size; word++) {
        if (*word == '\'') {
            memcpy(out + at, "'\\''", 4);
            at += 4;
        } else {
            out[at++] = *word;
        }
    }
    out[at++] = '\'';
    out[at] = '\0';
}

static _Noreturn void child_main(struct ssh_host *host, pid_t parent, const int *fds) {
    const struct deploy_launch *launch = host->ssh->launch;
    char shell[1024], chariot[1024], inside[1200], command[2400] = "exec sh -c ", *words[24], *rest;
    size_t count = 0;
    setpgid(0, 0); /* Ctrl-C is the launcher's affair */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(DEPLOY_STATUS_OS);
    deploy_guard_add(launch->guard, getpid(), getpid());
    for (int i = 0; i < 3; i++) dup2(fds[i], i);
    sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL);
    signal(SIGPIPE, SIG_DFL);
    snprintf(shell, sizeof shell, "%s", launch->remote->shell);
    for (char *word = strtok_r(shell, " ", &rest); word != NULL && count < 20; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    quote(chariot, sizeof chariot, launch->remote->chariot);
    snprintf(inside, sizeof inside, "[ ! -r ~/.charmrunrc ] || . ~/.charmrunrc; exec %s agent", chariot);
    quote(command + strlen(command), sizeof command - strlen(command), inside);
    words[count++] = host->host->name;
    words[count++] = command;
    words[count] = NULL;
    execvp(words[0], words);
    dprintf(2, "cannot execute '%s': %s", words[0], strerror(errno));
    _exit(DEPLOY_STATUS_CANNOT_RUN);
}

static int make_pairs(int ours[2], int theirs[2]) {
    int pair[2];
    for (int i = 0; i < 2; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            while (i-- > 0) close(ours[i]), close(theirs[i]);
            return CHARIOT_EIO;
        }
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    return 0;
}

static void say_open(struct ssh_host *host) {
    const struct deploy_launch *launch = host->ssh->launch;
    char version[] = CHARIOT_VERSION;
    Chariot__V1__AgentOpen open = CHARIOT__V1__AGENT_OPEN__INIT;
    size_t words = 0, environment = 0;
    while (launch->argv[words] != NULL) words++;
    while (launch->remote->environment[environment] != NULL) environment++;
    open.version = version;
    open.num_pes = launch->num_pes;
    open.path = (char *)(uintptr_t)launch->path;
    open.n_words = words;
    open.words = (char **)(uintptr_t)launch->argv;
    open.n_environment = environment;
    open.environment = (char **)(uintptr_t)launch->remote->environment;
    open.directory = (char *)(uintptr_t)launch->remote->directory;
    open.run_dir = host->run_dir;
    deploy_relay_send(&host->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_OPEN, &open);
}

static int start_ssh(struct ssh_host *host, struct deploy_reason *reason) {
    const struct deploy_launch *launch = host->ssh->launch;
    int ours[2], theirs[2];
    pid_t parent = getpid();
    if (host->pid != 0) return 0;
    host->pid = make_pairs(ours, theirs) == 0 ? fork() : -1;
    if (host->pid == 0) child_main(host, parent, (const int[]){theirs[0], theirs[0], theirs[1]});
    if (host->pid < 0) {
        host->pid = 0;
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start %s: %s", launch->remote->shell,
                                 strerror(errno));
    }
    setpgid(host->pid, host->pid);
    close(theirs[0]);
    close(theirs[1]);
    host->said_fd = ours[1];
    (void)fcntl(host->said_fd, F_SETFL, O_NONBLOCK);
    ev_io_init(&host->said_readable, on_said, host->said_fd, EV_READ);
    host->said_readable.data = host;
    ev_io_start(launch->loop, &host->said_readable);
    host->handler = (struct deploy_relay_handler){on_message, on_end, host};
    deploy_relay_open(&host->relay, launch->loop, ours[0], ours[0], FIRST_WORD_S, &host->handler);
    say_open(host);
    return 0;
}

/* ---------------------------------------------------------------- the operations */

/* Ends that the caller gets, and ends that bridges take. */
static int make_streams(int theirs[NUM_STREAMS], int ours[NUM_STREAMS]) {
    int pair[2];
    for (int i = 0; i < NUM_STREAMS; i++) {
        int rc = i == CONTROL ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC);
        if (rc != 0) {
            while (i-- > 0) close(theirs[i]), close(ours[i]);
            return CHARIOT_EIO;
        }
        theirs[i] = pair[0];
        ours[i] = pair[1];
        if (i != CONTROL) (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static int ssh_start(void *state, uint32_t pe, struct deploy_streams *streams, struct deploy_reason *reason) {
    struct ssh *ssh = state;
    struct ssh_host *host = host_of(ssh, pe);
    struct ssh_pe *one = &ssh->pes[pe];
    int theirs[NUM_STREAMS], ours[NUM_STREAMS];
    int rc = start_ssh(host, reason);
    if (rc != 0) return rc;
    if (make_streams(theirs, ours) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start PE %u: %s", pe, strerror(errno));
    for (uint32_t i = 0; i < NUM_STREAMS; i++) {
        deploy_bridge_open(&one->bridges[i], &host->relay, pe, i, ours[i], i == CONTROL);
    }
    deploy_bridge_order(&one->bridges[1], &one->bridges[2], &one->bridges[CONTROL]);
    one->started = true;
    Chariot__V1__AgentStart start = CHARIOT__V1__AGENT_START__INIT;
    start.pe = pe;
    deploy_relay_send(&host->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_START, &start);
    *streams = (struct deploy_streams){.control = theirs[0], .out = theirs[1], .err = theirs[2]};
    return 0;
}

static void ssh_signal(void *state, uint32_t pe, int number, bool from_terminal) {
    struct ssh *ssh = state;
    (void)from_terminal;
    if (!ssh->pes[pe].started || ssh->pes[pe].gone) return;
    Chariot__V1__AgentSignal signal = CHARIOT__V1__AGENT_SIGNAL__INIT;
    signal.pe = pe;
    signal.number = number;
    deploy_relay_send(&host_of(ssh, pe)->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_SIGNAL, &signal);
}

static void ssh_where(void *state, uint32_t pe, struct deploy_place *place) {
    struct ssh *ssh = state;
    struct ssh_host *host = host_of(ssh, pe);
    *place = (struct deploy_place){.pid = ssh->pes[pe].pid, .host = host->host->name, .run_dir = host->run_dir};
}

/* The agents leave when their streams end; an ssh that does not leave then is ended. */
static void close_host(struct ssh_host *host) {
    deploy_relay_flush(&host->relay, 1.0);
    deploy_relay_close(&host->relay);
    (void)wait_for_end(host, 2);
    if (host->said_fd < 0) return;
    ev_io_stop(host->ssh->launch->loop, &host->said_readable);
    close(host->said_fd);
}

static void ssh_close(void *state) {
    struct ssh *ssh = state;
    for (uint32_t pe = 0; pe < ssh->launch->num_pes; pe++) {
        for (int i = 0; i < NUM_STREAMS; i++) deploy_bridge_close(&ssh->pes[pe].bridges[i]);
    }
    for (size_t i = 0; i < ssh->launch->remote->hosts.count; i++) deploy_relay_flush(&ssh->hosts[i].relay, 0.2);
    for (size_t i = 0; i < ssh->launch->remote->hosts.count; i++) close_host(&ssh->hosts[i]);
    free(ssh->hosts);
    free(ssh->pes);
    free(ssh);
}

/* Hosts may share a /tmp, and this one's other places for it may not be there. */
static void name_run_dir(struct ssh_host *host, size_t number) {
    const char *own = strrchr(host->ssh->launch->run_dir, '/');
    snprintf(host->run_dir, sizeof host->run_dir, "/tmp%.30s-%zu", own, number);
}

static int ssh_open(const struct deploy_launch *launch, void **state, struct deploy_reason *reason) {
    struct ssh *ssh = calloc(1, sizeof *ssh);
    struct ssh_host *hosts = calloc(launch->remote->hosts.count, sizeof *hosts);
    struct ssh_pe *pes = calloc(launch->num_pes, sizeof *pes);
    if (ssh == NULL || hosts == NULL || pes == NULL) {
        free(ssh);
        free(hosts);
        free(pes);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    *ssh = (struct ssh){.launch = launch, .hosts = hosts, .pes = pes};
    for (size_t i = 0; i < launch->remote->hosts.count; i++)
        hosts[i] = (struct ssh_host){
            .ssh = ssh, .host = &launch->remote->hosts.items[i], .said_fd = -1, .relay = {.in = -1, .out = -1}};
    for (size_t i = 0; i < launch->remote->hosts.count; i++) name_run_dir(&hosts[i], i);
    for (uint32_t pe = 0; pe < launch->num_pes; pe++) {
        for (int i = 0; i < NUM_STREAMS; i++) pes[pe].bridges[i].fd = -1;
    }
    *state = ssh;
    return 0;
}

const struct deploy_launcher_ops deploy_ssh_ops = {
    .name = "ssh",
    .carries_output = true,
    .open = ssh_open,
    .start = ssh_start,
    .signal = ssh_signal,
    .where = ssh_where,
    .close = ssh_close,
};
