/* rpc/etcd/main.c: the program chariot-etcd: keeps one launcher's membership of a job in etcd.
 *
 * The launcher (deploy/rendezvous_etcd.c) starts it with a socket pair's end as standard input and speaks
 * chariot/v1/agent.proto with it; so the launcher itself needs no gRPC. It ends with its launcher, and gives the lease
 * back; if it cannot, the lease ends by itself.
 *
 * From the environment: CHARIOT_ETCD_CA, CHARIOT_ETCD_CERT, CHARIOT_ETCD_KEY (PEM files; with a CA TLS is spoken),
 * CHARIOT_ETCD_USER, CHARIOT_ETCD_PASSWORD_FILE. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/etcd/member.h"

enum { STATUS_USAGE = 2, STATUS_OS = 71, MAX_FILE = 1 << 20, MAX_MEMBERS = 1 << 20, MAX_LEASE_S = 3600 };

struct program {
    struct ev_loop *loop;
    struct etcd_events events;
    struct etcd_client client;
    struct etcd_parent parent;
    struct etcd_member member;
    bool has_member, is_leaving;
    ev_timer fence;
};

/* ---------------------------------------------------------------- the setting */

/* Texts of files that the environment names. */
struct files {
    char *ca, *certificate, *key, *password;
};

static char *read_file(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(MAX_FILE);
    size_t size = text == NULL ? 0 : fread(text, 1, MAX_FILE - 1, file);
    bool whole = text != NULL && !ferror(file) && size < MAX_FILE - 1;
    if (file != NULL) fclose(file);
    if (whole) {
        text[size] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

static bool read_named(struct program *program, const char *variable, char **text) {
    const char *path = getenv(variable);
    if (path == NULL || path[0] == '\0') return true;
    *text = read_file(path);
    if (*text != NULL) return true;
    etcd_say_lost(&program->parent, STATUS_USAGE, "cannot read '%s', which %s names: %s", path, variable,
                  errno == 0 ? "too long" : strerror(errno));
    return false;
}

static bool read_files(struct program *program, struct files *files) {
    bool all = read_named(program, "CHARIOT_ETCD_CA", &files->ca) &&
               read_named(program, "CHARIOT_ETCD_CERT", &files->certificate) &&
               read_named(program, "CHARIOT_ETCD_KEY", &files->key) &&
               read_named(program, "CHARIOT_ETCD_PASSWORD_FILE", &files->password);
    if (!all) return false;
    if (files->password != NULL) files->password[strcspn(files->password, "\r\n")] = '\0';
    if ((files->certificate == NULL) == (files->key == NULL) && (files->certificate == NULL || files->ca != NULL))
        return true;
    etcd_say_lost(
        &program->parent, STATUS_USAGE,
        "for TLS with etcd, CHARIOT_ETCD_CA names a file, and CHARIOT_ETCD_CERT and CHARIOT_ETCD_KEY two more "
        "or none");
    return false;
}

static void files_deinit(struct files *files) {
    if (files->key != NULL) explicit_bzero(files->key, strlen(files->key));
    if (files->password != NULL) explicit_bzero(files->password, strlen(files->password));
    free(files->ca);
    free(files->certificate);
    free(files->key);
    free(files->password);
}

/* ---------------------------------------------------------------- what the launcher says */

static const char *find_fault(const Chariot__V1__MemberJoin *join) {
    if (!etcd_places_is_name(join->job))
        return "the name of a job in etcd is made of letters, digits, '.', '_' and '-', 128 at most";
    if (join->members < 1 || join->members > MAX_MEMBERS) return "a job in etcd has 1 to 1048576 members";
    if (!join->any_number && join->member >= join->members)
        return "the number of the member is not below the number of members";
    if (join->lease_s < 2 || join->lease_s > MAX_LEASE_S) return "a lease in etcd lives 2 to 3600 seconds";
    if (!isfinite(join->patience_s) || join->patience_s <= 0) return "no time is left to meet in etcd";
    if (strlen(join->host) > 255 || strpbrk(join->host, " \t\n") != NULL || join->host[0] == '\0')
        return "the name of this host cannot be used";
    return NULL;
}

static void join(struct program *program, const Chariot__V1__MemberJoin *join) {
    const char *why = find_fault(join);
    struct files files = {0};
    if (why != NULL) {
        etcd_say_lost(&program->parent, STATUS_USAGE, "%s", why);
        return;
    }
    if (read_files(program, &files)) {
        struct etcd_setting setting = {.endpoints = join->endpoints,
                                       .ca = files.ca,
                                       .certificate = files.certificate,
                                       .key = files.key,
                                       .user = getenv("CHARIOT_ETCD_USER"),
                                       .password = files.password};
        program->has_member = etcd_client_open(&program->client, &program->events, &setting, &why) == 0;
        if (program->has_member)
            etcd_member_open(&program->member, &program->client, &program->parent, join);
        else
            etcd_say_lost(&program->parent, STATUS_USAGE, "%s", why);
    }
    files_deinit(&files);
}

static void on_left(void *context) {
    struct program *program = context;
    ev_break(program->loop, EVBREAK_ALL);
}

static void leave(void *context) {
    struct program *program = context;
    if (program->is_leaving) return;
    program->is_leaving = true;
    ev_timer_stop(program->loop, &program->fence);
    if (program->has_member)
        etcd_member_leave(&program->member, on_left, program);
    else
        ev_break(program->loop, EVBREAK_ALL);
}

static void on_message(void *context, const Chariot__V1__AgentMessage *message) {
    struct program *program = context;
    if (program->is_leaving) return;
    switch (message->what_case) {
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_JOIN:
        if (!program->has_member) join(program, message->member_join);
        return;
    case CHARIOT__V1__AGENT_MESSAGE__WHAT_MEMBER_PUBLISH:
        if (program->has_member) etcd_member_publish(&program->member, message->member_publish->address);
        return;
    default:
        leave(program);
    }
}

/* ---------------------------------------------------------------- life */

/* Once a second, as the launcher's word is due. A launcher that has closed its end, or said that it leaves, lives. */
static void on_fence(struct ev_loop *loop, ev_timer *timer, int revents) {
    struct program *program = timer->data;
    (void)loop, (void)revents;
    if (program->has_member && etcd_member_is_fenced(&program->member) && !etcd_parent_is_there(&program->parent))
        etcd_parent_kill(&program->parent);
}

static void run(struct program *program) {
    ev_timer_init(&program->fence, on_fence, 1., 1.);
    program->fence.data = program;
    ev_timer_start(program->loop, &program->fence);
    ev_run(program->loop, 0);
    ev_timer_stop(program->loop, &program->fence);
    if (program->has_member) etcd_client_close(&program->client);
    etcd_events_close(&program->events);
    if (program->has_member) {
        etcd_member_deinit(&program->member);
        etcd_client_deinit(&program->client);
    }
}

static int fail(const char *why) {
    fprintf(stderr, "chariot-etcd: %s\n", why);
    return STATUS_OS;
}

int main(void) {
    struct program program = {.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)};
    struct etcd_parent_handler handler = {on_message, leave, &program};
    signal(SIGPIPE, SIG_IGN);
    if (program.loop == NULL) return fail("no memory to be had");
    if (etcd_parent_open(&program.parent, program.loop, STDIN_FILENO, &handler) != 0) {
        fputs("chariot-etcd: 'chariot run --rendezvous etcd://...' starts it; nobody else need\n", stderr);
        ev_loop_destroy(program.loop);
        return STATUS_USAGE;
    }
    if (etcd_events_open(&program.events, program.loop) != 0) return fail("no thread or pipe to be had");
    run(&program);
    etcd_parent_close(&program.parent);
    ev_loop_destroy(program.loop);
    return 0;
}
