/* deploy/service.h: a job's public service (chariot/v1/object_service.proto) as commands call it: `chariot call`, `ls`,
 * `top`.
 *
 *     take the options -> open(method, request) -> next(), a response each, until there are no more -> close
 *
 * The program chariot-dial beside this one speaks gRPC (chariot/v1/dial.proto): a process for each call, which ends
 * with it, or with us. Everything blocks: a command has nothing else to do. */
#ifndef CHARIOT_DEPLOY_SERVICE_H
#define CHARIOT_DEPLOY_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "deploy/pack.h"
#include "deploy/reason.h"
#include "deploy/words.h"
#include "rpc/wire.h"

/* Statuses of the commands, by what became of the call; others are DEPLOY_STATUS_... */
enum deploy_service_status {
    DEPLOY_SERVICE_RAISED = 1,       /* ABORTED: the method raised */
    DEPLOY_SERVICE_ARGUMENTS = 65,   /* INVALID_ARGUMENT */
    DEPLOY_SERVICE_NOT_THERE = 66,   /* NOT_FOUND */
    DEPLOY_SERVICE_UNREACHED = 69,   /* UNAVAILABLE */
    DEPLOY_SERVICE_FAILED = 70,      /* all others */
    DEPLOY_SERVICE_TOO_MUCH = 75,    /* RESOURCE_EXHAUSTED */
    DEPLOY_SERVICE_MISFIT = 76,      /* UNIMPLEMENTED; what came was no answer */
    DEPLOY_SERVICE_NOT_ALLOWED = 77, /* PERMISSION_DENIED, UNAUTHENTICATED */
};

/* What the options say; strings are borrowed from the command line. First in the context of a command's own options. */
struct deploy_service {
    const char *address;
    const char *token_file, *authority, *certificate, *key, *server_name; /* NULL: not said */
    bool tls;
    double timeout; /* seconds; 0: none */
    bool help;

    /* Of the call that is open. */
    pid_t pid;
    int stream; /* to chariot-dial; -1: none is open */
    uint8_t *heard;
    bool answered; /* there was a response */
};

void deploy_service_init(struct deploy_service *service);

/* Rows for a command's table of options (words.h). */
#define DEPLOY_SERVICE_WORDS                                                                                           \
    {NULL, "--token-file", "FILE", "a file with the client's token, which nobody else may read",                       \
     deploy_service_set_token_file},                                                                                   \
        {NULL, "--certificate-authority", "FILE",                                                                      \
         "speak TLS with a service whose certificate is of this authority (PEM)", deploy_service_set_authority},       \
        {NULL, "--tls", NULL, "speak TLS with a service whose certificate this machine trusts",                        \
         deploy_service_set_tls},                                                                                      \
        {NULL, "--certificate", "FILE", "the client's own certificate (PEM), where the service wants one",             \
         deploy_service_set_certificate},                                                                              \
        {NULL, "--key", "FILE", "its private key (PEM)", deploy_service_set_key},                                      \
        {NULL, "--server-name", "NAME", "whose certificate it must be, if not the address's",                          \
         deploy_service_set_server_name},                                                                              \
        {NULL, "--timeout", "S", "give up after S seconds", deploy_service_set_timeout}, {                             \
        "-h", "--help", NULL, "print this text", deploy_service_set_help                                               \
    }

#define DEPLOY_SERVICE_SETTER(name)                                                                                    \
    int deploy_service_set_##name(void *context, const char *as_typed, const char *value, struct deploy_reason *reason);
DEPLOY_SERVICE_SETTER(token_file)
DEPLOY_SERVICE_SETTER(authority)
DEPLOY_SERVICE_SETTER(tls)
DEPLOY_SERVICE_SETTER(certificate)
DEPLOY_SERVICE_SETTER(key)
DEPLOY_SERVICE_SETTER(server_name)
DEPLOY_SERVICE_SETTER(timeout)
DEPLOY_SERVICE_SETTER(help)
#undef DEPLOY_SERVICE_SETTER

/* The command's words: options, the address, and further ones. *words is behind the address then; options may stand
 * there too, and are taken up to the first word that is none. */
int deploy_service_words(struct deploy_service *service, const struct deploy_words *table, char ***words,
                         struct deploy_reason *reason);

/* Begins a call of that method of ObjectService; none may be open. CHARIOT_EABORTED with *reason. */
int deploy_service_open(struct deploy_service *service, const char *method, const struct deploy_pack *request,
                        struct deploy_reason *reason);
/* Waits for the next response: 1; *response is there until the next call of these. 0: there are no more, and all is
 * well. CHARIOT_EABORTED with *reason: it has failed; what the method raised is on standard error with its traceback.
 */
int deploy_service_next(struct deploy_service *service, struct rpc_wire *response, struct deploy_reason *reason);
void deploy_service_close(struct deploy_service *service);
/* The one response of a unary method. */
int deploy_service_only(struct deploy_service *service, struct rpc_wire *response, struct deploy_reason *reason);

/* A text from the service, with nothing in it that a terminal would obey but ends of lines. In place. */
void deploy_service_tame(char *text);

#endif
