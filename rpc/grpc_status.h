/* rpc/grpc_status.h: chariot's errors as gRPC status codes and back: the one function each way. */
#ifndef CHARIOT_RPC_GRPC_STATUS_H
#define CHARIOT_RPC_GRPC_STATUS_H

#include <grpc/status.h>

grpc_status_code rpc_status_of_error(int error);
/* 0 for GRPC_STATUS_OK; otherwise a code of rpc/error.h. */
int rpc_error_of_status(grpc_status_code status);

#endif
