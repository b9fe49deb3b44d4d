/* objects/args.h: the arguments of a call, read one by one as C types, and what is said where they are others.
 *
 *     static int scale(struct chariot_call *call) {
 *         struct chariot_args args;
 *         struct chariot_value cells;
 *         chariot_args_init(&args, call->args);
 *         double factor = chariot_arg_double(&args);
 *         chariot_arg_array(&args, "<f8", 2, &cells);
 *         if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
 *         ...
 *
 * Part of chariot.h. The first argument that is missing or of another type is noted; it and all that follow read as
 * zeros, and chariot_args_end() makes of it the TypeError that the caller gets. Pointers borrow from the message. */
#ifndef CHARIOT_OBJECTS_ARGS_H
#define CHARIOT_OBJECTS_ARGS_H

#include "objects/value.h"

struct chariot_call;
struct chariot_pe;
struct chariot_target;
struct chariot_type;

/* ---------------------------------------------------------------- arguments */

struct chariot_args {
    struct chariot_reader reader; /* before the next one */
    uint64_t left;                /* positional ones that were not read yet */
    uint64_t number;              /* of those that were */
    char why[200];                /* what is wrong; empty: nothing */
};

/* Arguments as chariot_send_take() was given them; NULL: none. */
void chariot_args_init(struct chariot_args *args, const struct chariot_msg *msg);
/* There is another one: for those that may be left out. */
bool chariot_args_more(const struct chariot_args *args);
/* A bool; an int of 64 bits, a bool too; a double, or any number. numpy's scalars are numbers. */
bool chariot_arg_bool(struct chariot_args *args);
int64_t chariot_arg_int(struct chariot_args *args);
double chariot_arg_double(struct chariot_args *args);
/* value->bytes: not terminated by a zero. */
void chariot_arg_string(struct chariot_args *args, struct chariot_value *value);
void chariot_arg_bytes(struct chariot_args *args, struct chariot_value *value);
/* An array of that dtype ("<f8") and so many dimensions, row by row ('C'). value->array.data is aligned to 16 bytes. */
void chariot_arg_array(struct chariot_args *args, const char *dtype, uint32_t ndim, struct chariot_value *value);
/* A proxy: a chare or a collection. */
void chariot_arg_ref(struct chariot_args *args, struct chariot_ref *ref);
/* A callback: a future, a remote method, or null: nothing. */
void chariot_arg_target(struct chariot_args *args, struct chariot_target *target);
/* Whatever it is. Of a list, tuple or map what is in it comes next, by chariot_get() from args->reader: read all. */
void chariot_arg_any(struct chariot_args *args, struct chariot_value *value);
/* 0; CHARIOT_EUSER where an argument was wrong, or there are more: with a TypeError as call's result. */
int chariot_args_end(struct chariot_args *args, struct chariot_call *call);
/* The same for constructors (chariot_type.create), whose failure ends the job: with what is wrong. */
int chariot_args_end_create(struct chariot_args *args, struct chariot_pe *pe, const struct chariot_type *type);

/* ---------------------------------------------------------------- errors */

/* Text of a value: not terminated by a zero. */
struct chariot_text {
    const char *data;
    size_t size;
};

/* What an error value says. Empty where it does not. */
struct chariot_failure {
    struct chariot_text type;  /* "ValueError", "module.Class" */
    struct chariot_text text;  /* for people */
    struct chariot_text trace; /* of Python */
    struct chariot_text where; /* "Block.step" */
    int64_t pe;                /* -1: not said */
};

/* Fails the call: `return chariot_raise(call, "ValueError", "no row %d", row);`. In Python it is the exception of that
 * name, if it is one of the builtin ones, else a RemoteError. CHARIOT_EUSER. */
int chariot_raise(struct chariot_call *call, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An error value as a message of its own, to complete a future or a reply with. NULL: out of memory. */
struct chariot_msg *chariot_error_new(const char *type, const char *text);
/* Reads the error value that reader stands before. CHARIOT_ETYPE: it is none; CHARIOT_EMALFORMED. */
int chariot_error_read(struct chariot_reader *reader, struct chariot_failure *failure);

#endif
