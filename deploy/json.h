/* deploy/json.h: values (chariot/v1/value.proto) as JSON for people and scripts, and back.
 *
 *     null, true, 3, "text", [..], {"text": ..}       as they are; an integer may have any size
 *     2.0, 1e3                                        with a point or an exponent: a real
 *     {"@real": "NaN"}                                also "Infinity", "-Infinity"
 *     {"@bytes": BASE64}
 *     {"@tuple": [..]}
 *     {"@map": [[KEY, VALUE], ..]}                    where keys are no texts, or one alone begins with '@'
 *     {"@array": {"dtype": "<f8", "shape": [2, 1], "data": [[1.5], [2.5]]}}
 *     {"@array": {"dtype": "<c8", "shape": [2], "base64": .., "order": "F"}}
 *     {"@reference": BASE64}, {"@future": BASE64}     as a result gave them
 *     {"@failure": {"type": .., "message": .., "pe": .., "traceback": ..}}    results only
 *
 * Of an array that is given "<f8" is its dtype, and how its data are nested its shape, where these are not said. */
#ifndef CHARIOT_DEPLOY_JSON_H
#define CHARIOT_DEPLOY_JSON_H

#include <stdio.h>

#include "deploy/pack.h"
#include "rpc/wire.h"

enum { DEPLOY_JSON_DEPTH = 32 }; /* Values inside one another, as value.proto says */

/* Fields of Value. */
enum deploy_json_kind {
    DEPLOY_JSON_NULL = 1,
    DEPLOY_JSON_BOOLEAN,
    DEPLOY_JSON_INTEGER,
    DEPLOY_JSON_BIG_INTEGER,
    DEPLOY_JSON_REAL,
    DEPLOY_JSON_TEXT,
    DEPLOY_JSON_DATA,
    DEPLOY_JSON_LIST,
    DEPLOY_JSON_TUPLE,
    DEPLOY_JSON_MAP,
    DEPLOY_JSON_ARRAY,
    DEPLOY_JSON_REFERENCE,
    DEPLOY_JSON_FUTURE,
    DEPLOY_JSON_FAILURE,
};

/* Text that is read; `why` says what was wrong with it. */
struct deploy_json {
    const char *begin, *at, *end; /* borrowed */
    char why[200];                /* empty: nothing */
};

/* Reads `text`, one value and nothing behind it, as field `number` of a message. False: json->why says why not. */
bool deploy_json_read(struct deploy_json *json, const char *text, size_t size, struct deploy_pack *pack,
                      uint32_t number);

/* Writes the Value in these bytes. False: it is malformed. */
bool deploy_json_write(FILE *out, struct rpc_wire value);
/* A text with its quotes, with nothing in it that a terminal would obey. */
void deploy_json_write_text(FILE *out, const uint8_t *text, size_t size);

/* ---------------------------------------------------------------- json_scan.c: for the readers */

/* Notes what is wrong, at that place, if nothing is yet. Gives false. */
__attribute__((format(printf, 2, 3))) bool deploy_json_fail(struct deploy_json *json, const char *format, ...);
/* Behind white space; '\0' at the end. */
char deploy_json_peek(struct deploy_json *json);
/* Takes that character, or says that it is missing. */
bool deploy_json_take(struct deploy_json *json, char c);
/* Takes it if it comes next. */
bool deploy_json_takes(struct deploy_json *json, char c);
/* After an item of a list or object: true: another follows. `end` has been taken otherwise, or json->why is set. */
bool deploy_json_follows(struct deploy_json *json, char end);
/* A string: its characters are appended to pack. */
bool deploy_json_string(struct deploy_json *json, struct deploy_pack *pack);
/* The same, with '\0' behind it. NULL: it is none, or longer. */
const char *deploy_json_word(struct deploy_json *json, char *out, size_t room);
/* A number, as it is written; *real: it has a point or an exponent. */
bool deploy_json_number(struct deploy_json *json, const char **text, size_t *size, bool *real);
bool deploy_json_int(struct deploy_json *json, int64_t *value);
/* Any value, which is not looked at. */
bool deploy_json_skip(struct deploy_json *json, int depth);
/* null, true, false */
bool deploy_json_literal(struct deploy_json *json, const char *word);
/* A string of BASE64: its bytes are appended to pack. */
bool deploy_json_base64(struct deploy_json *json, struct deploy_pack *pack);
/* What a number of these characters is. */
double deploy_json_real(const char *text, size_t size);
/* A number as a real, or the name of one that JSON has none for: "NaN", "Infinity", "-Infinity". otherwise: what is
 * wrong with other names. */
bool deploy_json_any_real(struct deploy_json *json, double *value, const char *otherwise);
/* That name; NULL: it has none. */
const char *deploy_json_real_name(double value);

/* json_array.c: what stands behind "@array", as field `number`; its text in these bytes. */
bool deploy_json_read_array(struct deploy_json *json, struct deploy_pack *pack, uint32_t number);
bool deploy_json_write_array(FILE *out, struct rpc_wire array);
/* json_write.c */
void deploy_json_write_real(FILE *out, double value);

#endif
