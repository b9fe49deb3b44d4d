/* test/unit/deploy/members_test.c: who is a member of what: options and environments of engines. */
#include "deploy/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/rendezvous.h"
#include "deploy/slurm.h"
#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_reason reason;
static struct deploy_membership self;

static const char *const VARIABLES[] = {"CHARIOT_MEMBER",
                                        "CHARIOT_MEMBERS",
                                        "CHARIOT_HEAD",
                                        "CHARIOT_JOB",
                                        "CHARIOT_SECRET_FILE",
                                        "CHARIOT_TLS_DIR",
                                        "CHARIOT_RENDEZVOUS",
                                        "CHARIOT_MACHINE",
                                        "CHARIOT_CONTROL_FD",
                                        "CHARIOT_MEMBERS_TIMEOUT",
                                        "KUBERNETES_SERVICE_HOST",
                                        "JOB_COMPLETION_INDEX",
                                        "SLURM_JOB_ID",
                                        "SLURM_STEP_ID",
                                        "SLURM_STEP_NODELIST",
                                        "SLURM_PROCID",
                                        "SLURM_NTASKS",
                                        "SLURM_STEP_NUM_TASKS",
                                        "OMPI_COMM_WORLD_RANK",
                                        "OMPI_COMM_WORLD_SIZE",
                                        "PMIX_NAMESPACE",
                                        "PMI_RANK",
                                        "PMI_SIZE"};

/* "NAME=value", up to NULL, and nothing else of the kind. */
static int find(const struct deploy_options *options, const char *const *environment) {
    for (size_t i = 0; i < sizeof VARIABLES / sizeof VARIABLES[0]; i++) unsetenv(VARIABLES[i]);
    for (; *environment != NULL; environment++) {
        char text[200];
        snprintf(text, sizeof text, "%s", *environment);
        char *value = strchr(text, '=');
        *value = '\0';
        setenv(text, value + 1, 1);
    }
    return deploy_members_find(&self, options, &reason);
}
#define FIND(options, ...) find(options, (const char *const[]){__VA_ARGS__, NULL})

static void an_ordinary_process_is_no_member(void) {
    struct deploy_options options = {0};
    CU_ASSERT_EQUAL(FIND(&options, "CHARIOT_MEMBERS=4", "JOB_COMPLETION_INDEX=1"), 0);
    CU_ASSERT_PTR_NULL(self.engine);
    CU_ASSERT_EQUAL(FIND(&options, "KUBERNETES_SERVICE_HOST=x", "JOB_COMPLETION_INDEX=1"), 0);
    CU_ASSERT_PTR_NULL(self.engine); /* each of its pods is a job of its own */
    CU_ASSERT_EQUAL(FIND(&options, "SLURM_JOB_ID=7", "SLURM_PROCID=0", "SLURM_NTASKS=4"), 0);
    CU_ASSERT_PTR_NULL(self.engine); /* a batch script */
}

static void options_win_over_the_environment(void) {
    struct deploy_options options = {.member = "1/3", .head = "here:5", .secret_file = "s"};
    CU_ASSERT_EQUAL(FIND(&options, "CHARIOT_MEMBER=9", "CHARIOT_HEAD=there:6"), 0);
    CU_ASSERT_EQUAL(self.member, 1);
    CU_ASSERT_EQUAL(self.members, 3);
    CU_ASSERT_STRING_EQUAL(self.head, "here:5");
    CU_ASSERT_STRING_EQUAL(self.job, "chariot");
    CU_ASSERT_PTR_EQUAL(self.rendezvous, &deploy_given_rendezvous);
}

static void what_a_pe_starts_is_its_own(void) {
    struct deploy_options options = {0}, hosts = {.hosts = "a"}, local = {.launcher = "local"};
    CU_ASSERT_EQUAL(FIND(&options, "CHARIOT_MEMBER=1/2", "CHARIOT_CONTROL_FD=5"), 0);
    CU_ASSERT_PTR_NULL(self.engine);
    CU_ASSERT_EQUAL(FIND(&hosts, "CHARIOT_MEMBER=1/2"), 0);
    CU_ASSERT_PTR_NULL(self.engine);
    CU_ASSERT_EQUAL(FIND(&local, "CHARIOT_MEMBER=1/2"), 0);
    CU_ASSERT_PTR_NULL(self.engine);
}

static void a_task_of_a_step_finds_all_by_itself(void) {
    struct deploy_options options = {0};
    char port[8], host[200];
    CU_ASSERT_EQUAL(FIND(&options, "SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_PROCID=2", "SLURM_NTASKS=4",
                         "SLURM_STEP_NODELIST=n[03-05,9]"),
                    0);
    CU_ASSERT_STRING_EQUAL(self.engine, "Slurm");
    CU_ASSERT_EQUAL(self.member, 2);
    CU_ASSERT_EQUAL(self.members, 4);
    CU_ASSERT_STRING_EQUAL(self.job, "slurm-7-0");
    CU_ASSERT_PTR_EQUAL(self.rendezvous, &deploy_munge_rendezvous);
    CU_ASSERT_TRUE(deploy_members_split(self.head, host, sizeof host, port, sizeof port));
    CU_ASSERT_STRING_EQUAL(host, "n03");
    CU_ASSERT_TRUE(atoi(port) >= 20000 && atoi(port) < 32000);
    CU_ASSERT_EQUAL(FIND(&options, "SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_PROCID=2", "SLURM_NTASKS=4",
                         "SLURM_STEP_NODELIST=a", "CHARIOT_HEAD=b:9", "CHARIOT_SECRET_FILE=s"),
                    0);
    CU_ASSERT_STRING_EQUAL(self.head, "b:9");
    CU_ASSERT_PTR_EQUAL(self.rendezvous, &deploy_given_rendezvous); /* a secret was given */
}

/* Inside of an allocation they are tasks of a step too, but one of their launcher's. */
static void processes_of_mpirun(void) {
    struct deploy_options options = {0};
    CU_ASSERT_EQUAL(FIND(&options, "OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=4", "PMIX_NAMESPACE=9",
                         "SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_PROCID=1", "SLURM_NTASKS=2"),
                    0);
    CU_ASSERT_STRING_EQUAL(self.engine, "mpirun");
    CU_ASSERT_EQUAL(self.member, 2);
    CU_ASSERT_EQUAL(self.members, 4);
    CU_ASSERT_STRING_EQUAL(self.job, "mpi-9");
    CU_ASSERT_PTR_EQUAL(self.rendezvous, &deploy_pmix_rendezvous);
    CU_ASSERT_EQUAL(FIND(&options, "PMI_RANK=1", "PMI_SIZE=4", "CHARIOT_HEAD=h:1", "CHARIOT_SECRET_FILE=s"), 0);
    CU_ASSERT_STRING_EQUAL(self.engine, "mpiexec");
    CU_ASSERT_EQUAL(self.member, 1);
    CU_ASSERT_PTR_EQUAL(self.rendezvous, &deploy_given_rendezvous);
    CU_ASSERT_EQUAL(FIND(&options, "PMI_RANK=4", "PMI_SIZE=4"), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(FIND(&options, "PMI_RANK=1", "PMI_SIZE=4", "SLURM_JOB_ID=7", "SLURM_STEP_ID=0", "SLURM_PROCID=1",
                         "SLURM_STEP_NUM_TASKS=4", "SLURM_STEP_NODELIST=a"),
                    0);
    CU_ASSERT_STRING_EQUAL(self.engine, "Slurm"); /* srun --mpi=pmi2 */
}

static void the_first_host_of_a_list(void) {
    static const char *const cases[][2] = {{"a", "a"},
                                           {"a,b", "a"},
                                           {"n[1-3]", "n1"},
                                           {"n[01-03,7],m", "n01"},
                                           {"n[7]-ib,m", "n7-ib"},
                                           {"rack[1-2]n[1-4]", "rack1n1"},
                                           {"n[", NULL},
                                           {"n[]", NULL},
                                           {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[64];
        bool good = deploy_slurm_first_host(cases[i][0], host, sizeof host);
        CU_ASSERT_EQUAL(good, cases[i][1] != NULL);
        if (good && cases[i][1] != NULL) CU_ASSERT_STRING_EQUAL(host, cases[i][1]);
    }
}

static void addresses_are_split(void) {
    static const char *const cases[][3] = {{"a:1", "a", "1"},         {"10.0.0.1:65535", "10.0.0.1", "65535"},
                                           {"[::1]:80", "::1", "80"}, {":9", "", "9"},
                                           {"a", NULL, NULL},         {"a:", NULL, NULL},
                                           {"a:0", NULL, NULL},       {"a:65536", NULL, NULL},
                                           {"::1:80", NULL, NULL},    {"a:1x", NULL, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[64], port[8];
        bool good = deploy_members_split(cases[i][0], host, sizeof host, port, sizeof port);
        CU_ASSERT_EQUAL(good, cases[i][1] != NULL);
        if (!good || cases[i][1] == NULL) continue;
        CU_ASSERT_STRING_EQUAL(host, cases[i][1]);
        CU_ASSERT_STRING_EQUAL(port, cases[i][2]);
    }
}

static void a_machine_may_be_more_than_one(void) {
    char one[256], same[256], other[256];
    unsetenv("CHARIOT_MACHINE");
    deploy_members_machine(one, sizeof one);
    deploy_members_machine(same, sizeof same);
    setenv("CHARIOT_MACHINE", "second", 1);
    deploy_members_machine(other, sizeof other);
    CU_ASSERT_STRING_EQUAL(one, same);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
}

UNIT_MAIN("deploy/members", UNIT(an_ordinary_process_is_no_member), UNIT(options_win_over_the_environment),
          UNIT(what_a_pe_starts_is_its_own), UNIT(a_task_of_a_step_finds_all_by_itself), UNIT(processes_of_mpirun),
          UNIT(the_first_host_of_a_list), UNIT(addresses_are_split), UNIT(a_machine_may_be_more_than_one))
