/* deploy/munge.c: rendezvous under Slurm, where every host has a munge daemon of the same key.
 *
 * The head makes a random key and has it sealed for its own user by the command `munge`; whoever dials in gets that
 * text in clear. A member has it opened by `unmunge`, which does so for that user alone, and looks who sealed it: a
 * stranger who sits at the head's port could seal a key for us too. TLS by that key then shows both ends that the other
 * could open it, so an old text played back gives nothing away. One text serves all, though unmunge calls its second
 * use on a host a replay (status 17), and one after five minutes expired (15). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/rendezvous.h"
#include "deploy/slurm.h"
#include "deploy/tls.h"
#include "rpc/error.h"

enum { HEX_BYTES = 2 * DEPLOY_TLS_KEY_BYTES, EXPIRED = 15, REWOUND = 16, REPLAYED = 17, WAIT_MS = 10000 };

struct munge {
    struct ev_loop *loop;
    const struct deploy_membership *self;
    const struct deploy_rendezvous_handler *handler;
    ev_timer soon;
    uint8_t key[DEPLOY_TLS_KEY_BYTES];
    bool has_key;
    char head[300]; /* an address where its name is Slurm's alone */
    char sealed[DEPLOY_GREETING_MAX + 1];
};

/* ---------------------------------------------------------------- its commands */

static _Noreturn void command_main(char *const *words, int in, int out) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(in, 0);
    dup2(out, 1);
    execvp(words[0], words);
    _exit(DEPLOY_STATUS_NOT_FOUND);
}

/* What comes until its end, or for ten seconds without anything. */
static size_t read_all(int fd, char *text, size_t size) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t filled = 0;
    while (filled + 1 < size && poll(&wait, 1, WAIT_MS) > 0) {
        ssize_t got = read(fd, text + filled, size - filled - 1);
        if (got <= 0) break;
        filled += (size_t)got;
    }
    text[filled] = '\0';
    return filled;
}

/* Gives the command `input`, which fits into a pipe, and takes what it prints. Its status; -1: it did not end itself.
 */
static int run_command(char *const *words, const char *input, char *output, size_t size) {
    int in[2] = {-1, -1}, out[2] = {-1, -1}, status = -1;
    pid_t pid = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 ? fork() : -1;
    if (pid == 0) command_main(words, in[0], out[1]);
    output[0] = '\0';
    if (pid > 0) {
        close(in[0]);
        close(out[1]);
        in[0] = out[1] = -1;
        bool fed = write(in[1], input, strlen(input)) == (ssize_t)strlen(input);
        close(in[1]);
        in[1] = -1;
        if (!fed || read_all(out[0], output, size) == 0) kill(pid, SIGTERM);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    for (int i = 0; i < 2; i++) {
        if (in[i] >= 0) close(in[i]);
        if (out[i] >= 0) close(out[i]);
    }
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Where the daemon listens, if not where munge was built to look. */
static void add_socket(char *words[], size_t *count) {
    char *socket = getenv("CHARIOT_MUNGE_SOCKET");
    if (socket == NULL) return;
    words[(*count)++] = "--socket";
    words[(*count)++] = socket;
}

static int refuse(struct deploy_reason *reason, const char *command, int status) {
    return deploy_reason_set(reason, DEPLOY_STATUS_OS,
                             "%s failed (status %d); members of a Slurm step find each other by munge, or by "
                             "--head HOST:PORT and --secret-file FILE",
                             command, status);
}

/* ---------------------------------------------------------------- sealing */

static void to_hex(const uint8_t *bytes, char *hex) {
    for (size_t i = 0; i < DEPLOY_TLS_KEY_BYTES; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static bool from_hex(const char *hex, uint8_t *bytes) {
    for (size_t i = 0; i < DEPLOY_TLS_KEY_BYTES; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'}, *end;
        bytes[i] = (uint8_t)strtoul(two, &end, 16);
        if (end != two + 2 || two[0] == '-' || two[0] == '+' || two[0] == ' ') return false;
    }
    return true;
}

static int seal(struct munge *munge, struct deploy_reason *reason) {
    char uid[16], hex[HEX_BYTES + 1], *words[8] = {"munge", "--restrict-uid", uid};
    size_t count = 3;
    if (getrandom(munge->key, sizeof munge->key, 0) != (ssize_t)sizeof munge->key)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "no random numbers to be had");
    munge->has_key = true;
    snprintf(uid, sizeof uid, "%u", (unsigned)geteuid());
    add_socket(words, &count);
    to_hex(munge->key, hex);
    int status = run_command(words, hex, munge->sealed, sizeof munge->sealed);
    deploy_tls_forget(hex, sizeof hex);
    return status == 0 ? 0 : refuse(reason, "munge", status);
}

/* "UID: N", a blank line, and the payload. */
static int munge_unseal(void *state, const char *greeting, struct deploy_reason *reason) {
    struct munge *munge = state;
    char text[1024], *words[8] = {"unmunge", "-N", "-k", "UID"};
    unsigned uid = 0;
    size_t count = 4;
    add_socket(words, &count);
    int status = run_command(words, greeting, text, sizeof text);
    if (status != 0 && status != EXPIRED && status != REWOUND && status != REPLAYED)
        return refuse(reason, "unmunge", status);
    const char *payload = strstr(text, "\n\n");
    bool known = sscanf(text, "UID: %u", &uid) == 1 && uid == (unsigned)geteuid();
    munge->has_key = known && payload != NULL && strlen(payload + 2) == HEX_BYTES && from_hex(payload + 2, munge->key);
    deploy_tls_forget(text, sizeof text);
    if (munge->has_key) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_PES,
                             "who listens at %s is not this job's head: its key was sealed by %s", munge->self->head,
                             known ? "nobody of ours" : "another user");
}

/* ---------------------------------------------------------------- the operations */

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events) {
    struct munge *munge = timer->data;
    (void)loop, (void)events;
    if (munge->handler->on_head != NULL) munge->handler->on_head(munge->handler->context, munge->head);
}

static void munge_close(void *state) {
    struct munge *munge = state;
    ev_timer_stop(munge->loop, &munge->soon);
    deploy_tls_forget(munge, sizeof *munge);
    free(munge);
}

static int munge_open(struct ev_loop *loop, const struct deploy_membership *self,
                      const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason) {
    if (self->head[0] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "where is member 0? --head HOST:PORT, or CHARIOT_HEAD");
    struct munge *munge = calloc(1, sizeof *munge);
    if (munge == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    *munge = (struct munge){.loop = loop, .self = self, .handler = handler};
    ev_timer_init(&munge->soon, on_soon, 0., 0.);
    munge->soon.data = munge;
    int rc = self->member == 0 ? seal(munge, reason) : 0;
    if (rc != 0) {
        munge_close(munge);
        return rc;
    }
    snprintf(munge->head, sizeof munge->head, "%s", self->head);
    if (self->member != 0) {
        deploy_slurm_find_address(munge->head, sizeof munge->head);
        ev_timer_start(loop, &munge->soon);
    }
    *state = munge;
    return 0;
}

static const uint8_t *munge_key(void *state) {
    struct munge *munge = state;
    return munge->has_key ? munge->key : NULL;
}

static const char *munge_greeting(void *state) {
    struct munge *munge = state;
    return munge->sealed;
}

const struct deploy_rendezvous_ops deploy_munge_rendezvous = {
    .name = "munge",
    .open = munge_open,
    .key = munge_key,
    .greeting = munge_greeting,
    .unseal = munge_unseal,
    .close = munge_close,
};
