/* deploy/call_target.c: see call_target.h. Names may have points: the method stands behind the last one. */
#include "deploy/call_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/base64.h"
#include "rpc/error.h"

/* "1, 2]" */
static bool read_index(struct deploy_call_target *target, const char *at, const char **end) {
    for (;;) {
        char *behind;
        errno = 0;
        long long number = strtoll(at, &behind, 10);
        if (behind == at || errno != 0 || target->dims == DEPLOY_CALL_DIMS) return false;
        target->index[target->dims++] = number;
        behind += strspn(behind, " ");
        *end = behind + 1;
        if (*behind == ']') return true;
        if (*behind != ',') return false;
        at = behind + 1;
    }
}

static int fail(const char *text, bool is_method, struct deploy_reason *reason) {
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                             is_method ? "'%s' is no method of an object, as in 'grid.add' or 'grid[1,2].add'"
                                       : "'%s' is no object, as in 'grid'",
                             text);
}

int deploy_call_target_read(struct deploy_call_target *target, const char *text, bool is_method,
                            struct deploy_reason *reason) {
    *target = (struct deploy_call_target){.text = text};
    const char *bracket = strchr(text, '['), *behind = bracket;
    if (bracket != NULL && !read_index(target, bracket + 1, &behind)) return fail(text, is_method, reason);
    const char *point = bracket != NULL ? behind : strrchr(text, '.');
    bool has_method = is_method && point != NULL && point[0] == '.' && point[1] != '\0';
    target->object = bracket != NULL ? (size_t)(bracket - text) : has_method ? (size_t)(point - text) : strlen(text);
    if (has_method) target->method = point + 1;
    if (target->object == 0 || has_method != is_method || (!is_method && bracket != NULL && *behind != '\0'))
        return fail(text, is_method, reason);
    return 0;
}

static int put_reference(const struct deploy_call_target *target, struct deploy_pack *pack,
                         struct deploy_reason *reason) {
    char *text = strndup(target->text + 1, target->object - 1);
    size_t size;
    bool good = text != NULL && deploy_base64_read(text, target->object - 1, &size);
    if (good) {
        size_t reference = deploy_pack_begin(pack, 2);
        deploy_pack_bytes(pack, 1, text, size);
        deploy_pack_end(pack, reference);
    }
    free(text);
    return good ? 0
                : deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                    "'%s': what stands behind '@' is no reference, as a result has given it",
                                    target->text);
}

int deploy_call_target_put(const struct deploy_call_target *target, struct deploy_pack *pack, uint32_t number,
                           struct deploy_reason *reason) {
    int err = 0;
    size_t message = deploy_pack_begin(pack, number);
    if (target->text[0] == '@')
        err = put_reference(target, pack, reason);
    else
        deploy_pack_bytes(pack, 1, target->text, target->object);
    for (size_t i = 0; i < target->dims; i++) deploy_pack_number(pack, 3, (uint64_t)target->index[i]);
    deploy_pack_end(pack, message);
    return err;
}
