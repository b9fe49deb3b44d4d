/* rpc/module.c: finds and loads the gRPC module (module.h).
 *
 * The dynamic loader looks beside libchariot.so (its run path is $ORIGIN), then where it finds libraries. */
#include "rpc/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "rpc/error.h"

static const char grpc_file[] = "libchariot-grpc.so." CHARIOT_SOVERSION;

static int say_missing(char *why, size_t why_size) {
    const char *error = dlerror();
    bool ours = error != NULL && strncmp(error, grpc_file, strlen(grpc_file)) == 0;
    snprintf(why, why_size, "the gRPC transport cannot be loaded: %s (%s)", error == NULL ? "?" : error,
             ours ? "it belongs beside libchariot.so: install Chariot anew"
                  : "on Debian and Ubuntu: apt-get install libgrpc29, or libgrpc-dev");
    return CHARIOT_EIO;
}

int rpc_module_load(const struct rpc_module **out, char *why, size_t why_size) {
    void *handle = dlopen(grpc_file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) return say_missing(why, why_size);
    const struct rpc_module *module = dlsym(handle, "chariot_grpc_module");
    if (module == NULL) return say_missing(why, why_size);
    if (strcmp(module->version, CHARIOT_VERSION) != 0 || module->layout != RPC_MODULE_LAYOUT) {
        snprintf(why, why_size, "%s is of Chariot %s, and this is %s: install Chariot anew", grpc_file, module->version,
                 CHARIOT_VERSION);
        return CHARIOT_EVERSION;
    }
    *out = module;
    return 0;
}
