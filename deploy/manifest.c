/* deploy/manifest.c: see manifest.h. Each function prints one object, or one part of what a pod is.
 *
 * deploy/k8s/ holds the same objects for kustomize; test/conformance/test_k8s.py holds the two to each other. */
#include "deploy/manifest.h"

#include <string.h>

#include "deploy/yaml.h"

#define READY "/tmp/chariot-ready"
#define SERVE "/etc/chariot-serve"

enum { SERVE_PORT = 7000 };

/* Names are words that mean themselves in YAML: k8s.c has seen to that. */
static void print_labels(FILE *out, int indent, const char *name) {
    fprintf(out, "%*sapp.kubernetes.io/name: chariot\n", indent, "");
    fprintf(out, "%*sapp.kubernetes.io/instance: %s\n", indent, "", name);
}

static void print_head(FILE *out, const char *version, const char *kind, const char *name) {
    fprintf(out, "---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n  labels:\n", version, kind, name);
    print_labels(out, 4, name);
}

static void print_secret(FILE *out, const char *name, const char *key) {
    fputs("# Who has this key may take part in the job: keep it out of version control.\n", out);
    print_head(out, "v1", "Secret", name);
    fprintf(out, "type: Opaque\nimmutable: true\nstringData:\n  secret: \"%s\"\n", key);
}

/* Names of pods, which are to be found before the pods are ready: they get ready together. */
static void print_service(FILE *out, const char *name) {
    print_head(out, "v1", "Service", name);
    fputs("spec:\n"
          "  clusterIP: None\n"
          "  publishNotReadyAddresses: true\n"
          "  selector:\n",
          out);
    print_labels(out, 4, name);
}

/* Where foreign programs find the job: its first pod, whose PE 0 serves. */
static void print_front(FILE *out, const char *name) {
    fprintf(out, "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: %s-serve\n  labels:\n", name);
    print_labels(out, 4, name);
    fputs("spec:\n  selector:\n", out);
    print_labels(out, 4, name);
    fprintf(out,
            "    statefulset.kubernetes.io/pod-name: %s-0\n"
            "  ports:\n"
            "    - {name: grpc, port: %d, appProtocol: grpc}\n",
            name, SERVE_PORT);
}

/* Pods of the job reach each other and name servers, and nothing else reaches them or is reached, but by whoever is
 * served. */
static void print_network_policy(FILE *out, const char *name, bool serves) {
    print_head(out, "networking.k8s.io/v1", "NetworkPolicy", name);
    fputs("spec:\n  podSelector:\n    matchLabels:\n", out);
    print_labels(out, 6, name);
    fputs("  policyTypes: [Ingress, Egress]\n"
          "  ingress:\n"
          "    - from:\n"
          "        - podSelector:\n"
          "            matchLabels:\n",
          out);
    print_labels(out, 14, name);
    if (serves) fprintf(out, "    - ports:\n        - {protocol: TCP, port: %d}\n", SERVE_PORT);
    fputs("  egress:\n"
          "    - to:\n"
          "        - podSelector:\n"
          "            matchLabels:\n",
          out);
    print_labels(out, 14, name);
    fputs("    - ports:\n"
          "        - {protocol: UDP, port: 53}\n"
          "        - {protocol: TCP, port: 53}\n",
          out);
}

/* ---------------------------------------------------------------- pods */

/* Kubernetes puts variables in place of $(NAME), and makes $ of $$. */
static void print_argument(FILE *out, const char *word) {
    fputs("            - ", out);
    deploy_yaml_quote(out, word, '$');
    fputc('\n', out);
}

static void print_arguments(FILE *out, const struct deploy_manifest *manifest) {
    char number[16], address[16];
    snprintf(number, sizeof number, "%u", manifest->num_pes);
    snprintf(address, sizeof address, "[::]:%d", SERVE_PORT);
    const char *const serve[] = {
        "--serve",        address,       "--serve-clients", SERVE "/clients", "--serve-certificate",
        SERVE "/tls.crt", "--serve-key", SERVE "/tls.key"};
    const char *const words[] = {"run", "-n", number, "--ready-file", READY};
    fputs("          command: [chariot]\n          args:\n", out);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) print_argument(out, words[i]);
    for (size_t i = 0; manifest->serve != NULL && i < sizeof serve / sizeof serve[0]; i++)
        print_argument(out, serve[i]);
    if (manifest->program[0][0] == '-' && strcmp(manifest->program[0], "-m") != 0) print_argument(out, "--");
    for (char *const *word = manifest->program; *word != NULL; word++) print_argument(out, *word);
}

/* Which member a pod is it reads off JOB_COMPLETION_INDEX, or its name (deploy/members.c). */
static void print_environment(FILE *out, const struct deploy_manifest *manifest) {
    fprintf(out,
            "          env:\n"
            "            - {name: CHARIOT_MEMBERS, value: \"%u\"}\n"
            "            - {name: CHARIOT_JOB, value: %s}\n"
            "            - {name: CHARIOT_HEAD, value: \"%s-0.%s:7227\"}\n"
            "            - {name: CHARIOT_SECRET_FILE, value: /etc/chariot/secret}\n",
            manifest->num_pods, manifest->name, manifest->name, manifest->name);
}

/* Ready is when all PEs take part. Nothing probes for life, and nothing limits the start: members wait for each other
 * and watch each other, and end when one is missing or lost; then Kubernetes acts. */
static void print_probes(FILE *out) {
    fputs("          readinessProbe:\n"
          "            exec: {command: [test, -e, " READY "]}\n"
          "            periodSeconds: 2\n",
          out);
}

static void print_container(FILE *out, const struct deploy_manifest *manifest) {
    fputs("      containers:\n        - name: chariot\n          image: ", out);
    deploy_yaml_quote(out, manifest->image, '\0');
    fputc('\n', out);
    print_arguments(out, manifest);
    print_environment(out, manifest);
    print_probes(out);
    fprintf(out,
            "          resources:\n"
            "            requests: {cpu: \"%u\"}\n"
            "          securityContext:\n"
            "            allowPrivilegeEscalation: false\n"
            "            readOnlyRootFilesystem: true\n"
            "            capabilities: {drop: [ALL]}\n"
            "          volumeMounts:\n"
            "            - {name: tmp, mountPath: /tmp}\n"
            "            - {name: secret, mountPath: /etc/chariot, readOnly: true}\n",
            (manifest->num_pes + manifest->num_pods - 1) / manifest->num_pods);
    if (manifest->serve != NULL) fputs("            - {name: serve, mountPath: " SERVE ", readOnly: true}\n", out);
}

/* The user is deploy/Containerfile's. */
static void print_pod(FILE *out, const struct deploy_manifest *manifest) {
    const char *name = manifest->name;
    fputs("  template:\n    metadata:\n      labels:\n", out);
    print_labels(out, 8, name);
    fprintf(out,
            "    spec:\n"
            "      subdomain: %s\n"
            "%s"
            "      terminationGracePeriodSeconds: 10\n"
            "      automountServiceAccountToken: false\n"
            "      enableServiceLinks: false\n"
            "      securityContext:\n"
            "        runAsNonRoot: true\n"
            "        runAsUser: 10001\n"
            "        runAsGroup: 10001\n"
            "        fsGroup: 10001\n"
            "        seccompProfile: {type: RuntimeDefault}\n",
            name, manifest->service ? "" : "      restartPolicy: Never\n");
    print_container(out, manifest);
    fprintf(out,
            "      volumes:\n"
            "        - {name: tmp, emptyDir: {}}\n"
            "        - {name: secret, secret: {secretName: %s, defaultMode: 0440}}\n",
            manifest->secret != NULL ? manifest->secret : name);
    if (manifest->serve != NULL)
        fprintf(out, "        - {name: serve, secret: {secretName: %s, defaultMode: 0440}}\n", manifest->serve);
}

/* A pod that ends ends them all; to try again with some of them anew would be no use. */
static void print_job(FILE *out, const struct deploy_manifest *manifest) {
    print_head(out, "batch/v1", "Job", manifest->name);
    fprintf(out,
            "spec:\n"
            "  completionMode: Indexed\n"
            "  completions: %u\n"
            "  parallelism: %u\n"
            "  backoffLimit: 0\n",
            manifest->num_pods, manifest->num_pods);
    print_pod(out, manifest);
}

static void print_stateful_set(FILE *out, const struct deploy_manifest *manifest) {
    print_head(out, "apps/v1", "StatefulSet", manifest->name);
    fprintf(out,
            "spec:\n"
            "  serviceName: %s\n"
            "  replicas: %u\n"
            "  podManagementPolicy: Parallel\n"
            "  selector:\n"
            "    matchLabels:\n",
            manifest->name, manifest->num_pods);
    print_labels(out, 6, manifest->name);
    print_pod(out, manifest);
}

void deploy_manifest_print(FILE *out, const struct deploy_manifest *manifest, const char *key) {
    if (manifest->secret == NULL) print_secret(out, manifest->name, key);
    print_service(out, manifest->name);
    if (manifest->serve != NULL) print_front(out, manifest->name);
    print_network_policy(out, manifest->name, manifest->serve != NULL);
    if (manifest->service)
        print_stateful_set(out, manifest);
    else
        print_job(out, manifest);
}
