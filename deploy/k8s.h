/* deploy/k8s.h: `chariot k8s render`: Kubernetes manifests for a program and a size, on standard output. */
#ifndef CHARIOT_DEPLOY_K8S_H
#define CHARIOT_DEPLOY_K8S_H

int deploy_k8s(const char *argv0, char **argv);
void deploy_k8s_help(void);

#endif
