/* deploy/rundir.c: see rundir.h. */
#include "deploy/rundir.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"

enum { NAME_BYTES = sizeof "/chariot-0123456789abcdef" - 1 };

static bool is_usable(const char *base) {
    struct stat st;
    if (base == NULL || base[0] != '/' || strlen(base) + NAME_BYTES > DEPLOY_RUNDIR_MAX) return false;
    return stat(base, &st) == 0 && S_ISDIR(st.st_mode) && access(base, W_OK | X_OK) == 0;
}

int deploy_rundir_choose(char *path, struct deploy_reason *reason) {
    const char *const bases[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (!is_usable(bases[i])) continue;
        snprintf(path, DEPLOY_RUNDIR_MAX + 1, "%s/chariot-%016" PRIx64, bases[i], number);
        return 0;
    }
    return deploy_reason_set(
        reason, DEPLOY_STATUS_OS,
        "no directory for sockets: none of $XDG_RUNTIME_DIR, $TMPDIR and /tmp is writable and has a "
        "path of at most %d bytes",
        DEPLOY_RUNDIR_MAX - NAME_BYTES);
}

int deploy_rundir_make(const char *path, struct deploy_reason *reason) {
    if (mkdir(path, 0700) == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot make directory '%s': %s", path, strerror(errno));
}

int deploy_rundir_join(const char *path, struct deploy_reason *reason) {
    struct stat st;
    if (mkdir(path, 0700) == 0) return 0;
    if (errno == EEXIST && lstat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 0777) == 0700) return 0;
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "'%s' is there already, and not this user's alone", path);
    }
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot make directory '%s': %s", path, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk) {
    (void)st, (void)kind, (void)walk;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

int deploy_rundir_remove(const char *path) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0) return 0;
    return errno == ENOENT ? 0 : CHARIOT_EIO;
}
