/* deploy/pmix/main.c: the program chariot-pmix, which speaks PMIx for a member of a job under mpirun: where its head is
 * and what its key is goes through the engine's key space.
 *
 * The launcher (deploy/pmix.c) starts it with a stream as its standard input and output, and they say lines:
 *
 *   -> put TEXT                   at member 0: for all others to read
 *   <- member RANK SIZE           at once
 *   <- head TEXT                  at others, when all are there
 *   <- error TEXT                 the last
 *
 * It stays until its input ends, since to the engine it is the member. Nothing of PMIx is linked into the launcher, and
 * this is built where PMIx is. */
#include <errno.h>
#include <pmix.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };
static const char KEY[] = "chariot.head";

static int fail(const char *what, pmix_status_t status) {
    printf("error %s: %s\n", what, PMIx_Error_string(status));
    return 1;
}

static pmix_status_t job_size(const pmix_proc_t *me, uint32_t *size) {
    pmix_proc_t all;
    pmix_value_t *value;
    PMIX_LOAD_PROCID(&all, me->nspace, PMIX_RANK_WILDCARD);
    pmix_status_t rc = PMIx_Get(&all, PMIX_JOB_SIZE, NULL, 0, &value);
    if (rc != PMIX_SUCCESS) return rc;
    bool good = value->type == PMIX_UINT32;
    *size = good ? value->data.uint32 : 0;
    PMIX_VALUE_RELEASE(value);
    return good ? PMIX_SUCCESS : PMIX_ERR_TYPE_MISMATCH;
}

/* The launcher ends the job by ending its stream; so no line is no error. */
static pmix_status_t put_line(bool *has_line) {
    char line[LINE_MAX_BYTES];
    pmix_value_t value;
    *has_line = fgets(line, sizeof line, stdin) != NULL && strncmp(line, "put ", 4) == 0;
    if (!*has_line) return PMIX_SUCCESS;
    line[strcspn(line, "\n")] = '\0';
    PMIX_VALUE_LOAD(&value, line + 4, PMIX_STRING);
    pmix_status_t rc = PMIx_Put(PMIX_GLOBAL, KEY, &value);
    PMIX_VALUE_DESTRUCT(&value);
    return rc == PMIX_SUCCESS ? PMIx_Commit() : rc;
}

/* All members are there when this returns, and what one has put the others can get. */
static pmix_status_t fence(const pmix_proc_t *me) {
    pmix_proc_t all;
    pmix_info_t collect;
    bool yes = true;
    PMIX_LOAD_PROCID(&all, me->nspace, PMIX_RANK_WILDCARD);
    PMIX_INFO_LOAD(&collect, PMIX_COLLECT_DATA, &yes, PMIX_BOOL);
    pmix_status_t rc = PMIx_Fence(&all, 1, &collect, 1);
    PMIX_INFO_DESTRUCT(&collect);
    return rc;
}

static pmix_status_t tell_head(const pmix_proc_t *me) {
    pmix_proc_t head;
    pmix_value_t *value;
    PMIX_LOAD_PROCID(&head, me->nspace, 0);
    pmix_status_t rc = PMIx_Get(&head, KEY, NULL, 0, &value);
    if (rc != PMIX_SUCCESS) return rc;
    bool good = value->type == PMIX_STRING && value->data.string != NULL;
    if (good) printf("head %s\n", value->data.string);
    PMIX_VALUE_RELEASE(value);
    return good ? PMIX_SUCCESS : PMIX_ERR_TYPE_MISMATCH;
}

static int meet(const pmix_proc_t *me) {
    uint32_t size;
    bool has_line = true;
    pmix_status_t rc = job_size(me, &size);
    if (rc != PMIX_SUCCESS) return fail("no size of the job", rc);
    printf("member %u %u\n", me->rank, size);
    if (me->rank == 0) rc = put_line(&has_line);
    if (rc != PMIX_SUCCESS) return fail("cannot put", rc);
    if (!has_line) return 0;
    rc = fence(me);
    if (rc != PMIX_SUCCESS) return fail("not all members came", rc);
    if (me->rank != 0) rc = tell_head(me);
    return rc == PMIX_SUCCESS ? 0 : fail("member 0 has put nothing", rc);
}

static void wait_for_end(void) {
    char byte;
    ssize_t got;
    do got = read(STDIN_FILENO, &byte, 1);
    while (got > 0 || (got < 0 && errno == EINTR));
}

int main(void) {
    pmix_proc_t me;
    setvbuf(stdout, NULL, _IOLBF, 0);
    pmix_status_t rc = PMIx_Init(&me, NULL, 0);
    if (rc != PMIX_SUCCESS) return fail("no PMIx server", rc);
    int status = meet(&me);
    wait_for_end();
    PMIx_Finalize(NULL, 0);
    return status;
}
