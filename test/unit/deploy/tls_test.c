/* test/unit/deploy/tls_test.c: who gets through TLS, and what goes through it, over a socket pair. */
#include "deploy/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_reason reason;
static const uint8_t KEY[DEPLOY_TLS_KEY_BYTES] = {1, 2, 3}, OTHER[DEPLOY_TLS_KEY_BYTES] = {1, 2, 4};

struct pair {
    struct deploy_tls *server, *client;
    struct deploy_stream here, there;
    int fds[2];
};

static void open_pair(struct pair *pair, const uint8_t *key, const char *identity) {
    const struct deploy_tls_config server = {.key = KEY, .identity = "job"},
                                   client = {.key = key, .identity = identity, .peer = "head"};
    signal(SIGPIPE, SIG_IGN); /* as members do */
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair->fds), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_tls_new(&pair->server, &server, &reason), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_tls_new(&pair->client, &client, &reason), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_tls_begin(pair->server, pair->fds[0], &pair->here), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_tls_begin(pair->client, pair->fds[1], &pair->there), 0);
}

static void close_pair(struct pair *pair) {
    deploy_stream_close(&pair->here);
    deploy_stream_close(&pair->there);
    deploy_tls_free(pair->server);
    deploy_tls_free(pair->client);
}

static void shake(struct pair *pair, enum deploy_tls_step *here, enum deploy_tls_step *there) {
    char why[200];
    *here = *there = DEPLOY_TLS_WANTS_READ;
    for (int i = 0; i < 10; i++) {
        if (*there == DEPLOY_TLS_WANTS_READ) *there = deploy_tls_shake(&pair->there, why, sizeof why);
        if (*here == DEPLOY_TLS_WANTS_READ) *here = deploy_tls_shake(&pair->here, why, sizeof why);
    }
}

static void who_has_the_key_gets_through(void) {
    struct pair pair;
    enum deploy_tls_step here, there;
    static char sent[100000], got[200000];
    size_t put = 0, have = 0;
    open_pair(&pair, KEY, "job");
    shake(&pair, &here, &there);
    CU_ASSERT_EQUAL(here, DEPLOY_TLS_DONE);
    CU_ASSERT_EQUAL(there, DEPLOY_TLS_DONE);
    for (size_t i = 0; i < sizeof sent; i++) sent[i] = (char)(i * 7);
    while (have < sizeof sent) {
        ssize_t wrote = put < sizeof sent ? deploy_stream_write(&pair.there, sent + put, sizeof sent - put) : 0;
        if (wrote > 0) put += (size_t)wrote;
        ssize_t read = deploy_stream_read(&pair.here, got + have, sizeof got - have);
        CU_ASSERT_TRUE_FATAL(read > 0 || errno == EAGAIN);
        if (read > 0) have += (size_t)read;
    }
    CU_ASSERT_EQUAL(memcmp(sent, got, sizeof sent), 0);
    deploy_stream_close(&pair.there);
    CU_ASSERT_EQUAL(deploy_stream_read(&pair.here, got, sizeof got), 0); /* its end is an end */
    close_pair(&pair);
}

static void another_key_or_another_job_does_not(void) {
    static const struct {
        const uint8_t *key;
        const char *job;
    } cases[] = {{OTHER, "job"}, {KEY, "another"}, {OTHER, "another"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair;
        enum deploy_tls_step here, there;
        open_pair(&pair, cases[i].key, cases[i].job);
        shake(&pair, &here, &there);
        CU_ASSERT_EQUAL(here, DEPLOY_TLS_REFUSED);
        CU_ASSERT_EQUAL(there, DEPLOY_TLS_REFUSED);
        close_pair(&pair);
    }
}

static void what_is_no_tls_is_refused_and_an_end_is_one(void) {
    struct pair pair;
    char why[200];
    open_pair(&pair, KEY, "job");
    CU_ASSERT_EQUAL(write(pair.fds[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    CU_ASSERT_EQUAL(deploy_tls_shake(&pair.here, why, sizeof why), DEPLOY_TLS_REFUSED);
    close_pair(&pair);
    open_pair(&pair, KEY, "job");
    deploy_stream_close(&pair.there);
    CU_ASSERT_EQUAL(deploy_tls_shake(&pair.here, why, sizeof why), DEPLOY_TLS_GONE);
    close_pair(&pair);
}

static void write_secret(const char *path, const char *bytes, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_TRUE_FATAL(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    close(fd);
}

static void a_secret_is_long_and_nobody_elses(void) {
    char path[] = "/tmp/chariot-tls-test-XXXXXX";
    uint8_t one[DEPLOY_TLS_KEY_BYTES], same[DEPLOY_TLS_KEY_BYTES], other[DEPLOY_TLS_KEY_BYTES];
    close(mkstemp(path));
    write_secret(path, "0123456789abcdef0123456789abcdef", 0640);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "job", one, &reason), 0);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "job", same, &reason), 0);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "another", other, &reason), 0);
    CU_ASSERT_EQUAL(memcmp(one, same, sizeof one), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(one, other, sizeof one), 0);
    write_secret(path, "0123456789abcdef0123456789abcdef", 0604);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "job", one, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "everyone on this host can read"));
    write_secret(path, "0123456789abcdef0123456789abcde", 0600);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "job", one, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "has 31 bytes"));
    unlink(path);
    CU_ASSERT_EQUAL(deploy_tls_read_secret(path, "job", one, &reason), CHARIOT_EABORTED);
}

UNIT_MAIN("deploy/tls", UNIT(who_has_the_key_gets_through), UNIT(another_key_or_another_job_does_not),
          UNIT(what_is_no_tls_is_refused_and_an_end_is_one), UNIT(a_secret_is_long_and_nobody_elses))
