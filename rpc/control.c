/* rpc/control.c: the stream between a PE and its launcher. It is used before the scheduler runs and to say last words.
 */
#include "rpc/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/framed.h"

static const char FD_VARIABLE[] = "CHARIOT_CONTROL_FD";
static const char SHM_FD_VARIABLE[] = "CHARIOT_SHM_FD";

/* A launcher writes the ticket before it starts the program; this only bounds what a foreign descriptor can do. */
enum { TICKET_TIMEOUT_MS = 60000, VERDICT_TEXT_MAX = RPC_CONTROL_MAX_BYTES - 1024 };

int rpc_control_write(int fd, const void *data, size_t size) {
    return size > RPC_CONTROL_MAX_BYTES ? CHARIOT_ETOOBIG : rpc_framed_write(fd, data, size);
}

int rpc_control_read(int fd, int timeout_ms, uint8_t **data, size_t *size) {
    return rpc_framed_read(fd, timeout_ms, RPC_CONTROL_MAX_BYTES, data, size);
}

/* ---------------------------------------------------------------- messages */

static int hear(int fd, int timeout_ms, Chariot__V1__FromLauncher **out) {
    uint8_t *data;
    size_t size;
    int error = rpc_control_read(fd, timeout_ms, &data, &size);
    if (error != 0) return error;
    *out = chariot__v1__from_launcher__unpack(NULL, size, data);
    free(data);
    return *out == NULL ? CHARIOT_EMALFORMED : 0;
}

static int say(int fd, const Chariot__V1__ToLauncher *message) {
    if (fd < 0) return CHARIOT_EGONE;
    size_t size = chariot__v1__to_launcher__get_packed_size(message);
    uint8_t *data = malloc(size);
    if (data == NULL) return CHARIOT_ENOMEM;
    chariot__v1__to_launcher__pack(message, data);
    int error = rpc_control_write(fd, data, size);
    free(data);
    return error;
}

static void ticket_deinit(struct rpc_ticket *ticket) {
    free(ticket->job);
    free(ticket->transport);
    free(ticket->run_dir);
    free(ticket->host);
    if (ticket->serving != NULL) chariot__v1__serving__free_unpacked(ticket->serving, NULL);
    rpc_identity_deinit(&ticket->identity);
    *ticket = (struct rpc_ticket){0};
}

static int ticket_set(struct rpc_ticket *ticket, const char *job, const char *transport, const char *run_dir,
                      const char *host) {
    ticket->job = strdup(job);
    ticket->transport = strdup(transport);
    ticket->run_dir = strdup(run_dir);
    ticket->host = strdup(host);
    if (ticket->job != NULL && ticket->transport != NULL && ticket->run_dir != NULL && ticket->host != NULL) return 0;
    ticket_deinit(ticket);
    return CHARIOT_ENOMEM;
}

static int set_identity(struct rpc_identity *identity, const Chariot__V1__Ticket *from) {
    *identity = (struct rpc_identity){strdup(from->authority), strdup(from->certificate), strdup(from->key)};
    return identity->authority == NULL || identity->certificate == NULL || identity->key == NULL ? CHARIOT_ENOMEM : 0;
}

static bool is_transport(const char *name) {
    static const char *const all[] = {"shm", "unix", "tcp", "tls"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, all[i]) == 0) return true;
    }
    return false;
}

/* PEs of this machine, this one among them. */
static bool is_range(const Chariot__V1__Ticket *from) {
    if (from->local_count == 0) return from->local_first == 0;
    return from->local_first <= from->pe && from->pe - from->local_first < from->local_count &&
           from->local_count <= from->num_pes - from->local_first;
}

/* Takes from->serving. */
static int ticket_read(struct rpc_ticket *ticket, Chariot__V1__Ticket *from) {
    if (from->token.len != sizeof ticket->token || from->num_pes == 0 || from->pe >= from->num_pes)
        return CHARIOT_EMALFORMED;
    if (!is_range(from) || from->epoch < 0 || (from->serving != NULL && from->pe != 0)) return CHARIOT_EMALFORMED;
    bool tls = strcmp(from->transport, "tls") == 0;
    bool whole = from->authority[0] != '\0' && from->certificate[0] != '\0' && from->key[0] != '\0';
    if (!is_transport(from->transport) || (tls && !whole)) return CHARIOT_EMALFORMED;
    int error = ticket_set(ticket, from->job, from->transport, from->run_dir, from->host);
    if (error == 0 && tls) error = set_identity(&ticket->identity, from);
    if (error != 0) return error;
    ticket->pe = from->pe;
    ticket->num_pes = from->num_pes;
    ticket->trace_limit = from->trace_limit;
    ticket->local_first = from->local_first;
    ticket->local_count = from->local_count;
    ticket->silence_ms = from->silence_ms;
    ticket->epoch = from->epoch;
    ticket->serving = from->serving;
    from->serving = NULL;
    memcpy(ticket->token, from->token.data, sizeof ticket->token);
    return 0;
}

static int wait_ticket(struct rpc_control *control) {
    Chariot__V1__FromLauncher *heard;
    int error = hear(control->fd, TICKET_TIMEOUT_MS, &heard);
    if (error != 0) return error;
    error = heard->what_case == CHARIOT__V1__FROM_LAUNCHER__WHAT_TICKET ? ticket_read(&control->ticket, heard->ticket)
                                                                        : CHARIOT_EMALFORMED;
    chariot__v1__from_launcher__free_unpacked(heard, NULL);
    return error;
}

/* A launcher that is gone is noticed later. */
static void say_hello(struct rpc_control *control) {
    Chariot__V1__Hello hello = CHARIOT__V1__HELLO__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_HELLO;
    message.hello = &hello;
    (void)say(control->fd, &message);
}

static int parse_fd(const char *text, int *fd) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > 1 << 30) return CHARIOT_EMALFORMED;
    *fd = (int)value;
    return 0;
}

/* The descriptor that a variable names, which is removed; neither is for programs that this one starts. */
static int inherit_fd(const char *variable, int *fd) {
    int error = parse_fd(getenv(variable), fd);
    unsetenv(variable);
    if (error == 0 && fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0) error = CHARIOT_EIO;
    if (error != 0) *fd = -1;
    return error;
}

/* A socket where one is needed, and none where nobody knows for which PEs. */
static bool has_socket(const struct rpc_control *control) {
    const struct rpc_ticket *ticket = &control->ticket;
    if (strcmp(ticket->transport, "shm") == 0) return ticket->num_pes == 1 || control->shm_fd >= 0;
    return control->shm_fd < 0 || ticket->local_count > 0;
}

int rpc_control_open(struct rpc_control *control) {
    *control = (struct rpc_control){.fd = -1, .shm_fd = -1};
    if (getenv(FD_VARIABLE) == NULL) {
        control->ticket.num_pes = 1;
        return ticket_set(&control->ticket, "", "shm", "", "");
    }
    int error = inherit_fd(FD_VARIABLE, &control->fd);
    if (error == 0 && getenv(SHM_FD_VARIABLE) != NULL) error = inherit_fd(SHM_FD_VARIABLE, &control->shm_fd);
    if (error == 0) error = wait_ticket(control);
    if (error == 0) say_hello(control);
    if (error == 0 && !has_socket(control)) error = CHARIOT_EMALFORMED;
    if (error != 0) rpc_control_close(control);
    return error;
}

void rpc_control_close(struct rpc_control *control) {
    if (control->fd >= 0) close(control->fd);
    if (control->shm_fd >= 0) close(control->shm_fd);
    control->fd = control->shm_fd = -1;
    ticket_deinit(&control->ticket);
}

int rpc_control_say_listening(struct rpc_control *control, const char *address) {
    Chariot__V1__Rendezvous listening = CHARIOT__V1__RENDEZVOUS__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    listening.address = (char *)(uintptr_t)address;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_LISTENING;
    message.listening = &listening;
    return say(control->fd, &message);
}

int rpc_control_say_served(struct rpc_control *control, const char *address) {
    Chariot__V1__Served served = CHARIOT__V1__SERVED__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    served.address = (char *)(uintptr_t)address;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_SERVED;
    message.served = &served;
    return say(control->fd, &message);
}

int rpc_control_wait_rendezvous(struct rpc_control *control, int timeout_ms, char **address) {
    if (control->fd < 0) return CHARIOT_EGONE;
    Chariot__V1__FromLauncher *heard;
    int error = hear(control->fd, timeout_ms, &heard);
    if (error != 0) return error;
    if (heard->what_case != CHARIOT__V1__FROM_LAUNCHER__WHAT_RENDEZVOUS || heard->rendezvous->address[0] == '\0') {
        error = CHARIOT_EMALFORMED;
    } else {
        *address = strdup(heard->rendezvous->address);
        if (*address == NULL) error = CHARIOT_ENOMEM;
    }
    chariot__v1__from_launcher__free_unpacked(heard, NULL);
    return error;
}

int rpc_control_say_verdict(struct rpc_control *control, uint32_t status, const char *text) {
    if (control->fd < 0) return CHARIOT_EGONE;
    char *bounded = strndup(text, VERDICT_TEXT_MAX);
    if (bounded == NULL) return CHARIOT_ENOMEM;
    Chariot__V1__Verdict verdict = CHARIOT__V1__VERDICT__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    verdict.pe = control->ticket.pe;
    verdict.status = status;
    verdict.text = bounded;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_VERDICT;
    message.verdict = &verdict;
    int error = say(control->fd, &message);
    free(bounded);
    return error;
}

int rpc_control_say_farewell(struct rpc_control *control, uint32_t status) {
    Chariot__V1__Farewell farewell = CHARIOT__V1__FAREWELL__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    farewell.status = status;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL;
    message.farewell = &farewell;
    return say(control->fd, &message);
}

/* ---------------------------------------------------------------- consoles */

int rpc_control_dup(const struct rpc_control *control) {
    return control->fd < 0 ? -1 : fcntl(control->fd, F_DUPFD_CLOEXEC, 3);
}

int rpc_control_settle(int fd, bool prompt) {
    Chariot__V1__Settle settle = CHARIOT__V1__SETTLE__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    Chariot__V1__FromLauncher *heard;
    settle.prompt = prompt;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_SETTLE;
    message.settle = &settle;
    int error = say(fd, &message);
    if (error == 0) error = hear(fd, -1, &heard);
    if (error != 0) return error;
    if (heard->what_case != CHARIOT__V1__FROM_LAUNCHER__WHAT_SETTLED) error = CHARIOT_EMALFORMED;
    chariot__v1__from_launcher__free_unpacked(heard, NULL);
    return error;
}
