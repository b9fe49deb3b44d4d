/* rpc/listen.c: see listen.h. */
#include "rpc/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/error.h"

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

int rpc_listen_read(struct rpc_listen *listen, char *why, size_t why_size) {
    const char *on = variable("CHARIOT_LISTEN"), *others = variable("CHARIOT_ADDRESS");
    const char *ports = variable("CHARIOT_PORTS");
    int end = 0;
    *listen = (struct rpc_listen){.on = on != NULL ? on : others, .others = others};
    if (listen->on == NULL) listen->on = "127.0.0.1";
    if (ports == NULL) return 0;
    bool whole = sscanf(ports, "%5u-%5u%n", &listen->low, &listen->high, &end) == 2 && ports[end] == '\0';
    if (whole && listen->low > 0 && listen->low <= listen->high && listen->high <= 65535) return 0;
    snprintf(why, why_size, "CHARIOT_PORTS is '%.40s'; ports are LOW-HIGH, from 1 to 65535", ports);
    return CHARIOT_EINVAL;
}

void rpc_listen_target(const char *address, uint32_t port, char *target, size_t size) {
    snprintf(target, size, strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u", address, port);
}

/* 0: it may be listened on; else an errno. */
static int try_port(const struct addrinfo *address) {
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int error = bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 1) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int try_address(const char *address, uint32_t port) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[16];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, &found) != 0) return EADDRNOTAVAIL;
    int error = try_port(found);
    freeaddrinfo(found);
    return error;
}

int rpc_listen_find_port(const struct rpc_listen *listen, uint32_t begin, uint32_t *port, char *why, size_t why_size) {
    int error = EADDRINUSE;
    uint32_t count = listen->low == 0 ? 1 : listen->high - listen->low + 1;
    for (uint32_t i = 0; i < count; i++) {
        *port = listen->low == 0 ? 0 : listen->low + (begin - listen->low + i) % count;
        error = try_address(listen->on, *port);
        if (error == 0) return 0;
        if (error != EADDRINUSE) break;
    }
    if (error == EADDRINUSE)
        snprintf(why, why_size, "no port from %u to %u is free on %.64s (--ports)", listen->low, listen->high,
                 listen->on);
    else
        snprintf(why, why_size, "%.64s cannot be listened on: %s", listen->on, strerror(error));
    return CHARIOT_EIO;
}
