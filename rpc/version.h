/* rpc/version.h: the version of the protocol between PEs (chariot/v1/peer.proto). A peer that says another number is
 * refused: raise it whenever the meaning of bytes on a link changes. */
#ifndef CHARIOT_RPC_VERSION_H
#define CHARIOT_RPC_VERSION_H

enum { RPC_PROTOCOL_VERSION = 2 };

#endif
