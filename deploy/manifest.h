/* deploy/manifest.h: what Kubernetes is told of a job: Secret, headless Service, NetworkPolicy, and an Indexed Job or a
 * StatefulSet. Pure, but for the secret, which is random. */
#ifndef CHARIOT_DEPLOY_MANIFEST_H
#define CHARIOT_DEPLOY_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The pods are named NAME-0, NAME-1, ...; Kubernetes adds up to 11 bytes of its own, and has room for 63. */
enum { DEPLOY_MANIFEST_NAME_MAX = 52 };

struct deploy_manifest {
    const char *name; /* of all objects: a DNS label that begins with a letter */
    const char *image;
    const char *secret; /* name of a Secret that is there; NULL: one is printed too */
    uint32_t num_pes;
    uint32_t num_pods;
    const char *serve;    /* Secret with what foreign programs are served by (--serve); NULL: they are not */
    bool service;         /* a StatefulSet, which starts its pods anew, in place of a Job */
    char *const *program; /* program and arguments, up to NULL; UTF-8 */
};

/* Borrows all of *manifest. The secret's key has 256 bits, in hexadecimal: 64 characters. */
void deploy_manifest_print(FILE *out, const struct deploy_manifest *manifest, const char *key);

#endif
