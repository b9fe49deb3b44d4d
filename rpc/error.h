/* rpc/error.h: the one list of error codes.
 *
 * Every function that can fail returns int: 0 is success, a negative number is one of these codes and is forwarded
 * unchanged, a positive number is an outcome that is documented at the function which returns it. Remote text is data:
 * it is never used as a format string. Installed beside chariot.h. */
#ifndef CHARIOT_RPC_ERROR_H
#define CHARIOT_RPC_ERROR_H

/* X(name, number, text) */
#define CHARIOT_ERRORS(X)                                                                                              \
    X(NOMEM, -1, "out of memory")                                                                                      \
    X(INVAL, -2, "invalid argument")                                                                                   \
    X(NOENT, -3, "no such object")                                                                                     \
    X(EXIST, -4, "exists already")                                                                                     \
    X(TYPE, -5, "value of another type expected")                                                                      \
    X(RANGE, -6, "value out of range")                                                                                 \
    X(MALFORMED, -7, "malformed message")                                                                              \
    X(TOOBIG, -8, "message exceeds the limit")                                                                         \
    X(AUTH, -9, "wrong or missing job token")                                                                          \
    X(VERSION, -10, "peer speaks another protocol version")                                                            \
    X(GONE, -11, "peer is gone")                                                                                       \
    X(CLOSED, -12, "closed")                                                                                           \
    X(IO, -13, "input or output failed")                                                                               \
    X(TIMEOUT, -14, "timed out")                                                                                       \
    X(STATE, -15, "not possible in this state")                                                                        \
    X(ABORTED, -16, "job aborted")                                                                                     \
    X(USER, -17, "user method failed")

enum chariot_error {
#define CHARIOT_ERROR_ENUM(name, number, text) CHARIOT_E##name = (number),
    CHARIOT_ERRORS(CHARIOT_ERROR_ENUM)
#undef CHARIOT_ERROR_ENUM
};

/* Text of a code, static, never NULL. */
const char *chariot_error_text(int code);
/* Name of a code ("NOMEM"), static, never NULL. */
const char *chariot_error_name(int code);

#endif
