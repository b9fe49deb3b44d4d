/* deploy/ls.c: see ls.h. */
#include "deploy/ls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/call_target.h"
#include "deploy/service.h"
#include "rpc/error.h"
#include "rpc/proto/chariot/v1/object_service.pb-c.h"

enum { TIMEOUT_S = 20, TEXT_COLUMNS = 100 };

typedef Chariot__V1__ListObjectsResponse page_of_objects;
typedef Chariot__V1__Object object;
typedef Chariot__V1__Method method;
typedef Chariot__V1__Parameter parameter;

static const struct deploy_word OPTIONS[] = {DEPLOY_SERVICE_WORDS};
static const struct deploy_words WORDS = {
    .items = OPTIONS, .count = sizeof OPTIONS / sizeof OPTIONS[0], .help = "chariot help ls"};

static int malformed(struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_SERVICE_MISFIT, "the service's answer is malformed");
}

/* What the service says, of which a terminal obeys nothing. */
static char *tame(char *text) {
    deploy_service_tame(text);
    return text;
}

/* ---------------------------------------------------------------- all objects */

static const char *kind_of(const object *it, char *room, size_t size) {
    static const char *const names[] = {"?", "chare", "group", "array", "section"};
    const char *name = (size_t)it->kind < sizeof names / sizeof names[0] ? names[it->kind] : names[0];
    if (it->kind != CHARIOT__V1__OBJECT_KIND__OBJECT_KIND_ARRAY || it->dimensions < 1) return name;
    snprintf(room, size, "%s %dd", name, it->dimensions);
    return room;
}

static void print_row(object *it) {
    char kind[32];
    (void)tame(it->description);
    int line = (int)strcspn(it->description, "\n");
    (void)tame(it->name), (void)tame(it->type);
    printf("%-24s %-9s %-20s %.*s\n", it->name, kind_of(it, kind, sizeof kind), it->type,
           line < TEXT_COLUMNS ? line : TEXT_COLUMNS, it->description);
}

/* Prints a page; *token gets where the next one begins, "" where there is none. */
static int print_page(struct deploy_service *service, char *token, size_t size, struct deploy_reason *reason) {
    struct deploy_pack request = {0};
    struct rpc_wire response;
    if (token[0] != '\0') deploy_pack_text(&request, 3, token);
    int err = deploy_service_open(service, "ListObjects", &request, reason);
    deploy_pack_deinit(&request);
    if (err == 0) err = deploy_service_only(service, &response, reason);
    if (err != 0) return err;
    page_of_objects *page = chariot__v1__list_objects_response__unpack(NULL, rpc_wire_left(&response), response.at);
    if (page == NULL || strlen(page->next_page_token) >= size || strcmp(page->next_page_token, token) < 0)
        err = malformed(reason);
    for (size_t i = 0; err == 0 && i < page->n_objects; i++) print_row(page->objects[i]);
    if (err == 0) snprintf(token, size, "%s", page->next_page_token);
    if (page != NULL) chariot__v1__list_objects_response__free_unpacked(page, NULL);
    deploy_service_close(service);
    return err;
}

static int print_all(struct deploy_service *service, struct deploy_reason *reason) {
    char token[300] = "";
    int err;
    do {
        err = print_page(service, token, sizeof token, reason);
    } while (err == 0 && token[0] != '\0');
    return err;
}

/* ---------------------------------------------------------------- one object */

static void print_indented(char *text, int columns) {
    for (char *rest, *line = strtok_r(tame(text), "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        printf("%*s%s\n", columns, "", line);
}

/* As it stands in the program's source; "/" and "*" where others may be given by position, or by name, no more. */
static void print_parameter(parameter *it, bool *names_only, const char *between) {
    const char *stars = it->kind == CHARIOT__V1__PARAMETER_KIND__PARAMETER_KIND_REST         ? "*"
                        : it->kind == CHARIOT__V1__PARAMETER_KIND__PARAMETER_KIND_NAMED_REST ? "**"
                                                                                             : "";
    bool by_name = it->kind == CHARIOT__V1__PARAMETER_KIND__PARAMETER_KIND_NAME_ONLY;
    printf("%s%s%s%s", between, by_name && !*names_only ? "*, " : "", stars, tame(it->name));
    *names_only |= by_name || it->kind == CHARIOT__V1__PARAMETER_KIND__PARAMETER_KIND_REST;
    if (it->type[0] != '\0') printf(": %s", tame(it->type));
    if (it->optional) fputs(it->type[0] != '\0' ? " = .." : "=..", stdout);
}

static void print_method(method *it) {
    bool names_only = false, positions = false;
    printf("\n  %s(", tame(it->name));
    for (size_t i = 0; i < it->n_parameters; i++) {
        bool position = it->parameters[i]->kind == CHARIOT__V1__PARAMETER_KIND__PARAMETER_KIND_POSITION_ONLY;
        print_parameter(it->parameters[i], &names_only, i == 0 ? "" : positions && !position ? ", /, " : ", ");
        positions = position;
    }
    printf("%s)", positions ? ", /" : "");
    if (it->returns[0] != '\0') printf(" -> %s", tame(it->returns));
    puts(it->channel ? "    by a channel" : "");
    print_indented(it->description, 6);
}

static void print_object(object *it) {
    char kind[32];
    printf("%s: %s of %s\n", tame(it->name), kind_of(it, kind, sizeof kind), tame(it->type));
    print_indented(it->description, 2);
    for (size_t i = 0; i < it->n_methods; i++) print_method(it->methods[i]);
}

static int print_one(struct deploy_service *service, const char *name, struct deploy_reason *reason) {
    struct deploy_call_target target;
    struct deploy_pack request = {0};
    struct rpc_wire response;
    int err = deploy_call_target_read(&target, name, false, reason);
    if (err == 0) err = deploy_call_target_put(&target, &request, 1, reason);
    if (err == 0) err = deploy_service_open(service, "GetObject", &request, reason);
    deploy_pack_deinit(&request);
    if (err == 0) err = deploy_service_only(service, &response, reason);
    if (err != 0) return err;
    Chariot__V1__GetObjectResponse *got =
        chariot__v1__get_object_response__unpack(NULL, rpc_wire_left(&response), response.at);
    if (got == NULL || got->object == NULL)
        err = malformed(reason);
    else
        print_object(got->object);
    if (got != NULL) chariot__v1__get_object_response__free_unpacked(got, NULL);
    return err;
}

/* ---------------------------------------------------------------- the command */

static int run(struct deploy_service *service, char **words, struct deploy_reason *reason) {
    int err = deploy_service_words(service, &WORDS, &words, reason);
    if (err != 0) return err;
    if (service->help) {
        deploy_ls_help();
        return 0;
    }
    if (words[0] != NULL && words[1] != NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "one name at most, not '%s' too", words[1]);
    return words[0] == NULL ? print_all(service, reason) : print_one(service, words[0], reason);
}

int deploy_ls(const char *argv0, char **argv) {
    struct deploy_service service;
    struct deploy_reason reason = {0};
    (void)argv0;
    deploy_service_init(&service);
    service.timeout = TIMEOUT_S;
    int err = run(&service, argv, &reason);
    deploy_service_close(&service);
    if (err == 0 && fflush(stdout) != 0)
        err = deploy_reason_set(&reason, DEPLOY_STATUS_OUTPUT, "cannot write standard output");
    if (err == 0) return 0;
    deploy_reason_print(&reason);
    return reason.status;
}

void deploy_ls_help(void) {
    fputs("usage: chariot ls [options] ADDRESS [NAME]\n\n"
          "Lists what the job at ADDRESS has published, as far as this client may call it; of one object its "
          "methods.\n\n",
          stdout);
    deploy_words_help(&WORDS, stdout);
}
