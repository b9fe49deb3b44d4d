"""What every file needs: the tests may run behind nohup or in the background of a shell."""

from __future__ import annotations

import signal

# Ignored signals are inherited, and a launcher that was started so leaves them ignored: here they are to end jobs.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
