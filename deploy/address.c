/* deploy/address.c: see address.h. */
#include "deploy/address.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/error.h"

enum { ADDRESS_BYTES = 64 };

static bool is_said(const char *text) {
    return text != NULL && text[0] != '\0';
}

static bool is_v6(const char *address) {
    return strchr(address, ':') != NULL;
}

/* ---------------------------------------------------------------- interfaces */

/* The number of an address, as getaddrinfo() reads it. */
static bool number_of(const struct sockaddr *address, char text[ADDRESS_BYTES]) {
    if (address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) return false;
    socklen_t size = address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    return getnameinfo(address, size, text, ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) == 0;
}

/* An address that needs the name of an interface beside it is none that others could use. */
static bool is_link_local(const char *address) {
    return strchr(address, '%') != NULL;
}

static void list_names(const struct ifaddrs *all, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (const struct ifaddrs *one = all; one != NULL && used + 2 * IFNAMSIZ < size; one = one->ifa_next) {
        char number[ADDRESS_BYTES];
        if (!number_of(one->ifa_addr, number) || is_link_local(number) || strstr(text, one->ifa_name) != NULL) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", one->ifa_name);
    }
}

static int choose_on(const struct ifaddrs *all, const char *interface, bool v6, char text[ADDRESS_BYTES],
                     struct deploy_reason *reason) {
    bool found = false, up = false;
    text[0] = '\0';
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        char number[ADDRESS_BYTES];
        if (strcmp(one->ifa_name, interface) != 0) continue;
        found = true;
        up |= (one->ifa_flags & IFF_UP) != 0;
        if (!number_of(one->ifa_addr, number) || is_link_local(number)) continue;
        if (text[0] == '\0' || (is_v6(number) == v6 && is_v6(text) != v6)) strcpy(text, number);
    }
    if (found && !up) return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "interface '%s' is down", interface);
    if (text[0] != '\0') return 0;
    if (found)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "interface '%s' has no address that others could use",
                                 interface);
    char names[256];
    list_names(all, names, sizeof names);
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "there is no interface '%s'; there are: %s", interface,
                             names);
}

/* Whether it can be listened on: also where no interface has it by that name, as 127.0.0.2. */
static bool is_own(const char *address) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(address, NULL, &hints, &found) != 0) return false;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool own = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    if (fd >= 0) close(fd);
    freeaddrinfo(found);
    return own;
}

/* ---------------------------------------------------------------- where PEs listen */

static int resolve(const char *name, char text[ADDRESS_BYTES], struct deploy_reason *reason) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "no address '%s' that others could use (--advertise): %s",
                                 name, gai_strerror(error));
    bool good = number_of(found->ai_addr, text);
    freeaddrinfo(found);
    return good ? 0 : deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "'%s' has no IP address (--advertise)", name);
}

static int choose(const struct deploy_address *address, const struct ifaddrs *all, char on[ADDRESS_BYTES],
                  char others[ADDRESS_BYTES], struct deploy_reason *reason) {
    int rc = 0;
    on[0] = others[0] = '\0';
    if (is_said(address->advertise)) rc = resolve(address->advertise, others, reason);
    if (rc == 0 && is_said(address->interface)) rc = choose_on(all, address->interface, is_v6(others), on, reason);
    if (rc != 0) return rc;
    if (on[0] == '\0' && others[0] == '\0') snprintf(others, ADDRESS_BYTES, "%s", address->reached);
    if (others[0] == '\0') strcpy(others, on);
    if (on[0] != '\0') return 0;
    strcpy(on, is_own(others) ? others : is_v6(others) ? "::" : "0.0.0.0");
    return 0;
}

/* This host's own address on the way to that one. */
static void find_route(const char *to, char *address, size_t size) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    struct addrinfo *found;
    if (getaddrinfo(to, "9", &hints, &found) != 0) return;
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* sends nothing */
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &length) == 0)
        (void)getnameinfo((struct sockaddr *)&own, length, address, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
    if (fd >= 0) close(fd);
    freeaddrinfo(found);
}

/* Where this host was reached: by srun from another, or by ssh ("client port server port"). */
static void find_own(char *address, size_t size) {
    const char *launcher = getenv("SLURM_LAUNCH_NODE_IPADDR"), *connection = getenv("SSH_CONNECTION");
    snprintf(address, size, "127.0.0.1");
    if (getenv("SLURM_STEP_ID") != NULL && launcher != NULL)
        find_route(launcher, address, size);
    else if (connection != NULL)
        (void)sscanf(connection, "%*s %*s %63s", address);
}

static const char *here(const char *variable, const char *said) {
    return is_said(getenv(variable)) ? getenv(variable) : said;
}

int deploy_address_settle(const struct deploy_address *said, struct deploy_reason *reason) {
    struct deploy_address address = *said;
    struct ifaddrs *all;
    char on[ADDRESS_BYTES], others[ADDRESS_BYTES], reached[ADDRESS_BYTES];
    address.interface = here("CHARIOT_INTERFACE", said->interface);
    address.advertise = here("CHARIOT_ADVERTISE", said->advertise);
    if (said->reached == NULL) {
        find_own(reached, sizeof reached);
        address.reached = reached;
    }
    if (getifaddrs(&all) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot list interfaces: %s", strerror(errno));
    int rc = choose(&address, all, on, others, reason);
    freeifaddrs(all);
    if (rc != 0) return rc;
    setenv("CHARIOT_LISTEN", on, 1);
    setenv("CHARIOT_ADDRESS", others, 1);
    if (is_said(address.ports))
        setenv("CHARIOT_PORTS", address.ports, 1);
    else
        unsetenv("CHARIOT_PORTS");
    return 0;
}

/* ---------------------------------------------------------------- options */

int deploy_address_check_ports(const char *ports, uint32_t num_pes, const char *host, struct deploy_reason *reason) {
    unsigned low, high;
    int end = 0;
    bool whole = sscanf(ports, "%5u-%5u%n", &low, &high, &end) == 2 && ports[end] == '\0' && ports[0] != '-';
    if (!whole || low < 1 || low > high || high > 65535)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--ports takes LOW-HIGH, two numbers from 1 to 65535, not '%s'", ports);
    if (high - low + 1 >= num_pes) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--ports %s is %u port(s), and host %s has %u PEs", ports,
                             high - low + 1, host, num_pes);
}

static struct deploy_host *find(struct deploy_hosts *hosts, const char *name) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (strcmp(hosts->items[i].name, name) == 0) return &hosts->items[i];
    }
    return NULL;
}

static int set_one(struct deploy_hosts *hosts, char *word, struct deploy_reason *reason) {
    char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || equals[1] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "--advertise takes HOST=ADDRESS, several with commas between, not '%s'", word);
    *equals = '\0';
    struct deploy_host *host = find(hosts, word);
    if (host == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "--advertise: '%s' is no host of this job", word);
    free(host->address);
    host->address = strdup(equals + 1);
    if (host->address != NULL) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
}

int deploy_address_of_hosts(struct deploy_hosts *hosts, const char *list, struct deploy_reason *reason) {
    char *copy = strdup(list), *rest = NULL;
    if (copy == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    int rc = 0;
    for (char *word = strtok_r(copy, ",", &rest); word != NULL && rc == 0; word = strtok_r(NULL, ",", &rest))
        rc = set_one(hosts, word, reason);
    free(copy);
    return rc;
}
