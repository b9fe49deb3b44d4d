/* deploy/main.c: the command `chariot`: sub-commands by one table. Called as `charmrun` it takes the old launch line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/agent.h"
#include "deploy/call.h"
#include "deploy/charmrun.h"
#include "deploy/k8s.h"
#include "deploy/lab.h"
#include "deploy/ls.h"
#include "deploy/nearest.h"
#include "deploy/reason.h"
#include "deploy/run.h"
#include "deploy/top.h"

struct command {
    const char *name;
    const char *help;
    int (*run)(const char *argv0, char **argv);
    void (*print_help)(void);
};

static int on_help(const char *argv0, char **argv);

static int on_version(const char *argv0, char **argv) {
    (void)argv0, (void)argv;
    puts("chariot " CHARIOT_VERSION);
    return 0;
}

static const struct command COMMANDS[] = {
    {"run", "start a program on several PEs", deploy_run, deploy_run_help},
    {"ls", "list what a running job has published, and how it is called", deploy_ls, deploy_ls_help},
    {"call", "call a method of a running job", deploy_call, deploy_call_help},
    {"top", "watch what the PEs of a running job do", deploy_top, deploy_top_help},
    {"k8s", "print Kubernetes manifests for a program and a size", deploy_k8s, deploy_k8s_help},
    {"lb-lab", "try balancers on recorded loads, without a job", deploy_lab, deploy_lab_help},
    {"agent", "start PEs for a launcher on another host", deploy_agent, deploy_agent_help},
    {"help", "print this text, or that of a command: chariot help run", on_help, NULL},
    {"version", "print the version", on_version, NULL},
};
enum { NUM_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static const struct command *find(const char *name) {
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0) name = "version";
    for (size_t i = 0; i < NUM_COMMANDS; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) return &COMMANDS[i];
    }
    return NULL;
}

static int unknown(const char *name) {
    struct deploy_reason reason = {0};
    const char *best = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; i < NUM_COMMANDS; i++) deploy_nearest_consider(name, COMMANDS[i].name, &best);
    if (length > 3 && strcmp(name + length - 3, ".py") == 0)
        deploy_reason_set(&reason, DEPLOY_STATUS_USAGE, "no command '%s'; did you mean 'chariot run %s'?", name, name);
    else if (best != NULL)
        deploy_reason_set(&reason, DEPLOY_STATUS_USAGE, "no command '%s'; did you mean '%s'?", name, best);
    else
        deploy_reason_set(&reason, DEPLOY_STATUS_USAGE, "no command '%s'; 'chariot help' lists them", name);
    deploy_reason_print(&reason);
    return reason.status;
}

static int on_help(const char *argv0, char **argv) {
    (void)argv0;
    const struct command *command = argv[0] == NULL ? NULL : find(argv[0]);
    if (argv[0] != NULL && command == NULL) return unknown(argv[0]);
    if (command != NULL && command->print_help != NULL) {
        command->print_help();
        return 0;
    }
    puts("usage: chariot COMMAND ...\n");
    for (size_t i = 0; i < NUM_COMMANDS; i++) printf("  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    return 0;
}

/* Otherwise a pipe or socket of ours could become the standard output that we write to. */
static void fill_standard_descriptors(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= 2);
    if (fd > 2) close(fd);
}

int main(int argc, char **argv) {
    if (argc < 1) return DEPLOY_STATUS_USAGE;
    fill_standard_descriptors();
    if (deploy_charmrun_is_name(argv[0])) return deploy_run_charmrun(argv[0], argv + 1);
    if (argc < 2) {
        struct deploy_reason reason = {0};
        deploy_reason_set(&reason, DEPLOY_STATUS_USAGE,
                          "no command given; usage: chariot run [-n N] prog.py [arguments]; 'chariot help' lists all");
        deploy_reason_print(&reason);
        return reason.status;
    }
    const struct command *command = find(argv[1]);
    return command == NULL ? unknown(argv[1]) : command->run(argv[0], argv + 2);
}
