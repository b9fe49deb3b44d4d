/* test/unit/deploy/allocation_test.c: hosts and numbers as Slurm writes them. */
#include "deploy/allocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static char names[1024];

static int add(void *context, const char *name) {
    (void)context;
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] == '\0' ? "" : " ", name);
    return 0;
}

static void expect(const char *list, const char *expected) {
    names[0] = '\0';
    CU_ASSERT_EQUAL(deploy_allocation_each_host(list, add, NULL), 0);
    CU_ASSERT_STRING_EQUAL(names, expected);
}

static void lists_are_expanded(void) {
    expect("a", "a");
    expect("a,b-1.example", "a b-1.example");
    expect("n[1-3]", "n1 n2 n3");
    expect("n[08-10,2],login", "n08 n09 n10 n2 login");
    expect("n[1-2]m,x[9-10]", "n1m n2m x9 x10");
    expect("r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2");
}

static void what_is_no_list_is_refused(void) {
    static const char *const wrong[] = {"", "a,", "n[1-3", "n[]", "n[a]", "n[3-1]", "n[1-]", "n[1-99999999]", "n[1;2]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(deploy_allocation_each_host(wrong[i], add, NULL), CHARIOT_EMALFORMED);
}

static void counts_are_read(void) {
    static const uint32_t expected[] = {4, 4, 3, 1, 1, 0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        CU_ASSERT_EQUAL(deploy_allocation_count("4(x2),3,1(x2)", i), expected[i]);
    CU_ASSERT_EQUAL(deploy_allocation_count("", 0), 0);
    CU_ASSERT_EQUAL(deploy_allocation_count("x", 1), 0);
}

static void an_allocation_has_hosts(void) {
    struct deploy_hosts hosts;
    struct deploy_reason reason;
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_JOB_NODELIST", "n[1-2]", 1);
    setenv("SLURM_TASKS_PER_NODE", "3,1", 1);
    CU_ASSERT_TRUE(deploy_allocation_is_here());
    CU_ASSERT_EQUAL_FATAL(deploy_allocation_hosts(&hosts, &reason), 0);
    CU_ASSERT_EQUAL(hosts.count, 2);
    CU_ASSERT_STRING_EQUAL(hosts.items[1].name, "n2");
    CU_ASSERT_EQUAL(hosts.items[0].slots, 3);
    CU_ASSERT_FALSE(deploy_allocation_is_this_host(&hosts));
    deploy_hosts_deinit(&hosts);
    setenv("SLURM_JOB_NODELIST", "n[1-", 1);
    CU_ASSERT_EQUAL(deploy_allocation_hosts(&hosts, &reason), CHARIOT_EABORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "cannot tell the hosts of SLURM_JOB_NODELIST 'n[1-'"));
    setenv("SLURM_STEP_ID", "0", 1);
    CU_ASSERT_FALSE(deploy_allocation_is_here());
}

UNIT_MAIN("deploy/allocation", UNIT(lists_are_expanded), UNIT(what_is_no_list_is_refused), UNIT(counts_are_read),
          UNIT(an_allocation_has_hosts))
