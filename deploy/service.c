/* deploy/service.c: see service.h. */
#include "deploy/service.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/beside.h"
#include "deploy/options.h"
#include "deploy/raised.h"
#include "rpc/error.h"
#include "rpc/framed.h"
#include "rpc/proto/chariot/v1/dial.pb-c.h"

#define PROGRAM "chariot-dial"

enum { MAX_FILE = 1 << 20, MAX_TOKEN = 512, END_PATIENCE_S = 2 };

/* ---------------------------------------------------------------- options */

void deploy_service_init(struct deploy_service *service) {
    *service = (struct deploy_service){.stream = -1};
}

#define TEXT(field, what)                                                                                              \
    int deploy_service_set_##field(void *context, const char *as_typed, const char *value,                             \
                                   struct deploy_reason *reason) {                                                     \
        struct deploy_service *service = context;                                                                      \
        service->field = value;                                                                                        \
        if (value[0] != '\0') return 0;                                                                                \
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes " what, as_typed);                             \
    }
TEXT(token_file, "the name of a file")
TEXT(authority, "the name of a PEM file")
TEXT(certificate, "the name of a PEM file")
TEXT(key, "the name of a PEM file")
TEXT(server_name, "the name of a host")
#undef TEXT

int deploy_service_set_tls(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_service *service = context;
    (void)as_typed, (void)value, (void)reason;
    service->tls = true;
    return 0;
}

int deploy_service_set_help(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_service *service = context;
    (void)as_typed, (void)value, (void)reason;
    service->help = true;
    return 0;
}

int deploy_service_set_timeout(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct deploy_service *service = context;
    return deploy_options_seconds(as_typed, value, &service->timeout, reason);
}

static bool is_address(const char *address) {
    const char *colon = strrchr(address, ':');
    if (strncmp(address, "unix:", 5) == 0) return address[5] != '\0';
    return colon != NULL && colon > address && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1);
}

static bool stays_here(const char *address) {
    return strncmp(address, "unix:", 5) == 0 || strncmp(address, "127.", 4) == 0 ||
           strncmp(address, "localhost:", 10) == 0 || strncmp(address, "[::1]:", 6) == 0;
}

static int check(const struct deploy_service *service, struct deploy_reason *reason) {
    const char *why = NULL;
    if (!is_address(service->address))
        why = "an address is HOST:PORT, [ADDRESS]:PORT or unix:/path";
    else if ((service->certificate == NULL) != (service->key == NULL))
        why = "--certificate and --key belong together";
    else if (!service->tls && (service->certificate != NULL || service->server_name != NULL))
        why = "certificates are of use with TLS: --certificate-authority FILE, or --tls";
    else if (service->token_file != NULL && !service->tls && !stays_here(service->address))
        why = "a token goes to other hosts by TLS alone: --certificate-authority FILE, or --tls";
    if (why == NULL) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "'%s': %s", service->address, why);
}

int deploy_service_words(struct deploy_service *service, const struct deploy_words *table, char ***words,
                         struct deploy_reason *reason) {
    int err = deploy_words_take(table, service, words, reason);
    if (err != 0 || service->help) return err;
    if (**words == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "no address given; '%s' says how", table->help);
    service->address = *(*words)++;
    err = deploy_words_take(table, service, words, reason);
    service->tls |= service->authority != NULL;
    return err != 0 || service->help ? err : check(service, reason);
}

/* ---------------------------------------------------------------- files */

/* Gives the text. */
static int read_file(const char *path, bool is_secret, char **text, struct deploy_reason *reason) {
    struct stat about;
    FILE *file = fopen(path, "re");
    *text = file == NULL ? NULL : calloc(1, MAX_FILE + 1);
    size_t size = *text == NULL ? 0 : fread(*text, 1, MAX_FILE, file);
    int failed = file == NULL || *text == NULL || ferror(file) ? errno : 0;
    bool open_to_all = is_secret && file != NULL && fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) &&
                       (about.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (file != NULL) fclose(file);
    if (failed == 0 && size > 0 && !open_to_all) return 0;
    if (open_to_all) return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "others may read %s: chmod 600 it", path);
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "cannot read %s: %s", path,
                             failed != 0 ? strerror(failed) : "there is nothing in it");
}

/* Its one word. */
static int read_token(const char *path, char **token, struct deploy_reason *reason) {
    int err = read_file(path, true, token, reason);
    if (err != 0) return err;
    size_t size = strcspn(*token, " \t\r\n"), rest = strspn(*token + size, " \t\r\n");
    if (size == 0 || size > MAX_TOKEN || (*token)[size + rest] != '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s is to have a token, and nothing else", path);
    (*token)[size] = '\0';
    return 0;
}

struct files {
    char *token, *authority, *certificate, *key;
};

static int read_files(const struct deploy_service *service, struct files *files, struct deploy_reason *reason) {
    int err = service->token_file == NULL ? 0 : read_token(service->token_file, &files->token, reason);
    if (err == 0 && service->authority != NULL) err = read_file(service->authority, false, &files->authority, reason);
    if (err == 0 && service->certificate != NULL)
        err = read_file(service->certificate, false, &files->certificate, reason);
    if (err == 0 && service->key != NULL) err = read_file(service->key, true, &files->key, reason);
    return err;
}

static void forget(char *text) {
    if (text != NULL) explicit_bzero(text, strlen(text));
    free(text);
}

static void files_deinit(struct files *files) {
    forget(files->token);
    forget(files->key);
    free(files->authority);
    free(files->certificate);
}

/* ---------------------------------------------------------------- chariot-dial */

static char *or_empty(char *text) {
    return text == NULL ? (char *)(uintptr_t)protobuf_c_empty_string : text;
}

static bool say(struct deploy_service *service, const Chariot__V1__Dial *dial) {
    size_t size = chariot__v1__dial__get_packed_size(dial);
    uint8_t *data = malloc(size);
    if (data == NULL) return false;
    chariot__v1__dial__pack(dial, data);
    bool said = rpc_framed_write(service->stream, data, size) == 0;
    explicit_bzero(data, size);
    free(data);
    return said;
}

static int dial(struct deploy_service *service, const struct files *files, const char *method,
                const struct deploy_pack *request, struct deploy_reason *reason) {
    char path[128];
    Chariot__V1__Dial dial = CHARIOT__V1__DIAL__INIT;
    snprintf(path, sizeof path, "/chariot.v1.ObjectService/%s", method);
    dial.address = (char *)(uintptr_t)service->address;
    dial.tls = service->tls;
    dial.authority = or_empty(files->authority);
    dial.certificate = or_empty(files->certificate);
    dial.key = or_empty(files->key);
    dial.server_name = or_empty((char *)(uintptr_t)service->server_name);
    dial.token = or_empty(files->token);
    dial.method = path;
    dial.request = (ProtobufCBinaryData){.len = request->size, .data = request->data};
    dial.timeout_ms = (uint64_t)ceil(service->timeout * 1000);
    if (request->failed) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "out of memory");
    int err = deploy_beside_start(PROGRAM, &service->pid, &service->stream, reason);
    if (err != 0) return err;
    (void)say(service, &dial); /* it has ended: next() finds out */
    return 0;
}

int deploy_service_open(struct deploy_service *service, const char *method, const struct deploy_pack *request,
                        struct deploy_reason *reason) {
    struct files files = {0};
    int err = read_files(service, &files, reason);
    if (err == 0) err = dial(service, &files, method, request, reason);
    files_deinit(&files);
    return err;
}

void deploy_service_close(struct deploy_service *service) {
    if (service->stream < 0) return;
    close(service->stream);
    service->stream = -1;
    free(service->heard);
    service->heard = NULL;
    kill(service->pid, SIGTERM); /* it waits for the service, maybe */
    deploy_beside_wait(service->pid, END_PATIENCE_S);
}

/* ---------------------------------------------------------------- what comes of it */

static int lost(struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s, which calls in our stead, has ended", PROGRAM);
}

void deploy_service_tame(char *text) {
    for (uint8_t *at = (uint8_t *)text; *at != '\0'; at++) {
        bool obeyed = (*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f;
        if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) *at = at[1] = '?'; /* the same as two bytes */
        if (obeyed) *at = '?';
    }
}

/* google.rpc.Code to a status, and what to do about it. */
static const struct {
    uint32_t code;
    int status;
    const char *hint; /* behind the service's own words */
} ends[] = {
    {1, DEPLOY_STATUS_SIGNAL + 2, ""},
    {3, DEPLOY_SERVICE_ARGUMENTS, ""},
    {4, DEPLOY_STATUS_TIMEOUT, ""},
    {5, DEPLOY_SERVICE_NOT_THERE, "; 'chariot ls' lists what there is"},
    {7, DEPLOY_SERVICE_NOT_ALLOWED, "; 'chariot ls' lists what may be called"},
    {8, DEPLOY_SERVICE_TOO_MUCH, ""},
    {10, DEPLOY_SERVICE_RAISED, ""},
    {12, DEPLOY_SERVICE_MISFIT, ""},
    {14, DEPLOY_SERVICE_UNREACHED, "; does a job serve there, and does it speak TLS as this command does, or not?"},
    {16, DEPLOY_SERVICE_NOT_ALLOWED, "; a token is given by --token-file"},
};

static int end_of(const struct deploy_service *service, const Chariot__V1__DialEnd *end, struct deploy_reason *reason) {
    char text[700];
    int status = DEPLOY_SERVICE_FAILED;
    const char *hint = "";
    if (end->status == 0) return 0;
    snprintf(text, sizeof text, "%s", end->text);
    deploy_service_tame(text);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends[i].code != end->status) continue;
        status = ends[i].status;
        hint = ends[i].hint;
    }
    deploy_raised_print(stderr, end->details.data, end->details.len);
    if (status == DEPLOY_SERVICE_UNREACHED && service->answered)
        return deploy_reason_set(reason, status, "%s serves no more: %s", service->address, text);
    if (status == DEPLOY_SERVICE_UNREACHED)
        return deploy_reason_set(reason, status, "cannot reach %s: %s%s", service->address, text, hint);
    if (status == DEPLOY_STATUS_TIMEOUT)
        return deploy_reason_set(reason, status, "no answer within %g s (--timeout)", service->timeout);
    return deploy_reason_set(reason, status, "%s%s", text, hint);
}

/* `heard` is a Heard: a response is looked at where it lies. */
static int understand(struct deploy_service *service, size_t size, struct rpc_wire *response,
                      struct deploy_reason *reason) {
    struct rpc_wire wire = rpc_wire_of(service->heard, size);
    struct rpc_field field;
    if (rpc_wire_left(&wire) > 0 && rpc_wire_field(&wire, &field) == 0 && field.number == 2) {
        *response = field.bytes;
        service->answered = true;
        return 1;
    }
    Chariot__V1__Heard *heard = chariot__v1__heard__unpack(NULL, size, service->heard);
    int outcome = heard == NULL || heard->what_case != CHARIOT__V1__HEARD__WHAT_END
                      ? lost(reason)
                      : end_of(service, heard->end, reason);
    if (heard != NULL) chariot__v1__heard__free_unpacked(heard, NULL);
    return outcome;
}

int deploy_service_next(struct deploy_service *service, struct rpc_wire *response, struct deploy_reason *reason) {
    size_t size;
    free(service->heard);
    service->heard = NULL;
    int err = rpc_framed_read(service->stream, -1, UINT32_MAX, &service->heard, &size);
    if (err == CHARIOT_ENOMEM) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "out of memory");
    return err != 0 ? lost(reason) : understand(service, size, response, reason);
}

/* The response is kept while the end is waited for: that comes behind it. */
int deploy_service_only(struct deploy_service *service, struct rpc_wire *response, struct deploy_reason *reason) {
    struct rpc_wire more;
    int outcome = deploy_service_next(service, response, reason);
    if (outcome < 0) return outcome;
    uint8_t *kept = service->heard;
    service->heard = NULL;
    int end = outcome == 0 ? 0 : deploy_service_next(service, &more, reason);
    free(service->heard);
    service->heard = kept;
    if (end < 0) return end;
    if (outcome == 1 && end == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_SERVICE_MISFIT, "the service has given no answer, or two");
}
