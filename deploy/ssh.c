/* deploy/ssh.c: hosts that are reached by a command each, ssh as a rule, which runs `chariot agent` there (agent.h).
 *
 * Nothing secret is on its command line: all goes through its standard input and output, which is the stream. What it
 * prints on its standard error is kept, to be told where it ends before its time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/child.h"
#include "deploy/reach.h"
#include "rpc/error.h"

enum { SAID_BYTES = 600 };

struct ssh_host {
    struct ssh *ssh;
    const char *name;
    struct deploy_relay relay;
    struct deploy_child child;
    ev_io said_readable;
    int said_fd; /* its standard error; -1: none */
    char said[SAID_BYTES];
};

struct ssh {
    const struct deploy_launch *launch;
    struct ssh_host *hosts;
};

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

/* ---------------------------------------------------------------- its end */

static void ssh_explain(void *state, size_t number, enum deploy_relay_end how, struct deploy_reason *reason) {
    struct ssh *ssh = state;
    struct ssh_host *host = &ssh->hosts[number];
    int status = how == DEPLOY_RELAY_CLOSED ? deploy_child_wait(&host->child, 0.5) : 0;
    (void)read_said(host);
    const char *said = host->said[0] == '\0' ? "" : ": ";
    if (how == DEPLOY_RELAY_SILENT)
        deploy_reason_set(reason, DEPLOY_STATUS_PES, "host %s has not been heard of for %.0f seconds%s%s", host->name,
                          host->relay.patience_s, said, host->said);
    else if (how == DEPLOY_RELAY_GARBAGE)
        deploy_reason_set(reason, DEPLOY_STATUS_PES,
                          "what comes from host %s is not from its agent; does its shell print when it starts?",
                          host->name);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND,
                          "there is no %s on host %s (--remote-chariot says where it is)%s%s",
                          ssh->launch->remote->chariot, host->name, said, host->said);
    else
        deploy_reason_set(reason, DEPLOY_STATUS_PES, "the connection to host %s ended (%s, status %d)%s%s", host->name,
                          ssh->launch->remote->shell, WIFEXITED(status) ? WEXITSTATUS(status) : -1, said, host->said);
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

/* The shell there says a first AgentAlive: from then on an agent that says nothing is no matter of logging in. */
static const char IS_IN[] = "printf '\\002\\000\\000\\000\\112\\000'";

/* The words of the shell, the host, and one command line for its shell. */
static int start(struct ssh_host *host, int said, int *stream) {
    const struct deploy_launch *launch = host->ssh->launch;
    char shell[1024], chariot[1024], inside[1200], command[2400] = "exec sh -c ", *words[24], *rest;
    size_t count = 0;
    snprintf(shell, sizeof shell, "%s", launch->remote->shell);
    for (char *word = strtok_r(shell, " ", &rest); word != NULL && count < 20; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    quote(chariot, sizeof chariot, launch->remote->chariot);
    snprintf(inside, sizeof inside, "[ ! -r ~/.charmrunrc ] || . ~/.charmrunrc; %s; exec %s agent", IS_IN, chariot);
    quote(command + strlen(command), sizeof command - strlen(command), inside);
    words[count++] = (char *)(uintptr_t)host->name;
    char *const line[] = {command, NULL}, *const plain[] = {"sh", "-c", inside, NULL};
    for (char *const *word = launch->remote->takes_words ? plain : line; *word != NULL; word++) words[count++] = *word;
    words[count] = NULL;
    return deploy_child_start(&host->child, launch, words, said, stream);
}

static int ssh_reach(void *state, size_t number, const struct deploy_relay_handler *handler,
                     struct deploy_relay **relay, struct deploy_reason *reason) {
    struct ssh *ssh = state;
    struct ssh_host *host = &ssh->hosts[number];
    const struct deploy_launch *launch = ssh->launch;
    int said[2], fd;
    int rc = pipe2(said, O_CLOEXEC) != 0 ? CHARIOT_EIO : start(host, said[1], &fd);
    if (rc != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start %s: %s", launch->remote->shell,
                                 strerror(errno));
    close(said[1]);
    host->said_fd = said[0];
    (void)fcntl(host->said_fd, F_SETFL, O_NONBLOCK);
    ev_io_init(&host->said_readable, on_said, host->said_fd, EV_READ);
    host->said_readable.data = host;
    ev_io_start(launch->loop, &host->said_readable);
    struct deploy_stream stream = deploy_stream_plain(fd, fd);
    deploy_relay_open(&host->relay, launch->loop, &stream, DEPLOY_REACH_FIRST_WORD_S, handler);
    *relay = &host->relay;
    return 0;
}

/* ---------------------------------------------------------------- the operations */

static int ssh_open(const struct deploy_launch *launch, void **state, struct deploy_reason *reason) {
    size_t count = launch->remote->hosts.count;
    struct ssh *ssh = calloc(1, sizeof *ssh);
    struct ssh_host *hosts = calloc(count, sizeof *hosts);
    if (ssh == NULL || hosts == NULL) {
        free(ssh);
        free(hosts);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    }
    *ssh = (struct ssh){.launch = launch, .hosts = hosts};
    for (size_t i = 0; i < count; i++)
        hosts[i] = (struct ssh_host){.ssh = ssh, .name = launch->remote->hosts.items[i].name, .said_fd = -1};
    *state = ssh;
    return 0;
}

/* An agent leaves when its stream ends; an ssh that does not leave then is ended. */
static void ssh_leave(void *state, size_t number, double seconds) {
    struct ssh *ssh = state;
    struct ssh_host *host = &ssh->hosts[number];
    (void)deploy_child_wait(&host->child, seconds);
    if (host->said_fd < 0) return;
    ev_io_stop(ssh->launch->loop, &host->said_readable);
    close(host->said_fd);
    host->said_fd = -1;
}

static void ssh_close(void *state) {
    struct ssh *ssh = state;
    free(ssh->hosts);
    free(ssh);
}

const struct deploy_reach_ops deploy_ssh_reach = {
    .name = "ssh",
    .open = ssh_open,
    .reach = ssh_reach,
    .explain = ssh_explain,
    .leave = ssh_leave,
    .close = ssh_close,
};
