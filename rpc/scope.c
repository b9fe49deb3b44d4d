/* Clients of the public service: see scope.h. */
#include "rpc/scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/secret.h"

/* ---------------------------------------------------------------- patterns */

/* '*' stands for any text. Goes back to the last star only, which is enough: an earlier one could not take more. */
static bool matches(const char *pattern, const char *text) {
    const char *star = NULL, *again = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

bool rpc_client_may(const struct rpc_client *client, const char *object, const char *method) {
    char whole[600];
    int size = snprintf(whole, sizeof whole, "%s.%s", object, method);
    if (size < 0 || (size_t)size >= sizeof whole) return false;
    for (char **scope = client->scopes; *scope != NULL; scope++) {
        if (matches(*scope, strchr(*scope, '.') == NULL ? object : whole)) return true;
    }
    return false;
}

/* ---------------------------------------------------------------- tokens */

static int by_mark(const void *a, const void *b) {
    uint64_t one = ((const struct rpc_client_mark *)a)->mark, other = ((const struct rpc_client_mark *)b)->mark;
    return (one > other) - (one < other);
}

const struct rpc_client *rpc_clients_find(const struct rpc_clients *clients, const void *token, size_t size) {
    const struct rpc_client_mark wanted = {.mark = rpc_secret_mark(clients->mark_key, token, size)};
    const struct rpc_client_mark *found =
        bsearch(&wanted, clients->marks, clients->count, sizeof *clients->marks, by_mark);
    const struct rpc_client *client = found == NULL ? NULL : &clients->items[found->client];
    if (client == NULL || strlen(client->token) != size) return NULL;
    return rpc_secret_equal(client->token, token, size) ? client : NULL;
}

/* CHARIOT_EEXIST: two clients have one token. */
static int mark_all(struct rpc_clients *clients) {
    clients->marks = calloc(clients->count, sizeof *clients->marks);
    if (clients->marks == NULL) return CHARIOT_ENOMEM;
    if (getrandom(clients->mark_key, sizeof clients->mark_key, 0) != sizeof clients->mark_key) return CHARIOT_EIO;
    for (size_t i = 0; i < clients->count; i++) {
        const char *token = clients->items[i].token;
        clients->marks[i] =
            (struct rpc_client_mark){.mark = rpc_secret_mark(clients->mark_key, token, strlen(token)), .client = i};
    }
    qsort(clients->marks, clients->count, sizeof *clients->marks, by_mark);
    for (size_t i = 1; i < clients->count; i++) {
        if (clients->marks[i].mark == clients->marks[i - 1].mark) return CHARIOT_EEXIST;
    }
    return 0;
}

void rpc_clients_deinit(struct rpc_clients *clients) {
    for (size_t i = 0; i < clients->count; i++) {
        struct rpc_client *client = &clients->items[i];
        if (client->token != NULL) explicit_bzero(client->token, strlen(client->token));
        for (char **scope = client->scopes; scope != NULL && *scope != NULL; scope++) free(*scope);
        free(client->scopes);
        free(client->token);
        free(client->name);
    }
    free(clients->items);
    free(clients->marks);
    *clients = (struct rpc_clients){0};
}

/* ---------------------------------------------------------------- the file */

static int add_scope(struct rpc_client *client, size_t count, const char *scope) {
    char **scopes = realloc(client->scopes, (count + 2) * sizeof *scopes);
    if (scopes == NULL) return CHARIOT_ENOMEM;
    client->scopes = scopes;
    scopes[count] = strdup(scope);
    scopes[count + 1] = NULL;
    return scopes[count] == NULL ? CHARIOT_ENOMEM : 0;
}

/* Words of a line: name, token, scopes. Outcome 1: something is missing. */
static int read_client(struct rpc_client *client, char *line) {
    char *rest;
    const char *name = strtok_r(line, " \t\r\n", &rest), *token = strtok_r(NULL, " \t\r\n", &rest), *scope;
    int rc = 0;
    if (token == NULL) return 1;
    client->name = strdup(name);
    client->token = strdup(token);
    if (client->name == NULL || client->token == NULL) return CHARIOT_ENOMEM;
    for (size_t count = 0; rc == 0 && (scope = strtok_r(NULL, " \t\r\n", &rest)) != NULL; count++)
        rc = add_scope(client, count, scope);
    if (rc != 0) return rc;
    size_t size = strlen(client->token);
    return client->scopes == NULL || size < RPC_TOKEN_MIN || size > RPC_TOKEN_MAX;
}

static int add_line(struct rpc_clients *clients, char *line) {
    struct rpc_client *items = realloc(clients->items, (clients->count + 1) * sizeof *items);
    if (items == NULL) return CHARIOT_ENOMEM;
    clients->items = items;
    items[clients->count] = (struct rpc_client){0};
    return read_client(&items[clients->count++], line);
}

/* Where files are handed to a service by its manager (systemd, Kubernetes) they are root's, and its group may read
 * them. */
static bool is_private(FILE *file) {
    struct stat about;
    if (fstat(fileno(file), &about) != 0) return false;
    bool handed = about.st_uid == 0 && geteuid() != 0;
    return (about.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) == 0 && (handed || (about.st_mode & S_IRGRP) == 0);
}

static int read_lines(struct rpc_clients *clients, FILE *file, const char *path, char *why, size_t why_size) {
    char *line = NULL;
    size_t room = 0;
    int rc = 0;
    for (unsigned number = 1; rc == 0 && getline(&line, &room, file) >= 0; number++) {
        size_t blank = strspn(line, " \t\r\n");
        if (line[blank] == '\0' || line[blank] == '#') continue;
        rc = add_line(clients, line);
        if (rc > 0) {
            snprintf(why, why_size,
                     "line %u of %.200s: a line is 'CLIENT TOKEN SCOPE ...', with a token of %d to %d characters",
                     number, path, RPC_TOKEN_MIN, RPC_TOKEN_MAX);
            rc = CHARIOT_EINVAL;
        }
    }
    if (line != NULL) explicit_bzero(line, room);
    free(line);
    return rc;
}

int rpc_clients_read(struct rpc_clients *clients, const char *path, char *why, size_t why_size) {
    *clients = (struct rpc_clients){0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(why, why_size, "cannot read %.200s: %s", path, strerror(errno));
        return CHARIOT_EIO;
    }
    int rc = CHARIOT_EINVAL;
    if (!is_private(file))
        snprintf(why, why_size, "%.200s holds tokens, and others may read it: chmod 600 it", path);
    else
        rc = read_lines(clients, file, path, why, why_size);
    fclose(file);
    if (rc == 0 && clients->count == 0) {
        snprintf(why, why_size, "%.200s names no clients", path);
        rc = CHARIOT_EINVAL;
    }
    if (rc == 0) rc = mark_all(clients);
    if (rc == CHARIOT_EEXIST) {
        snprintf(why, why_size, "two lines of %.200s have the same token", path);
        rc = CHARIOT_EINVAL;
    }
    if (rc != 0 && rc != CHARIOT_EINVAL) snprintf(why, why_size, "%s", chariot_error_text(rc));
    if (rc != 0) rpc_clients_deinit(clients);
    return rc;
}
