/* Clients of the public service, their tokens and scopes. */
#include "rpc/scope.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static char path[64], why[400];

static int read_text(struct rpc_clients *clients, const char *text, mode_t mode) {
    snprintf(path, sizeof path, "/tmp/chariot-scope-%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
    why[0] = '\0';
    int rc = rpc_clients_read(clients, path, why, sizeof why);
    unlink(path);
    return rc;
}

static void tokens_say_who_somebody_is(void) {
    struct rpc_clients clients;
    CU_ASSERT_EQUAL(read_text(&clients,
                              "# clients\n\n web\t0123456789abcdef grid.get *.add\r\n"
                              "admin fedcba9876543210 *",
                              0600),
                    0);
    CU_ASSERT_EQUAL_FATAL(clients.count, 2);
    const struct rpc_client *web = rpc_clients_find(&clients, "0123456789abcdef", 16);
    CU_ASSERT_PTR_EQUAL(web, &clients.items[0]);
    CU_ASSERT_STRING_EQUAL(web->name, "web");
    CU_ASSERT_PTR_EQUAL(rpc_clients_find(&clients, "fedcba9876543210", 16), &clients.items[1]);
    CU_ASSERT_PTR_NULL(rpc_clients_find(&clients, "0123456789abcdeF", 16));
    CU_ASSERT_PTR_NULL(rpc_clients_find(&clients, "0123456789abcde", 15));
    CU_ASSERT_PTR_NULL(rpc_clients_find(&clients, "", 0));
    rpc_clients_deinit(&clients);
}

static void one_is_found_among_many(void) {
    enum { MANY = 500, LINE = 40 };
    char *text = calloc(MANY, LINE), token[17];
    struct rpc_clients clients;
    for (int i = 0; i < MANY; i++) snprintf(text + strlen(text), LINE, "c%d %016x *\n", i, (unsigned)i * 2654435761u);
    CU_ASSERT_EQUAL_FATAL(read_text(&clients, text, 0600), 0);
    CU_ASSERT_EQUAL(clients.count, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(token, sizeof token, "%016x", (unsigned)i * 2654435761u);
        CU_ASSERT_PTR_EQUAL(rpc_clients_find(&clients, token, 16), &clients.items[i]);
    }
    CU_ASSERT_PTR_NULL(rpc_clients_find(&clients, "00000000ffffffff", 16));
    rpc_clients_deinit(&clients);
    free(text);
}

static void scopes_say_what_somebody_may(void) {
    static const struct {
        const char *scope, *object, *method;
        bool may;
    } rows[] = {
        {"*", "grid", "get", true},
        {"grid", "grid", "get", true},
        {"grid", "grids", "get", false},
        {"grid.*", "grid", "get", true},
        {"grid.get", "grid", "get", true},
        {"grid.get", "grid", "gets", false},
        {"*.get", "grid", "get", true},
        {"*.get", "grid", "set", false},
        {"sensor-*", "sensor-12", "add", true},
        {"s*-*.a*d", "sensor-1", "add", true},
        {"*x*", "grid", "get", false},
        {"a.b.c", "a.b", "c", true},
        {"**", "grid", "get", true},
        {"grid.*t", "grid", "getting", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *scopes[] = {(char *)(uintptr_t)rows[i].scope, NULL};
        struct rpc_client client = {.scopes = scopes};
        CU_ASSERT_EQUAL(rpc_client_may(&client, rows[i].object, rows[i].method), rows[i].may);
    }
}

static void wrong_files_are_refused_with_a_reason(void) {
    static const struct {
        const char *text, *why;
        mode_t mode;
    } rows[] = {
        {"web 0123456789abcdef *\n", "chmod 600", 0644},
        {"web 0123456789abcdef *\n", "chmod 600", 0620},
        {"", "names no clients", 0600},
        {"a 0123456789abcdef *\nweb\n", "line 2", 0600},
        {"web 0123456789abcdef\n", "SCOPE", 0600},
        {"web short *\n", "16 to 512", 0600},
        {"a 0123456789abcdef *\nb fedcba9876543210 *\nc 0123456789abcdef *\n", "same token", 0600},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rpc_clients clients;
        CU_ASSERT_EQUAL(read_text(&clients, rows[i].text, rows[i].mode), CHARIOT_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, rows[i].why));
        CU_ASSERT_PTR_NULL(clients.items);
    }
    struct rpc_clients clients;
    CU_ASSERT_EQUAL(rpc_clients_read(&clients, "/nonexistent", why, sizeof why), CHARIOT_EIO);
}

UNIT_MAIN("rpc/scope", UNIT(tokens_say_who_somebody_is), UNIT(one_is_found_among_many),
          UNIT(scopes_say_what_somebody_may), UNIT(wrong_files_are_refused_with_a_reason))
