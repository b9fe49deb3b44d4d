/* test/unit/deploy/hosts_test.c: hosts from lists and files, and how PEs are divided among them. */
#include "deploy/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_reason reason;

static void expect(const struct deploy_hosts *hosts, size_t i, const char *name, uint32_t slots) {
    CU_ASSERT_TRUE_FATAL(i < hosts->count);
    CU_ASSERT_STRING_EQUAL(hosts->items[i].name, name);
    CU_ASSERT_EQUAL(hosts->items[i].slots, slots);
}

static void expect_refused(const char *list, const char *why) {
    struct deploy_hosts hosts;
    CU_ASSERT_EQUAL(deploy_hosts_parse(&hosts, list, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, why));
    CU_ASSERT_EQUAL(hosts.count, 0);
}

static void lists_are_read(void) {
    struct deploy_hosts hosts;
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, "a:4,me@b.example.org,10.0.0.1:2,[fe80::1]:3,fe80::2", &reason),
                          0);
    CU_ASSERT_EQUAL(hosts.count, 5);
    expect(&hosts, 0, "a", 4);
    expect(&hosts, 1, "me@b.example.org", 0);
    expect(&hosts, 2, "10.0.0.1", 2);
    expect(&hosts, 3, "fe80::1", 3);
    expect(&hosts, 4, "fe80::2", 0);
    deploy_hosts_deinit(&hosts);
}

static void what_is_no_host_is_refused(void) {
    expect_refused("", "'' is no host");
    expect_refused("a,,b", "'' is no host");
    expect_refused("a,-oProxyCommand=x", "is no host");
    expect_refused("a;b", "is no host");
    expect_refused("a:0", "a number of PEs from 1");
    expect_refused("a:x", "a number of PEs from 1");
    expect_refused("a,b,a", "host 'a' is named twice");
}

/* A file with this text; removed by the caller. */
static char *file_of(const char *text) {
    static char path[] = "/tmp/chariot-hosts-XXXXXX";
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void files_are_read(void) {
    struct deploy_hosts hosts;
    char *path = file_of("# ours\n\na\n  b:2  # the large one\nc slots=3\n");
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_read(&hosts, path, &reason), 0);
    CU_ASSERT_EQUAL(hosts.count, 3);
    expect(&hosts, 0, "a", 0);
    expect(&hosts, 1, "b", 2);
    expect(&hosts, 2, "c", 3);
    deploy_hosts_deinit(&hosts);
    unlink(path);
}

static void files_that_say_nothing_are_refused(void) {
    static const struct {
        const char *text, *why;
    } wrong[] = {{"", "there is no host in"}, {"# a\n", "there is no host in"}, {"a b\n", "what is 'b'?"}};
    struct deploy_hosts hosts;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *path = file_of(wrong[i].text);
        CU_ASSERT_EQUAL(deploy_hosts_read(&hosts, path, &reason), CHARIOT_EABORTED);
        CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, wrong[i].why));
        unlink(path);
    }
    CU_ASSERT_EQUAL(deploy_hosts_read(&hosts, "/nonexistent/hosts", &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "cannot read hosts from '/nonexistent/hosts'"));
}

static void a_nodelist_has_groups(void) {
    struct deploy_hosts hosts;
    char *path = file_of("group main ++shell ssh\n  host a\n  host b ++cpus 4\nhost a\ngroup other\nhost c\n");
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_read_nodelist(&hosts, path, "main", &reason), 0);
    CU_ASSERT_EQUAL(hosts.count, 2);
    expect(&hosts, 0, "a", 2);
    expect(&hosts, 1, "b", 1);
    deploy_hosts_deinit(&hosts);
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_read_nodelist(&hosts, path, "other", &reason), 0);
    expect(&hosts, 0, "c", 1);
    deploy_hosts_deinit(&hosts);
    CU_ASSERT_EQUAL(deploy_hosts_read_nodelist(&hosts, path, "third", &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "there is no host in group 'third'"));
    unlink(path);
}

static void a_nodelist_takes_any_number_of_pes(void) {
    static const struct {
        uint32_t num_pes, counts[3];
    } cases[] = {{0, {2, 1, 1}}, {2, {2, 0, 0}}, {4, {2, 1, 1}}, {5, {3, 1, 1}}, {8, {4, 2, 2}}};
    char *path = file_of("group main\nhost a\nhost b\nhost a\nhost c\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deploy_hosts hosts;
        uint32_t num_pes = cases[i].num_pes;
        CU_ASSERT_EQUAL_FATAL(deploy_hosts_read_nodelist(&hosts, path, "main", &reason), 0);
        CU_ASSERT_EQUAL(deploy_hosts_place(&hosts, &num_pes, &reason), 0);
        for (size_t j = 0; j < 3; j++) CU_ASSERT_EQUAL(hosts.items[j].num_pes, cases[i].counts[j]);
        deploy_hosts_deinit(&hosts);
    }
    unlink(path);
}

/* Places so many PEs (0: as many as fit), and expects so many on each host. */
static void expect_placed(const char *list, uint32_t num_pes, const uint32_t *counts) {
    struct deploy_hosts hosts;
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, list, &reason), 0);
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_place(&hosts, &num_pes, &reason), 0);
    uint32_t next = 0;
    for (size_t i = 0; i < hosts.count; i++) {
        CU_ASSERT_EQUAL(hosts.items[i].num_pes, counts[i]);
        CU_ASSERT_EQUAL(hosts.items[i].first_pe, next);
        for (uint32_t pe = next; pe < next + counts[i]; pe++) CU_ASSERT_EQUAL(deploy_hosts_of(&hosts, pe), i);
        next += counts[i];
    }
    CU_ASSERT_EQUAL(num_pes, next);
    deploy_hosts_deinit(&hosts);
}

static void pes_are_divided(void) {
    expect_placed("a:4,b:4", 0, (const uint32_t[]){4, 4});
    expect_placed("a:4,b", 0, (const uint32_t[]){4, 1});
    expect_placed("a:4,b:4", 5, (const uint32_t[]){4, 1});
    expect_placed("a:4,b:4,c:4", 4, (const uint32_t[]){4, 0, 0});
    expect_placed("a,b,c", 0, (const uint32_t[]){1, 1, 1});
    expect_placed("a,b,c", 7, (const uint32_t[]){3, 2, 2});
    expect_placed("a,b,c", 1, (const uint32_t[]){1, 0, 0});
}

static void more_than_fit_are_refused(void) {
    struct deploy_hosts hosts;
    uint32_t num_pes = 9;
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, "a:4,b:4", &reason), 0);
    CU_ASSERT_EQUAL(deploy_hosts_place(&hosts, &num_pes, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "9 PEs do not fit: the hosts take 8 in all"));
    deploy_hosts_deinit(&hosts);
}

static void hosts_may_all_be_this_one(void) {
    static const struct {
        const char *list;
        bool local;
    } cases[] = {{"localhost:4", true}, {"127.0.0.1,localhost,::1", true}, {"localhost,b", false}, {"b", false}};
    struct deploy_hosts hosts;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, cases[i].list, &reason), 0);
        CU_ASSERT_EQUAL(deploy_hosts_are_local(&hosts), cases[i].local);
        deploy_hosts_deinit(&hosts);
    }
}

static void pes_of_a_machine_are_those_of_its_hosts(void) {
    struct deploy_hosts hosts;
    uint32_t num_pes = 0, first, count;
    CU_ASSERT_EQUAL_FATAL(deploy_hosts_parse(&hosts, "a:2,b:1,c:3,d:4", &reason), 0);
    CU_ASSERT_EQUAL(deploy_hosts_place(&hosts, &num_pes, &reason), 0);
    deploy_hosts_machine(&hosts, 1, &first, &count); /* each its own, as long as nobody says otherwise */
    CU_ASSERT_EQUAL(first, 2);
    CU_ASSERT_EQUAL(count, 1);
    hosts.items[2].machine = hosts.items[1].machine;
    for (size_t i = 1; i <= 2; i++) {
        deploy_hosts_machine(&hosts, i, &first, &count);
        CU_ASSERT_EQUAL(first, 2);
        CU_ASSERT_EQUAL(count, 4);
    }
    deploy_hosts_machine(&hosts, 3, &first, &count);
    CU_ASSERT_EQUAL(first, 6);
    CU_ASSERT_EQUAL(count, 4);
    deploy_hosts_deinit(&hosts);
}

UNIT_MAIN("deploy/hosts", UNIT(pes_of_a_machine_are_those_of_its_hosts), UNIT(lists_are_read),
          UNIT(what_is_no_host_is_refused), UNIT(files_are_read), UNIT(files_that_say_nothing_are_refused),
          UNIT(a_nodelist_has_groups), UNIT(a_nodelist_takes_any_number_of_pes), UNIT(pes_are_divided),
          UNIT(more_than_fit_are_refused), UNIT(hosts_may_all_be_this_one))
