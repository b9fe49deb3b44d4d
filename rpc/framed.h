/* rpc/framed.h: whole messages on a stream between two processes: each is preceded by its size in bytes, a
 * little-endian 32-bit number. Blocking, with poll() for time limits, whether the descriptor blocks or not. Either end
 * may die at any moment: a write to a dead end is CHARIOT_EGONE, never SIGPIPE. */
#ifndef CHARIOT_RPC_FRAMED_H
#define CHARIOT_RPC_FRAMED_H

#include <stddef.h>
#include <stdint.h>

/* A message is written whole, also where several threads write. CHARIOT_EGONE, CHARIOT_EIO; CHARIOT_ETOOBIG: its size
 * does not fit. */
int rpc_framed_write(int fd, const void *data, size_t size);
/* Waits for at most timeout_ms (-1: for ever) for one whole message of at most max_bytes; gives *data. CHARIOT_EGONE,
 * CHARIOT_EIO, CHARIOT_ETIMEOUT, CHARIOT_ENOMEM; CHARIOT_EMALFORMED: it is larger. */
int rpc_framed_read(int fd, int timeout_ms, uint32_t max_bytes, uint8_t **data, size_t *size);

#endif
