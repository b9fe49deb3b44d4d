/* abseil.h: abseil's locks, which are gRPC's, without their search for deadlocks. */
#ifndef CHARIOT_RPC_ABSEIL_H
#define CHARIOT_RPC_ABSEIL_H

#include <dlfcn.h>
#include <stddef.h>

/* Debian builds abseil without NDEBUG, and then every lock of gRPC's looks for cycles of locks, under a lock of the
 * whole process: a tenth of what a message costs (docs/decisions/164). This is
 * absl::SetMutexDeadlockDetectionMode(kIgnore), to be called before the first thread; its name holds the build's, and
 * where there is none of it nothing is changed. */
static inline void rpc_abseil_trust_locks(void) {
    enum { IGNORE };
    void (*set_mode)(int);
    *(void **)&set_mode = dlsym(RTLD_DEFAULT, "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE");
    if (set_mode != NULL) set_mode(IGNORE);
}

#endif
