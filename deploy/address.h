/* deploy/address.h: where the PEs of this machine listen, and under which address others reach them, for rpc/listen.h.
 *
 *   --interface NAME      an address of that interface
 *   --advertise ADDRESS   what others use: an address, or a name that this machine knows; where it is not one of this
 *                         machine's own (it is translated on the way), PEs listen on all
 *   neither               the address by which this machine was reached
 *
 * CHARIOT_INTERFACE and CHARIOT_ADVERTISE in the environment say the same for one machine, and win. */
#ifndef CHARIOT_DEPLOY_ADDRESS_H
#define CHARIOT_DEPLOY_ADDRESS_H

#include <stdint.h>

#include "deploy/hosts.h"
#include "deploy/reason.h"

struct deploy_address {
    const char *interface; /* each: NULL or "" where nothing is said */
    const char *advertise;
    const char *reached; /* the address by which this machine was reached, a number; NULL: it is asked for */
    const char *ports;   /* "LOW-HIGH" */
};

/* Sets CHARIOT_LISTEN, CHARIOT_ADDRESS and CHARIOT_PORTS, which PEs inherit. CHARIOT_EABORTED with *reason. */
int deploy_address_settle(const struct deploy_address *address, struct deploy_reason *reason);

/* "LOW-HIGH" as --ports takes it: enough for the PEs of each host. CHARIOT_EABORTED with *reason. */
int deploy_address_check_ports(const char *ports, uint32_t num_pes, const char *host, struct deploy_reason *reason);
/* "a=10.0.0.1,b=10.0.0.2" as --advertise takes it: sets the addresses of these hosts. */
int deploy_address_of_hosts(struct deploy_hosts *hosts, const char *list, struct deploy_reason *reason);

#endif
