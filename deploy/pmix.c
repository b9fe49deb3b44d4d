/* deploy/pmix.c: rendezvous under mpirun, and whatever else offers PMIx: the head puts its address and a random key
 * into the engine's key space, all others get them. Who may read there is the engine's affair (its servers let in this
 * user only); with --secret-file or --tls-dir it is the address alone that goes there.
 *
 * PMIx is spoken by the program chariot-pmix beside this one (deploy/pmix/main.c), line by line over a socket pair; it
 * dies with us. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deploy/program.h"
#include "deploy/rendezvous.h"
#include "deploy/tls.h"
#include "rpc/error.h"

enum { LINE_BYTES = 1024, HOST_BYTES = 300, HEX_BYTES = 2 * DEPLOY_TLS_KEY_BYTES };
static const char PROGRAM[] = "chariot-pmix";

struct pmix {
    struct ev_loop *loop;
    const struct deploy_membership *self;
    const struct deploy_rendezvous_handler *handler;
    pid_t pid;
    int fd; /* -1: closed */
    ev_io readable;
    char line[LINE_BYTES]; /* comes */
    size_t size;
    uint8_t key[DEPLOY_TLS_KEY_BYTES];
    bool has_key;
};

/* ---------------------------------------------------------------- what it says */

static void lose(struct pmix *pmix, const char *text) {
    struct deploy_reason reason;
    ev_io_stop(pmix->loop, &pmix->readable);
    deploy_reason_set(&reason, DEPLOY_STATUS_PES, "PMIx, by which members of %s find each other: %.200s",
                      pmix->self->engine, text);
    if (pmix->handler->on_lost != NULL) pmix->handler->on_lost(pmix->handler->context, &reason);
}

static bool key_from_hex(const char *hex, uint8_t *key) {
    if (strlen(hex) != HEX_BYTES || strspn(hex, "0123456789abcdef") != HEX_BYTES) return false;
    for (size_t i = 0; i < DEPLOY_TLS_KEY_BYTES; i++) {
        const char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        key[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return true;
}

/* "HOST:PORT", and the key behind it unless all have a secret already. */
static void on_head(struct pmix *pmix, char *text) {
    char *key = strchr(text, ' ');
    if (key != NULL) *key++ = '\0';
    pmix->has_key = key != NULL && key_from_hex(key, pmix->key);
    if (key != NULL && !pmix->has_key)
        lose(pmix, "what member 0 has put there makes no sense");
    else if (pmix->handler->on_head != NULL)
        pmix->handler->on_head(pmix->handler->context, text);
}

static void on_line(struct pmix *pmix, char *line) {
    unsigned member, members;
    if (strncmp(line, "head ", 5) == 0)
        on_head(pmix, line + 5);
    else if (strncmp(line, "error ", 6) == 0)
        lose(pmix, line + 6);
    else if (sscanf(line, "member %u %u", &member, &members) == 2 &&
             (member != pmix->self->member || members != pmix->self->members))
        lose(pmix, "it gives this member another number than the environment");
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct pmix *pmix = watcher->data;
    (void)loop, (void)events;
    ssize_t got = read(pmix->fd, pmix->line + pmix->size, sizeof pmix->line - 1 - pmix->size);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose(pmix, "chariot-pmix has ended");
        return;
    }
    pmix->size += (size_t)got;
    pmix->line[pmix->size] = '\0';
    for (char *end; (end = strchr(pmix->line, '\n')) != NULL && ev_is_active(watcher);) {
        *end = '\0';
        on_line(pmix, pmix->line);
        pmix->size -= (size_t)(end + 1 - pmix->line);
        memmove(pmix->line, end + 1, pmix->size + 1);
    }
}

/* ---------------------------------------------------------------- where the head is */

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* This host's name, where others could come here by it. */
static bool name_leads_here(const char *name) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(name, NULL, &hints, &found) != 0) return false;
    bool good = !is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return good;
}

static bool first_address(char *host, size_t size) {
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) != 0) return false;
    for (struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET || is_loopback(one->ifa_addr)) continue;
        found =
            getnameinfo(one->ifa_addr, sizeof(struct sockaddr_in), host, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
    }
    freeifaddrs(all);
    return found;
}

/* By what others come here: as told, by this host's name, or by its first address; all on one host need none. */
static void find_host(const struct deploy_membership *self, char *host, size_t size) {
    const char *told = getenv("CHARIOT_ADVERTISE"), *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    bool alone = local != NULL && strtoul(local, NULL, 10) == self->members;
    snprintf(host, size, "127.0.0.1");
    if (told != NULL && told[0] != '\0')
        snprintf(host, size, strchr(told, ':') != NULL ? "[%s]" : "%s", told);
    else if (!alone && name_leads_here(self->host))
        snprintf(host, size, "%s", self->host);
    else if (!alone)
        (void)first_address(host, size);
}

static void key_to_hex(const uint8_t *key, char *hex) {
    for (size_t i = 0; i < DEPLOY_TLS_KEY_BYTES; i++) snprintf(hex + 2 * i, 3, "%02x", key[i]);
}

static bool has_own_secret(const struct pmix *pmix) {
    return pmix->self->secret_file != NULL || pmix->self->tls_dir != NULL;
}

static int pmix_announce(void *state, uint16_t port, struct deploy_reason *reason) {
    struct pmix *pmix = state;
    char host[HOST_BYTES], hex[HEX_BYTES + 1] = "", line[LINE_BYTES];
    find_host(pmix->self, host, sizeof host);
    if (pmix->has_key) key_to_hex(pmix->key, hex);
    int size = snprintf(line, sizeof line, "put %s:%u%s%s\n", host, port, pmix->has_key ? " " : "", hex);
    bool put = send(pmix->fd, line, (size_t)size, MSG_NOSIGNAL) == size;
    deploy_tls_forget(line, sizeof line);
    deploy_tls_forget(hex, sizeof hex);
    if (put) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s cannot be told where the head is: %s", PROGRAM,
                             strerror(errno));
}

/* ---------------------------------------------------------------- the program */

static _Noreturn void child_main(const char *path, int fd, pid_t parent) {
    sigset_t none;
    char *words[] = {(char *)(uintptr_t)PROGRAM, NULL};
    setpgid(0, 0); /* Ctrl-C is the launcher's affair */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(DEPLOY_STATUS_OS);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    execv(path, words);
    dprintf(STDOUT_FILENO, "error there is no %s: %s\n", path, strerror(errno));
    _exit(DEPLOY_STATUS_NOT_FOUND);
}

static int start_program(struct pmix *pmix, struct deploy_reason *reason) {
    char path[PATH_MAX];
    int pair[2];
    pid_t parent = getpid();
    if (!deploy_program_beside(PROGRAM, path, sizeof path) || access(path, X_OK) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_NOT_FOUND,
                                 "members of %s find each other by %s, which is not here (it is built where PMIx is), "
                                 "or by --head HOST:PORT and --secret-file FILE",
                                 pmix->self->engine, PROGRAM);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
        pmix->fd = pair[0];
        pmix->pid = fork();
        if (pmix->pid == 0) child_main(path, pair[1], parent);
        close(pair[1]);
    }
    if (pmix->pid <= 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start %s: %s", PROGRAM, strerror(errno));
    (void)fcntl(pmix->fd, F_SETFL, O_NONBLOCK);
    ev_io_init(&pmix->readable, on_readable, pmix->fd, EV_READ);
    pmix->readable.data = pmix;
    ev_io_start(pmix->loop, &pmix->readable);
    return 0;
}

/* It says goodbye to the engine first; one that waits for members that will not come is ended. */
static void end_program(struct pmix *pmix) {
    if (pmix->fd >= 0) close(pmix->fd);
    if (pmix->pid <= 0) return;
    for (int i = 0; i < 100; i++) {
        if (waitpid(pmix->pid, NULL, WNOHANG) != 0) return; /* ended, or reaped with PEs already */
        usleep(10000);
    }
    kill(pmix->pid, SIGKILL);
    while (waitpid(pmix->pid, NULL, 0) < 0 && errno == EINTR) continue;
}

/* ---------------------------------------------------------------- the operations */

static void pmix_close(void *state) {
    struct pmix *pmix = state;
    ev_io_stop(pmix->loop, &pmix->readable);
    end_program(pmix);
    deploy_tls_forget(pmix, sizeof *pmix);
    free(pmix);
}

static int pmix_open(struct ev_loop *loop, const struct deploy_membership *self,
                     const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason) {
    struct pmix *pmix = calloc(1, sizeof *pmix);
    if (pmix == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    *pmix = (struct pmix){.loop = loop, .self = self, .handler = handler, .fd = -1};
    ev_init(&pmix->readable, on_readable);
    bool makes_key = self->member == 0 && !has_own_secret(pmix);
    pmix->has_key = makes_key && getrandom(pmix->key, sizeof pmix->key, 0) == (ssize_t)sizeof pmix->key;
    int rc = makes_key && !pmix->has_key ? deploy_reason_set(reason, DEPLOY_STATUS_OS, "no random numbers to be had")
                                         : start_program(pmix, reason);
    if (rc != 0)
        pmix_close(pmix);
    else
        *state = pmix;
    return rc;
}

static const uint8_t *pmix_key(void *state) {
    struct pmix *pmix = state;
    return pmix->has_key ? pmix->key : NULL;
}

const struct deploy_rendezvous_ops deploy_pmix_rendezvous = {
    .name = "pmix",
    .open = pmix_open,
    .announce = pmix_announce,
    .key = pmix_key,
    .close = pmix_close,
};
