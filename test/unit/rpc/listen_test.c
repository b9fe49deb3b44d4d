/* test/unit/rpc/listen_test.c: where a PE listens, and which ports are free. */
#include "rpc/listen.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static char why[200];

static int read_with(struct rpc_listen *listen, const char *on, const char *others, const char *ports) {
    const char *const names[] = {"CHARIOT_LISTEN", "CHARIOT_ADDRESS", "CHARIOT_PORTS"};
    const char *const values[] = {on, others, ports};
    for (int i = 0; i < 3; i++) {
        if (values[i] == NULL)
            unsetenv(names[i]);
        else
            setenv(names[i], values[i], 1);
    }
    why[0] = '\0';
    return rpc_listen_read(listen, why, sizeof why);
}

static void nobody_but_this_host_where_nothing_is_said(void) {
    struct rpc_listen listen;
    CU_ASSERT_EQUAL(read_with(&listen, NULL, NULL, NULL), 0);
    CU_ASSERT_STRING_EQUAL(listen.on, "127.0.0.1");
    CU_ASSERT_PTR_NULL(listen.others);
    CU_ASSERT_EQUAL(listen.low + listen.high, 0);
}

static void others_may_use_another_address(void) {
    struct rpc_listen listen;
    CU_ASSERT_EQUAL(read_with(&listen, NULL, "10.0.0.1", NULL), 0);
    CU_ASSERT_STRING_EQUAL(listen.on, "10.0.0.1");
    CU_ASSERT_EQUAL(read_with(&listen, "0.0.0.0", "10.0.0.1", "5000-5003"), 0);
    CU_ASSERT_STRING_EQUAL(listen.on, "0.0.0.0");
    CU_ASSERT_STRING_EQUAL(listen.others, "10.0.0.1");
    CU_ASSERT_TRUE(listen.low == 5000 && listen.high == 5003);
}

static void ports_that_are_none_are_named(void) {
    static const char *const bad[] = {"5000", "0-5", "6-5", "1-65536", "1-2x", "x", "-1-2"};
    struct rpc_listen listen;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(read_with(&listen, NULL, NULL, bad[i]), CHARIOT_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, bad[i]));
    }
}

/* A socket that listens on a port of loopback, with the next port free: its number. */
static uint32_t occupy(int *fd) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_TRUE_FATAL(bind(*fd, (struct sockaddr *)&address, size) == 0 && listen(*fd, 1) == 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(*fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void a_port_in_use_is_passed_over(void) {
    int fd;
    uint32_t taken = occupy(&fd), port;
    struct rpc_listen listen = {.on = "127.0.0.1", .low = taken, .high = taken};
    CU_ASSERT_EQUAL(rpc_listen_find_port(&listen, taken, &port, why, sizeof why), CHARIOT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "is free on 127.0.0.1 (--ports)"));
    listen.low = taken - 20;
    CU_ASSERT_EQUAL(rpc_listen_find_port(&listen, taken, &port, why, sizeof why), 0); /* round the end */
    CU_ASSERT_TRUE(port >= listen.low && port < taken);
    close(fd);
}

static void any_port_stays_any(void) {
    struct rpc_listen listen = {.on = "::1"};
    uint32_t port = 7;
    CU_ASSERT_EQUAL(rpc_listen_find_port(&listen, 0, &port, why, sizeof why), 0);
    CU_ASSERT_EQUAL(port, 0);
}

static void an_address_of_another_host_is_named(void) {
    static const char *const bad[] = {"192.0.2.1", "2001:db8::1", "nohost"};
    uint32_t port;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rpc_listen listen = {.on = bad[i]};
        CU_ASSERT_EQUAL(rpc_listen_find_port(&listen, 0, &port, why, sizeof why), CHARIOT_EIO);
        CU_ASSERT_TRUE(strstr(why, bad[i]) != NULL && strstr(why, "cannot be listened on: Cannot assign") != NULL);
    }
}

static void targets_have_brackets_where_they_need_them(void) {
    char target[64];
    rpc_listen_target("127.0.0.1", 0, target, sizeof target);
    CU_ASSERT_STRING_EQUAL(target, "127.0.0.1:0");
    rpc_listen_target("::1", 4711, target, sizeof target);
    CU_ASSERT_STRING_EQUAL(target, "[::1]:4711");
}

int main(int argc, char **argv) {
    static const struct unit_test tests[] = {
        UNIT(nobody_but_this_host_where_nothing_is_said),
        UNIT(others_may_use_another_address),
        UNIT(ports_that_are_none_are_named),
        UNIT(a_port_in_use_is_passed_over),
        UNIT(any_port_stays_any),
        UNIT(an_address_of_another_host_is_named),
        UNIT(targets_have_brackets_where_they_need_them),
    };
    return unit_main(argc, argv, "rpc/listen", tests, sizeof tests / sizeof tests[0]);
}
