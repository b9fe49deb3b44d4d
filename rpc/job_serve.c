/* rpc/job_serve.c: see job_serve.h. Closed by default: without a token, a certificate or a Unix socket between them a
 * service lets nobody in unless it is told to, and plain text stays on this host. */
#include "rpc/job_serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "rpc/error.h"
#include "rpc/module.h"
#include "rpc/scope.h"

/* ---------------------------------------------------------------- files */

enum { MAX_PEM = 1 << 20 };

static int read_pem(const char *path, char **text, char *why, size_t why_size) {
    *text = NULL;
    if (path == NULL) return 0;
    FILE *file = fopen(path, "re");
    char *data = calloc(1, MAX_PEM + 1);
    size_t size = file == NULL || data == NULL ? 0 : fread(data, 1, MAX_PEM, file);
    int failed = file == NULL || ferror(file) ? errno : 0;
    if (file != NULL) fclose(file);
    if (data != NULL && failed == 0 && size > 0) {
        *text = data;
        return 0;
    }
    free(data);
    snprintf(why, why_size, "cannot read %.200s: %s", path, failed != 0 ? strerror(failed) : "there is nothing in it");
    return CHARIOT_EIO;
}

static void forget(char *pem) {
    if (pem != NULL) explicit_bzero(pem, strlen(pem));
    free(pem);
}

/* ---------------------------------------------------------------- who may reach it */

static bool is_unix(const char *address) {
    return strncmp(address, "unix:", 5) == 0;
}

/* 127.x.y.z, [::1], localhost, each with a port. */
static bool is_loopback(const char *address) {
    const char *colon = strrchr(address, ':');
    char host[64];
    struct in_addr parsed;
    size_t size = colon == NULL ? strlen(address) : (size_t)(colon - address);
    if (size >= sizeof host) return false;
    memcpy(host, address, size);
    host[size] = '\0';
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return true;
    return inet_pton(AF_INET, host, &parsed) == 1 && ntohl(parsed.s_addr) >> 24 == 127;
}

static bool has_port(const char *address) {
    const char *colon = strrchr(address, ':');
    char *end;
    if (colon == NULL || colon == address || colon[1] < '0' || colon[1] > '9') return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    return *end == '\0' && port <= 65535;
}

static int check(const struct rpc_job_serve *how, char *why, size_t why_size) {
    const char *wrong = NULL;
    if (!is_unix(how->address) && !has_port(how->address))
        wrong = "an address is HOST:PORT, [ADDRESS]:PORT or unix:/path";
    else if ((how->certificate == NULL) != (how->key == NULL))
        wrong = "a certificate and its key belong together";
    else if (how->authority != NULL && how->certificate == NULL)
        wrong = "clients show certificates only where the service has one";
    else if (how->certificate == NULL && !is_unix(how->address) && !is_loopback(how->address))
        wrong = "plain text stays on this host: give the service a certificate and a key, or listen on 127.0.0.1";
    else if (how->clients == NULL && how->authority == NULL && !is_unix(how->address) && !how->anyone)
        wrong = "who may call? Say it by a file of clients with tokens or by an authority of theirs, or let in anyone";
    if (wrong != NULL) snprintf(why, why_size, "cannot serve at '%.100s': %s", how->address, wrong);
    return wrong == NULL ? 0 : CHARIOT_EINVAL;
}

/* ---------------------------------------------------------------- opening */

/* A key that all PEs of the job have, and clients do not: of its token. */
static void make_seal_key(const struct rpc_job *job, struct rpc_job_serving *serving) {
    static const char purpose[] = "chariot.v1 handles";
    static const uint8_t none[32];
    uint8_t secret[32];
    _Static_assert(sizeof secret == sizeof job->control.ticket.token, "a job's token");
    memcpy(secret, job->control.ticket.token, sizeof secret);
    if (memcmp(secret, none, sizeof none) == 0 && getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        abort(); /* no handle may be guessed */
    serving->ops->seal(secret, purpose, sizeof purpose, serving->seal_key);
    explicit_bzero(secret, sizeof secret);
}

static int open_it(struct rpc_job *job, struct rpc_node *node, struct rpc_service_config *config,
                   struct rpc_job_serving *serving, char **address, char *why, size_t why_size) {
    mode_t before = umask(0077); /* a Unix socket is its owner's */
    int rc = serving->ops->open(job->loop, node, config, &serving->service, address);
    umask(before);
    if (rc == CHARIOT_EIO)
        snprintf(why, why_size, "cannot listen on '%.100s': is it this host's, and free?", config->listen);
    else if (rc == CHARIOT_EINVAL)
        snprintf(why, why_size, "the certificate and the key are of no use: are they PEM, and of each other?");
    else if (rc != 0)
        snprintf(why, why_size, "%s", chariot_error_text(rc));
    return rc;
}

/* "ipv4:127.0.0.1:7000": clients say it without. */
static void drop_scheme(char *address) {
    if (strncmp(address, "ipv4:", 5) == 0 || strncmp(address, "ipv6:", 5) == 0)
        memmove(address, address + 5, strlen(address + 5) + 1);
}

static int read_clients(const char *path, struct rpc_clients **out, char *why, size_t why_size) {
    *out = NULL;
    if (path == NULL) return 0;
    struct rpc_clients *clients = calloc(1, sizeof *clients);
    int rc = clients == NULL ? CHARIOT_ENOMEM : rpc_clients_read(clients, path, why, why_size);
    if (rc == 0)
        *out = clients;
    else
        free(clients);
    return rc;
}

int rpc_job_serve(struct rpc_job *job, struct rpc_node *node, const struct rpc_job_serve *how,
                  struct rpc_job_serving *serving, char **address, char *why, size_t why_size) {
    const struct rpc_module *module;
    char *certificate = NULL, *key = NULL, *authority = NULL;
    struct rpc_clients *clients = NULL;
    int rc = check(how, why, why_size);
    if (rc == 0) rc = read_pem(how->certificate, &certificate, why, why_size);
    if (rc == 0) rc = read_pem(how->key, &key, why, why_size);
    if (rc == 0) rc = read_pem(how->authority, &authority, why, why_size);
    if (rc == 0) rc = read_clients(how->clients, &clients, why, why_size);
    if (rc == 0) rc = rpc_module_load(&module, why, why_size);
    if (rc == 0) {
        struct rpc_service_config config = {.listen = how->address,
                                            .certificate = certificate,
                                            .key = key,
                                            .authority = authority,
                                            .clients = clients,
                                            .limits = how->limits,
                                            .methods = how->methods,
                                            .num_methods = how->num_methods,
                                            .ops = how->ops,
                                            .owner = how->owner};
        serving->ops = &module->serve;
        make_seal_key(job, serving);
        rc = open_it(job, node, &config, serving, address, why, why_size);
    }
    if (rc == 0) drop_scheme(*address);
    if (rc != 0 && clients != NULL) {
        rpc_clients_deinit(clients);
        free(clients);
    }
    free(certificate);
    forget(key);
    free(authority);
    return rc;
}

void rpc_job_serve_end(struct rpc_job_serving *serving) {
    if (serving->service != NULL) serving->ops->close(serving->service);
    serving->service = NULL;
}

/* ---------------------------------------------------------------- from the start */

static const char *said(const char *text) {
    return text[0] == '\0' ? NULL : text;
}

bool rpc_job_serve_asked(const struct rpc_job *job, struct rpc_job_serve *how) {
    const Chariot__V1__Serving *wish = job->control.ticket.serving;
    if (wish == NULL) return false;
    *how = (struct rpc_job_serve){
        .address = wish->address,
        .clients = said(wish->clients),
        .certificate = said(wish->certificate),
        .key = said(wish->key),
        .authority = said(wish->authority),
        .anyone = wish->anyone,
        .traces = wish->traces,
        .limits = {.message_bytes = wish->max_message_bytes, .calls = wish->max_calls, .rate = wish->max_rate}};
    return true;
}

void rpc_job_served(struct rpc_job *job, const char *address) {
    (void)rpc_control_say_served(&job->control, address); /* a launcher that is gone is noticed elsewhere */
}
