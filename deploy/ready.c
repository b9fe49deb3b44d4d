/* deploy/ready.c: see ready.h. */
#include "deploy/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/error.h"

/* ---------------------------------------------------------------- the file */

static int make_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) return -1;
    ssize_t size = (ssize_t)strlen(text), written = write(fd, text, (size_t)size);
    return close(fd) == 0 && written == size ? 0 : -1;
}

/* Whoever sees it finds all of the text in it. */
static int put_file(const char *path, const char *text) {
    char early[PATH_MAX];
    if (text[0] == '\0') return make_file(path, text);
    if (snprintf(early, sizeof early, "%s.new", path) >= (int)sizeof early) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (unlink(early) != 0 && errno != ENOENT) return -1;
    if (make_file(early, text) == 0 && rename(early, path) == 0) return 0;
    unlink(early);
    return -1;
}

/* Made and removed at once: that it cannot be is known before anything runs. */
static int try_file(const char *path, struct deploy_reason *reason) {
    if ((unlink(path) == 0 || errno == ENOENT) && make_file(path, "") == 0 && unlink(path) == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot make the file '%s' (--ready-file): %s", path,
                             strerror(errno));
}

/* ---------------------------------------------------------------- systemd */

/* A path, or with '@' in front a name in the kernel's own space of them. */
static int connect_to(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address.sun_path) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static void notify(const struct deploy_ready *ready, const char *text) {
    if (ready->fd >= 0) (void)send(ready->fd, text, strlen(text), MSG_NOSIGNAL); /* gone: it has other ways to know */
}

static int open_socket(struct deploy_ready *ready, struct deploy_reason *reason) {
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || name[0] == '\0') return 0;
    ready->fd = connect_to(name);
    if (ready->fd < 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS,
                                 "cannot reach the service manager at '%s' (NOTIFY_SOCKET): %s", name, strerror(errno));
    unsetenv("NOTIFY_SOCKET");
    return 0;
}

/* ---------------------------------------------------------------- life */

int deploy_ready_init(struct deploy_ready *ready, const char *file, struct deploy_reason *reason) {
    *ready = (struct deploy_ready){.file = file, .fd = -1};
    int rc = file == NULL ? 0 : try_file(file, reason);
    return rc != 0 ? rc : open_socket(ready, reason);
}

void deploy_ready_say(struct deploy_ready *ready, uint32_t num_pes, const char *served_at) {
    char text[512], line[400] = "";
    if (ready->said) return;
    ready->said = true;
    if (served_at != NULL) snprintf(line, sizeof line, "%s\n", served_at);
    if (ready->file != NULL && put_file(ready->file, line) != 0)
        fprintf(stderr, "chariot: cannot make the file '%s' (--ready-file): %s\n", ready->file, strerror(errno));
    snprintf(text, sizeof text, "READY=1\nSTATUS=%u PEs%s%s\n", num_pes, served_at != NULL ? ", serving at " : "",
             served_at != NULL ? served_at : "");
    notify(ready, text);
}

void deploy_ready_over(struct deploy_ready *ready) {
    if (ready->said && ready->file != NULL) unlink(ready->file);
    notify(ready, "STOPPING=1\n");
    if (ready->fd >= 0) close(ready->fd);
    ready->fd = -1;
    ready->said = false;
}
