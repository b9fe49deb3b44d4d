/* deploy/terminal.c: see terminal.h. */
#include "deploy/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

static bool is_ours(void) {
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void deploy_terminal_take(struct deploy_terminal *terminal) {
    if (terminal->taken || !is_ours() || tcgetattr(STDIN_FILENO, &terminal->before) != 0) return;
    struct termios mode = terminal->before;
    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    mode.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP | IXON);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    if (terminal->passes_interrupt) mode.c_cc[VINTR] = _POSIX_VDISABLE;
    terminal->taken = tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0;
}

void deploy_terminal_pass_interrupt(struct deploy_terminal *terminal) {
    struct termios mode;
    terminal->passes_interrupt = true;
    if (!terminal->taken || !is_ours() || tcgetattr(STDIN_FILENO, &mode) != 0) return;
    mode.c_cc[VINTR] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
}

void deploy_terminal_give_back(struct deploy_terminal *terminal) {
    if (terminal->taken && is_ours()) tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    terminal->taken = false;
}

bool deploy_terminal_size(uint32_t *rows, uint32_t *columns) {
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return false;
    *rows = size.ws_row > 0 ? size.ws_row : 24; /* it does not say */
    *columns = size.ws_col > 0 ? size.ws_col : 80;
    return true;
}
