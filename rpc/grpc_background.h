/* grpc_background.h: gRPC does not poll on threads of its own. For one file of a program or module. */
#ifndef CHARIOT_RPC_GRPC_BACKGROUND_H
#define CHARIOT_RPC_GRPC_BACKGROUND_H

#include <stdbool.h>

/* A write that has to wait makes gRPC 1.51 start a poller (cover_self in its tcp_posix.cc), unless its engine polls in
 * the background all the time. That poller takes the events of all connections, one by one, each on another thread than
 * the last: while one peer does not read, all others are served at half the rate (docs/decisions/169). Who uses this
 * header always polls, so the engine's answer may be yes. The linker takes this function in place of gRPC's; where it
 * does not, nothing is changed. */
bool grpc_event_engine_run_in_background(void) __asm__("_Z35grpc_event_engine_run_in_backgroundv");

bool grpc_event_engine_run_in_background(void) {
    return true;
}

#endif
