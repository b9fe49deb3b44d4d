/* rpc/error.c: texts and names of the error codes, generated from the one list in error.h. */
#include "rpc/error.h"

const char *chariot_error_text(int code) {
    switch (code) {
#define ERROR_TEXT(name, number, text)                                                                                 \
    case number:                                                                                                       \
        return text;
        CHARIOT_ERRORS(ERROR_TEXT)
#undef ERROR_TEXT
    case 0:
        return "success";
    default:
        return "unknown error";
    }
}

const char *chariot_error_name(int code) {
    switch (code) {
#define ERROR_NAME(name, number, text)                                                                                 \
    case number:                                                                                                       \
        return #name;
        CHARIOT_ERRORS(ERROR_NAME)
#undef ERROR_NAME
    case 0:
        return "OK";
    default:
        return "UNKNOWN";
    }
}
