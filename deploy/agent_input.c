/* deploy/agent_input.c: see agent_input.h. */
#include "deploy/agent_input.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct winsize size_of(uint32_t rows, uint32_t columns) {
    return (struct winsize){.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
}

int deploy_agent_input_make(struct deploy_agent_input *input, int *theirs, struct deploy_reason *reason) {
    const struct winsize size = size_of(input->rows, input->columns);
    int pair[2]; /* theirs, ours */
    int rc = input->rows > 0 ? openpty(&pair[1], &pair[0], NULL, NULL, &size) : pipe2(pair, O_CLOEXEC);
    if (rc != 0) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "no input for PE 0 to be had: %s", strerror(errno));
    for (int i = 0; i < 2; i++) (void)fcntl(pair[i], F_SETFD, FD_CLOEXEC);
    *theirs = pair[0];
    input->ours = pair[1];
    return 0;
}

void deploy_agent_input_open(struct deploy_agent_input *input, struct deploy_relay *relay, struct deploy_bridge *out,
                             struct deploy_bridge *err) {
    deploy_bridge_open(&input->bridge, relay, 0, DEPLOY_STREAM_INPUT, input->ours, input->rows > 0);
    input->ours = -1;
    if (input->rows == 0) return;
    deploy_bridge_order(&input->bridge, out);
    deploy_bridge_order(&input->bridge, err);
}

void deploy_agent_input_resize(struct deploy_agent_input *input, const Chariot__V1__AgentWindow *window) {
    const struct winsize size = size_of(window->rows, window->columns);
    if (input->rows > 0 && input->bridge.fd >= 0) (void)ioctl(input->bridge.fd, TIOCSWINSZ, &size);
}

void deploy_agent_input_finish(struct deploy_agent_input *input) {
    if (deploy_bridge_drain(&input->bridge)) deploy_bridge_finish(&input->bridge);
}

void deploy_agent_input_close(struct deploy_agent_input *input) {
    deploy_bridge_close(&input->bridge);
    if (input->ours >= 0) close(input->ours);
    input->ours = -1;
}
