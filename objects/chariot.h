/* chariot.h: distributed objects in C.
 *
 * A program runs as a job of several processes, the PEs. It makes chares, objects that live on any PE, one by one or in
 * collections (groups: one element per PE; arrays: one element per index of up to six dimensions), and calls their
 * entry methods through refs, which mean the same on every PE. Calls are asynchronous; results come back through
 * futures.
 *
 *     int main(void) {
 *         struct chariot_pe *pe;
 *         char why[256];
 *         if (chariot_open(&pe, why, sizeof why) != 0) { fputs(why, stderr); return 1; }
 *         chariot_type_register(pe, &block_type, &block);     (the same types in the same order on every PE)
 *         int status = chariot_run(pe, on_start, NULL);        (on_start runs on PE 0)
 *         chariot_close(pe);
 *         return status;
 *     }
 *
 * Threads: a PE belongs to the thread that opened it; all calls come from there, from inside entry methods and
 * callbacks. Those never run inside one another and never inside the call that causes them.
 * Errors: 0 ok; negative: a code of error.h; positive: an outcome documented at the function.
 * Ownership: `_take` functions take over the message they are given, also when they fail. */
#ifndef CHARIOT_H
#define CHARIOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objects/args.h"
#include "objects/value.h"
#include "rpc/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct chariot_pe;      /* one scheduler with its chares */
struct chariot_elem;    /* one chare, on the PE where it lives */
struct chariot_msg;     /* arguments or another value, encoded; reference-counted, immutable once sent */
struct chariot_future;  /* a handle to a value, or several, that will come */
struct chariot_channel; /* a handle to one end of a channel; reference-counted */
struct chariot_choice;  /* sections that one element joins */
struct chariot_report;  /* what waits on a PE of a job in which nothing happens any more */

/* ---------------------------------------------------------------- messages */

/* An empty message with room for `capacity` payload bytes. NULL: out of memory. */
struct chariot_msg *chariot_msg_new(size_t capacity);
/* The same, for what is sent from this PE: a payload that grows large lies in memory that other PEs of the host read,
 * so that it is not copied once more on its way to them. To be freed before chariot_close(). */
struct chariot_msg *chariot_msg_new_on(struct chariot_pe *pe, size_t capacity);
struct chariot_msg *chariot_msg_ref(struct chariot_msg *msg);
void chariot_msg_unref(struct chariot_msg *msg); /* takes NULL */
/* Others hold it too (it is being passed on, has several receivers here, or is kept): its payload must stay as it is.
 * The one receiver of a message that is not shared may keep a reference and write to its payload. */
bool chariot_msg_is_shared(const struct chariot_msg *msg);
const void *chariot_msg_data(const struct chariot_msg *msg);
size_t chariot_msg_size(const struct chariot_msg *msg); /* bytes */
/* A face may hang an object on a message: in place of a payload (it then stays on this PE, see chariot_face.encode), or
 * what it decoded from the payload, so that other receivers on this PE share it. `drop` runs on the PE's thread. */
void *chariot_msg_object(const struct chariot_msg *msg);
void chariot_msg_set_object(struct chariot_msg *msg, void *object, void (*drop)(void *object));
bool chariot_msg_is_error(const struct chariot_msg *msg); /* its value is a CHARIOT_ERROR, or stands for one */
void chariot_msg_set_error(struct chariot_msg *msg);

/* ---------------------------------------------------------------- refs */

enum { CHARIOT_MAX_DIMS = 6 };

/* Where an element stands in its collection. Dimensions 1 to 3 take 64-bit numbers, 4 to 6 take 32-bit numbers. */
struct chariot_index {
    uint32_t ndims;
    int64_t at[CHARIOT_MAX_DIMS];
};

enum chariot_kind {
    CHARIOT_MAIN = 1, /* the one chare that a job starts with, on PE 0 */
    CHARIOT_SINGLE,   /* one chare: index (0,) */
    CHARIOT_GROUP,    /* one element per PE: index (pe,) */
    CHARIOT_ARRAY_OF, /* one element per index */
    CHARIOT_SECTION,  /* members of other collections */
};

/* Refers to a collection or to one element of it. A plain value: copy it, store it, send it. Two refs mean the same
 * exactly if chariot_ref_equal() says so, on whatever PE they were made. */
struct chariot_ref {
    uint64_t collection; /* id, unique in the job; 0: no ref */
    uint64_t index[3];   /* packed; 0 for a whole collection */
    uint32_t type;       /* chare type of the members */
    uint8_t kind;        /* enum chariot_kind */
    uint8_t ndims;
    uint8_t whole; /* 1: the collection; 0: one element */
    uint8_t pad;
};

bool chariot_ref_equal(const struct chariot_ref *a, const struct chariot_ref *b);
uint64_t chariot_ref_hash(const struct chariot_ref *ref); /* the same on every PE */
/* Ref to an element. CHARIOT_EINVAL: wrong number of dimensions; CHARIOT_ERANGE: does not fit. */
int chariot_ref_element(const struct chariot_ref *collection, const struct chariot_index *index,
                        struct chariot_ref *out);
void chariot_ref_collection(const struct chariot_ref *element, struct chariot_ref *out);
void chariot_ref_index(const struct chariot_ref *element, struct chariot_index *out);
/* Takes apart a CHARIOT_REF value; *method is UINT32_MAX where it is no bound method. */
int chariot_ref_read(const struct chariot_value *value, struct chariot_ref *ref, uint32_t *method);
/* The runtime itself as a group: chariot_runtime methods (exit) as targets. Element pe, or the whole for pe < 0. */
void chariot_ref_runtime(struct chariot_pe *pe, int64_t element, struct chariot_ref *out);
enum {
    CHARIOT_RUNTIME_EXIT = 0, /* args: status int, or none */
    CHARIOT_RUNTIME_MY_PE,    /* gives the number of the PE that answers */
};
struct chariot_type;
/* A face's own methods of the runtime, beside these: type (borrowed for the PE's life) becomes the runtime's. Its first
 * methods are named and do as those above. Before chariot_run(), the same on every PE. CHARIOT_EINVAL; CHARIOT_ESTATE:
 * too late. */
int chariot_runtime_extend(struct chariot_pe *pe, const struct chariot_type *type);

/* ---------------------------------------------------------------- types */

enum { CHARIOT_LATER = 1 }; /* outcome: the method goes on; chariot_reply_take() will complete it */

/* Where the result of a call goes. A plain value; completing it more than once, or never, is the caller's bug. */
struct chariot_reply {
    uint64_t to; /* future or broadcast; 0: nobody waits */
    uint64_t seq;
    uint64_t call; /* says which call of the job's this is; 0: nobody waits, or one that cannot be cancelled */
    uint64_t of;   /* of a broadcast: the collection of the element that replies, and its index */
    uint64_t index[3];
    uint32_t at; /* PE that collects a broadcast's results */
    uint8_t kind;
    uint8_t ndims;
    uint8_t want_value;
};

/* One invocation of an entry method. */
struct chariot_call {
    struct chariot_pe *pe;
    struct chariot_elem *elem;
    void *object; /* what the type's create gave */
    uint32_t method;
    struct chariot_msg *args;   /* borrowed until return; reference it to keep it */
    struct chariot_reply reply; /* copy it where the outcome is CHARIOT_LATER */
    /* To a foreign program that has opened one by this call (chariot_signature.channel); borrowed as args; else NULL.
     * What the program sends is a list of one value; what it is sent, a list of the values of one message. */
    struct chariot_channel *channel;
    struct chariot_msg *result; /* out: the value to reply with (given), or NULL; of a failure: the error value */
};

/* For whom a method is described that foreign programs may call: they see this text, the program does not. */
enum chariot_parameter_kind {
    CHARIOT_ORDINARY = 1, /* by position or by name */
    CHARIOT_POSITION_ONLY,
    CHARIOT_NAME_ONLY,
    CHARIOT_REST,       /* any number of positional ones */
    CHARIOT_NAMED_REST, /* any number of named ones */
};
struct chariot_parameter {
    const char *name;
    const char *type; /* for people; NULL: not said */
    enum chariot_parameter_kind kind;
    bool optional;
};
struct chariot_signature {
    const char *description;                    /* NULL: none */
    const char *returns;                        /* for people; NULL: not said */
    const struct chariot_parameter *parameters; /* without the channel; NULL: not said, and not checked */
    uint32_t num_parameters;
    bool channel; /* it is called with a channel (chariot_call.channel), and in no other way by foreign programs */
};

struct chariot_exposure {
    const char *description; /* of the type; NULL: none */
    /* By number of the method; NULL: foreign programs may not call it. */
    const struct chariot_signature *const *methods;
};

struct chariot_method {
    const char *name;
    /* 0 done; CHARIOT_LATER; negative: failed: the error goes to whoever waits, else the job ends with it. */
    int (*invoke)(struct chariot_call *call);
};

struct chariot_type {
    const char *name; /* unique, such as "module.Class" */
    const struct chariot_method *methods;
    uint32_t num_methods;
    const struct chariot_exposure *exposure; /* to foreign programs; NULL: they may call none of the methods */
    void *ctx;
    bool reads_objects; /* of faces: arguments may come as an object that hangs on the message (chariot_msg_object()) */
    /* Constructor: makes *object for elem from args (borrowed). 0; CHARIOT_LATER: it goes on, and chariot_constructed()
     * will say when it has ended; negative: the job ends (say why by chariot_abort first). */
    int (*create)(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *args, void **object);
    /* Destructor. */
    void (*destroy)(struct chariot_pe *pe, const struct chariot_type *type, void *object);
    /* Placement maps: the PE on which the element of this index is to be created, asked of one element of a group of
     * this type. Negative: it failed, and the job ends (say why by chariot_abort first). NULL: instances are no maps.
     */
    int (*place)(struct chariot_pe *pe, const struct chariot_type *type, void *object,
                 const struct chariot_index *index, int64_t *on_pe);
    /* Sections (sections/sections.h): says by chariot_choose() which of them the element joins. rule is what the
     * splitter gave, for this PE (NULL: nothing); a face may hang what it reads from it on it. Negative: failed, with
     * the error value in *error (given), or NULL. NULL: elements cannot be asked. */
    int (*choose)(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error);
    /* Migration: writes the object's state; makes an object from it. NULL: instances cannot move. pack: 0;
     * CHARIOT_STAYS: it cannot go now, and the type has said why; negative: the same, and the runtime says so. The
     * object is as it was then; else it is destroyed next. unpack: reads by reader from msg, which is the receiver's
     * alone; negative: the job ends. */
    int (*pack)(struct chariot_pe *pe, const struct chariot_type *type, void *object, struct chariot_writer *writer);
    int (*unpack)(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, struct chariot_reader *reader, void **object);
    /* Whoever waited for this call (chariot_reply.call) waits no more, such as a foreign program that has gone or whose
     * deadline has passed: what a method of object does for it, after CHARIOT_LATER, may end. Its reply is to be
     * completed as ever. NULL: methods go on. */
    void (*cancel)(struct chariot_pe *pe, const struct chariot_type *type, void *object, uint64_t call);
};

enum { CHARIOT_STAYS = 1 }; /* outcome of `pack` */

/* For `choose`: the element joins this section; a negative number: none. CHARIOT_ERANGE: there are not so many;
 * CHARIOT_ENOMEM. */
int chariot_choose(struct chariot_choice *choice, int64_t number);

/* Registers a type (borrowed for the PE's life). Same types, same order, on every PE, before chariot_run(); a PE that
 * disagrees ends the job with a message. Later ones too, where the program sees to the order (by broadcasts from one
 * PE, say) and uses a type only once every PE has it. CHARIOT_EEXIST: a type of that name. Gives its number. */
int chariot_type_register(struct chariot_pe *pe, const struct chariot_type *type, uint32_t *id);
const struct chariot_type *chariot_type_of(struct chariot_pe *pe, uint32_t id); /* NULL: no such type */
/* The number of the type of that name, of whatever language. CHARIOT_ENOENT. */
int chariot_type_find(struct chariot_pe *pe, const char *name, uint32_t *id);
/* The number of a method of what ref refers to. CHARIOT_ENOENT. */
int chariot_method_find(struct chariot_pe *pe, const struct chariot_ref *ref, const char *name, uint32_t *method);

/* What a shared library gives to programs that load it, in any language: it exports one of these as `chariot_library`.
 * Nothing of it runs before its types do. */
struct chariot_library {
    uint32_t layout; /* CHARIOT_LAYOUT: the chariot.h that it was compiled against */
    uint32_t num_types, num_reducers;
    const struct chariot_type *const *types;
    const struct chariot_reducer *const *reducers;
    const char *description; /* for people; NULL: none */
};
#define CHARIOT_LAYOUT                                                                                                 \
    ((uint32_t)((((sizeof(struct chariot_type) * 31 + sizeof(struct chariot_call)) * 31 +                              \
                  sizeof(struct chariot_method)) *                                                                     \
                     31 +                                                                                              \
                 sizeof(struct chariot_signature)) *                                                                   \
                    31 +                                                                                               \
                sizeof(struct chariot_exposure) + sizeof(struct chariot_ref) + sizeof(struct chariot_value)))
/* Whether its types and reducers can be registered (pe NULL: in a job that has none of their names): 0;
 * CHARIOT_EVERSION, CHARIOT_EINVAL, CHARIOT_EEXIST: `why` gets a line for people. */
int chariot_library_check(struct chariot_pe *pe, const struct chariot_library *library, char *why, size_t why_size);
/* Registers them, as chariot_type_register() and chariot_reducer_register() do; what it points to is borrowed for the
 * PE's life. Codes as chariot_library_check(), and then none is registered; CHARIOT_ENOMEM. */
int chariot_library_register(struct chariot_pe *pe, const struct chariot_library *library, char *why, size_t why_size);
/* A whole program, for main() to return: opens the PE, registers the library, runs the job (chariot_run()), closes it.
 * What fails before the job runs is said on stderr. */
int chariot_program(const struct chariot_library *library, void (*entry)(struct chariot_pe *pe, void *ctx), void *ctx);

/* ---------------------------------------------------------------- life of a PE */

/* What a language's face on top of this API does for the runtime. All may be NULL. */
struct chariot_face {
    void *ctx;
    /* The thread is about to sleep, or wakes: let other threads of the language run. */
    void (*before_sleep)(void *ctx);
    void (*after_sleep)(void *ctx);
    /* Writes msg's object into its payload, since it must leave this PE. May replace *msg. */
    int (*encode)(void *ctx, struct chariot_msg **msg);
    /* About how many bytes that would be, without doing it. */
    size_t (*object_bytes)(void *ctx, const struct chariot_msg *msg);
    /* Reduces values that C does not understand (pickles, big integers) with a built-in reducer. Gives *out. An array
     * of int64 of one dimension in order 'F' is a list of the language's own integers: where a sum or product of those
     * does not fit, it comes here too. */
    int (*combine)(void *ctx, uint32_t reducer, size_t count, struct chariot_msg *const *values,
                   struct chariot_msg **out);
    /* What PE 0 gave to chariot_release_take(), on every other PE, before anything else runs there. msg is borrowed. */
    void (*on_release)(void *ctx, struct chariot_msg *values);
    /* A timed or posted callback, or a method without receiver, failed: nobody waits for msg (borrowed). */
    void (*on_unreceived_error)(void *ctx, struct chariot_elem *elem, uint32_t method, struct chariot_msg *error);
    /* The job hangs: chariot_report_add() for each thing of the face's that waits. Without it, what waits for futures
     * is reported as callbacks. May not send. */
    void (*describe_blocked)(void *ctx, struct chariot_report *report);
    /* An element of a type that can move may do so now: 0; negative: it may not, and why ("its coroutines ...").
     * CHARIOT_LATER: the same, but one that is to move by now does so when chariot_move_again() is called. */
    int (*may_move)(void *ctx, struct chariot_elem *elem, char *why, size_t why_size);
    /* About how many bytes its state would be, without making it; 0: unknown. */
    size_t (*state_bytes)(void *ctx, struct chariot_elem *elem);
    /* It has come to live here, and what it was sent comes next. */
    void (*on_moved)(void *ctx, struct chariot_elem *elem);
    /* It was to move (chariot_is_leaving()), and what came for it since reaches it here: it stays, or goes later. */
    void (*on_stays)(void *ctx, struct chariot_elem *elem);
    /* A foreign program calls an exposed method: whether it takes these arguments, which the face may put in the form
     * that it has them in (*args is replaced then). 0; negative: why not, for people; *args stays the caller's. */
    int (*admit)(void *ctx, const struct chariot_type *type, uint32_t method, struct chariot_msg **args, char *why,
                 size_t why_size);
    const char *exit_name; /* of chariot_exit(), in messages for people */
};

/* Reads who this process is from what its launcher handed down (none: a job of one PE) and makes the PE.
 * On failure `why` gets a line for people. */
int chariot_open(struct chariot_pe **pe, char *why, size_t why_size);
/* After chariot_run(), or instead of it. Takes NULL. */
void chariot_close(struct chariot_pe *pe);
void chariot_set_face(struct chariot_pe *pe, const struct chariot_face *face); /* copied */

/* Meets the other PEs, then runs until the job ends; entry runs on PE 0, once all PEs are there. Returns the exit
 * status. Every failure has been said by then. */
int chariot_run(struct chariot_pe *pe, void (*entry)(struct chariot_pe *pe, void *ctx), void *ctx);

/* Before chariot_run(): this PE is to run no constructor and no method before PE 0 has released it. */
void chariot_hold(struct chariot_pe *pe);
/* PE 0, once: all PEs go on, with these values (see chariot_face.on_release; NULL: none), which are there before what
 * is sent from now on or was sent by PEs that held. CHARIOT_EINVAL: not PE 0. */
int chariot_release_take(struct chariot_pe *pe, struct chariot_msg *values);

/* Ends the whole job with this exit status (0-255), from any PE; returns at once. Messages sent before may be lost. */
void chariot_exit(struct chariot_pe *pe, int status);
/* Ends the whole job because something is wrong: text (whole lines) is printed once, status is non-zero. */
void chariot_abort(struct chariot_pe *pe, int status, const char *text);

uint32_t chariot_my_pe(const struct chariot_pe *pe);
uint32_t chariot_num_pes(const struct chariot_pe *pe);
uint32_t chariot_host_of(const struct chariot_pe *pe, uint32_t of_pe); /* hosts are numbered from 0 */
uint32_t chariot_num_hosts(const struct chariot_pe *pe);
int64_t chariot_now_ns(const struct chariot_pe *pe); /* monotonic; virtual under simulation */

/* ---------------------------------------------------------------- profiling and tracing */

/* Charges the time of this PE to what runs, from now on. Before chariot_run(). CHARIOT_ENOMEM. */
int chariot_profile_start(struct chariot_pe *pe);
/* The table of what has run so far, as text of whole lines; the caller frees it. CHARIOT_ESTATE: not started. */
int chariot_profile_text(struct chariot_pe *pe, char **text);

/* Measures from now on what each chare of this PE costs, for who balances load (lb/lb.h); false: no more, whoever else
 * may ask. It begins by itself where a balancer or a record was asked for. CHARIOT_ENOMEM. */
int chariot_load_measure(struct chariot_pe *pe, bool on);

/* Records what chares cost, in files that `chariot lb-lab` and LBAF read: name.<pe>.json, each in vt's form. A phase
 * ends with each step of load balancing or, where period_s is above 0, when so many seconds have passed. Before
 * chariot_run(). CHARIOT_ESTATE: they are being recorded already, since the launcher was asked to (--lb-record).
 * CHARIOT_ERANGE: period_s is less than a millisecond; CHARIOT_EIO, with errno; CHARIOT_ETOOBIG: the name. */
int chariot_load_record(struct chariot_pe *pe, const char *name, double period_s);

/* For faces. Whether what follows has any effect now: with tracing, profiling, and while load is measured. */
bool chariot_is_metered(const struct chariot_pe *pe);
/* Whether chariot_phase() has: from chariot_open() on with tracing, from chariot_profile_start() on with profiling. */
bool chariot_has_phases(const struct chariot_pe *pe);

/* What time is charged to: a method (by number) of an element, or something that is no method (type UINT32_MAX). A
 * plain value that means something on its PE only. */
struct chariot_activity {
    uint64_t index[3];
    uint32_t type;
    uint32_t method;
    uint8_t kind;
    uint8_t ndims;
};
/* What runs now; what a method of elem is. */
void chariot_activity_now(const struct chariot_pe *pe, struct chariot_activity *out);
void chariot_activity_of(const struct chariot_elem *elem, uint32_t method, struct chariot_activity *out);
/* A face goes on with what has returned CHARIOT_LATER, or runs a method itself: time from here to the end is charged to
 * it, and is load of elem (NULL: of none, or it is gone). They nest. */
void chariot_resume_begin(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_activity *what);
void chariot_resume_end(struct chariot_pe *pe);
/* What runs does this from now on; gives what it did before, to be set again. The public calls that send do so by
 * themselves. */
enum chariot_phase { CHARIOT_RUNNING = 0, CHARIOT_SENDING, CHARIOT_RECEIVING };
enum chariot_phase chariot_phase(struct chariot_pe *pe, enum chariot_phase phase);

/* ---------------------------------------------------------------- consoles */

/* For a console on PE 0, whose prompts go to the launcher's terminal past the launcher. A descriptor of its own (the
 * caller closes it) for the call below, which any thread may make, also when the PE is closed. -1: there is no
 * launcher, so nothing must be asked. */
int chariot_console_open(struct chariot_pe *pe);
/* Waits until the launcher has passed on what PEs have printed by now, and this one has written to its terminal.
 * prompt: one is shown next, at column 0; until the next call, which follows the line that was typed, who else prints
 * erases its line first, and this process gets a SIGWINCH to show it again. From the first call on, Ctrl-C at the
 * terminal is this PE's, and no end of the job. */
int chariot_console_settle(int fd, bool prompt);

/* ---------------------------------------------------------------- creating chares */

struct chariot_create {
    uint32_t type;
    enum chariot_kind kind;
    uint32_t ndims;                 /* arrays: 1 to CHARIOT_MAX_DIMS */
    int64_t dims[CHARIOT_MAX_DIMS]; /* arrays: sizes; all 0: empty, elements come by chariot_insert_take() */
    int64_t on_pe;                  /* singles: where; -1: the runtime chooses */
    const uint32_t *pes;            /* groups: the PEs that have an element, for that call only; NULL: all */
    uint32_t num_pes;
    struct chariot_ref map; /* arrays: a group whose type has `place`; collection 0: the runtime places */
    bool at_sync;           /* arrays: elements take part in load balancing when they say so */
};

/* Creates a chare or a collection, from any PE; returns at once. args (NULL: none) go to every constructor. Dense
 * arrays without a map are placed in contiguous blocks, row-major, over the PEs. CHARIOT_EINVAL, CHARIOT_ERANGE. */
int chariot_create_take(struct chariot_pe *pe, const struct chariot_create *how, struct chariot_msg *args,
                        struct chariot_ref *out);
/* Inserts one element into an array. on_pe -1: where its map says or, without one, its home PE. at_sync: it takes part
 * in load balancing (lb/lb.h), also where the array was not created so. CHARIOT_EINVAL: index; CHARIOT_ENOENT: the
 * array was destroyed. */
int chariot_insert_take(struct chariot_pe *pe, const struct chariot_ref *array, const struct chariot_index *index,
                        struct chariot_msg *args, int64_t on_pe, bool at_sync);
/* All elements that this program inserts at first have been inserted: reductions may complete. */
int chariot_done_inserting(struct chariot_pe *pe, const struct chariot_ref *array);
/* A constructor that returned CHARIOT_LATER has ended. */
void chariot_constructed(struct chariot_pe *pe, struct chariot_elem *elem);
/* `future` completes (null) when the constructors of all elements have run to completion. */
int chariot_await_created(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *future);
/* Destroys a whole collection everywhere, or a single chare; `future` (may be NULL) completes when that is done. Calls
 * and reductions under way, and calls that come later, fail for who waits for them. CHARIOT_EINVAL: ref is one element
 * of a collection, the main chare or the runtime. A section goes and leaves its members. */
int chariot_destroy(struct chariot_pe *pe, const struct chariot_ref *ref, struct chariot_future *future);

/* A chare about itself. Valid as long as it lives here. */
void chariot_elem_ref(const struct chariot_elem *elem, struct chariot_ref *out); /* one element */
void *chariot_elem_object(const struct chariot_elem *elem);
/* The element that ref names, if it lives on this PE; else NULL. */
struct chariot_elem *chariot_elem_local(struct chariot_pe *pe, const struct chariot_ref *ref);
/* Calls fn for each chare on this PE, the runtime's own element too, in no order. fn may not create or destroy any. */
void chariot_elem_each(struct chariot_pe *pe, void (*fn)(struct chariot_elem *elem, void *ctx), void *ctx);

/* ---------------------------------------------------------------- migration */

/* An element of an array moves to another PE, once the method that runs has returned and what is still under way from
 * its last move has come: type->pack there, type->destroy, type->unpack here. What is sent to it from now on runs where
 * it comes to be, unless the face says CHARIOT_LATER. Messages, broadcasts and reductions do not notice; its channels
 * go with it (chariot_channel_by_id()). To the PE where it lives: it stays. Codes as chariot_may_migrate(). */
int chariot_migrate(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to_pe);
bool chariot_is_leaving(const struct chariot_elem *elem); /* it is to, and what is sent to it goes along */
/* A face has said CHARIOT_LATER of elem (chariot_face.may_move), and may say otherwise now. */
void chariot_move_again(struct chariot_pe *pe, struct chariot_elem *elem);
/* Whether it may, and why not (one line, for people; why_size 0: nobody asks). CHARIOT_ERANGE: no such PE;
 * CHARIOT_ETYPE: chares of its kind or type cannot move; CHARIOT_ESTATE: it cannot now; or what the face says. */
int chariot_may_migrate(struct chariot_pe *pe, struct chariot_elem *elem, uint32_t to_pe, char *why, size_t why_size);

/* Whether a balancer may move it, which it may at first; chariot_migrate() asks nobody. It moves with the element. */
void chariot_set_migratable(struct chariot_elem *elem, bool migratable);
bool chariot_is_migratable(const struct chariot_elem *elem);

/* ---------------------------------------------------------------- calling */

enum chariot_want {
    CHARIOT_WANT_NOTHING = 0, /* reply: NULL */
    CHARIOT_WANT_DONE,        /* reply completes with null when the method has ended, on all elements for a broadcast */
    CHARIOT_WANT_VALUE,       /* with the result; for a broadcast with the list of all, by index, errors in place */
};

/* Calls an entry method of one element, or of all elements of a collection. args NULL: none. Returns at once. Messages
 * to elements that do not exist yet wait for them. CHARIOT_ENOENT: without a reply, of what is known to be destroyed.
 */
int chariot_send_take(struct chariot_pe *pe, const struct chariot_ref *to, uint32_t method, struct chariot_msg *args,
                      enum chariot_want want, struct chariot_future *reply);

/* Completes a call whose outcome was CHARIOT_LATER. value NULL: null; an error value (chariot_msg_set_error) fails it.
 * Outcome 1: it was an error and nobody waits for it (and msg was not consumed into anything: the caller reports it).
 */
int chariot_reply_take(struct chariot_pe *pe, const struct chariot_reply *reply, struct chariot_msg *value);
/* For a method that computes for long: whoever waited for its result waits no more. */
bool chariot_is_cancelled(struct chariot_pe *pe, const struct chariot_reply *reply);
/* True if the value of this reply stays on this PE, so that it may carry an object in place of a payload. */
bool chariot_reply_is_local(const struct chariot_pe *pe, const struct chariot_reply *reply);
/* Where a call of an element goes, as far as is known here. HERE: its arguments may be an object in place of a payload.
 * MAYBE_HERE: of a collection whose creation is still on its way: they may be an object beside a payload. */
enum chariot_place { CHARIOT_ELSEWHERE = 0, CHARIOT_HERE, CHARIOT_MAYBE_HERE };
enum chariot_place chariot_ref_place(struct chariot_pe *pe, const struct chariot_ref *ref);

/* Runs fn(ctx) soon from the scheduler; or once `delay_ns` have passed. */
int chariot_post(struct chariot_pe *pe, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
/* The same, from any thread, as long as chariot_run() has not returned; the only function that other threads may call.
 * Of a PE made by chariot_open(). */
int chariot_post_from_thread(struct chariot_pe *pe, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
int chariot_after(struct chariot_pe *pe, int64_t delay_ns, void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
/* The same, for a timer that may be stopped: the caller's memory, all zero, and to stay where it is while it runs. A
 * job in which a timer runs is not quiescent, so one that nobody needs any more is better stopped. */
struct chariot_timer {
    size_t place_;
};
/* CHARIOT_ESTATE: it runs. */
int chariot_timer_start(struct chariot_pe *pe, struct chariot_timer *timer, int64_t delay_ns,
                        void (*fn)(struct chariot_pe *pe, void *ctx), void *ctx);
void chariot_timer_stop(struct chariot_pe *pe, struct chariot_timer *timer); /* no effect where it does not run */

/* ---------------------------------------------------------------- waiting */

/* One who waits for a future or a channel: fn(ctx) is called from the scheduler, once. The caller sets fn and ctx, and
 * the rest to zero. */
struct chariot_waiter {
    void (*fn)(struct chariot_pe *pe, void *ctx);
    void *ctx;
    struct chariot_waiter *next_, **prev_;
    struct obj_waiters *list_;
    const struct obj_waiter_ops *ops_;
    void *on_;
    struct chariot_pe *pe_;
};
/* It will not be called. No effect where it does not wait. */
void chariot_waiter_forget(struct chariot_waiter *waiter);

/* ---------------------------------------------------------------- futures */

/* A future of this PE that completes when num_values values have come (at least 1). NULL: out of memory. Gives one
 * reference; when the last goes, values that come later are dropped. */
struct chariot_future *chariot_future_new(struct chariot_pe *pe, uint64_t num_values);
/* A handle, on any PE, to the future of that id (which came in a CHARIOT_FUTURE value); the same handle as long as it
 * is alive. Waiting on it asks the owner. */
struct chariot_future *chariot_future_open(struct chariot_pe *pe, uint64_t id);
int chariot_future_read(const struct chariot_value *value, uint64_t *id);
struct chariot_future *chariot_future_ref(struct chariot_future *future);
void chariot_future_unref(struct chariot_future *future); /* takes NULL */
/* Unique in the job, to be sent anywhere; from then on the future outlives its last reference here until it is
 * complete, and a while longer. */
uint64_t chariot_future_id(struct chariot_future *future);
/* The same for all handles of one future, on every PE. */
uint64_t chariot_future_hash(const struct chariot_future *future);
/* Sends one value to a future, on whatever PE it is. CHARIOT_ESTATE: it is one of this PE and complete already; where
 * its owner finds that, the value is dropped and this PE says so (OBJ-FUTURE-LATE). */
int chariot_future_send_take(struct chariot_pe *pe, uint64_t id, struct chariot_msg *value);
/* The same by its handle; the id is not handed out by that. */
int chariot_future_give_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *value);
/* Completes it with `error` (an error value), whatever it still waits for, unless it is complete by the time its owner
 * hears of it; all who wait for it, on whatever PE, are woken. Values that come later are dropped. */
void chariot_future_cancel_take(struct chariot_pe *pe, struct chariot_future *future, struct chariot_msg *error);
bool chariot_future_ready(struct chariot_future *future); /* asks the owner, where that is another PE */
uint64_t chariot_future_num_values(const struct chariot_future *future);
/* Value i in order of arrival, of a ready future; borrowed from it. */
struct chariot_msg *chariot_future_value(struct chariot_future *future, uint64_t i);
/* For faces: the same as it came, which may be an object in place of a payload. */
struct chariot_msg *chariot_future_message(const struct chariot_future *future, uint64_t i);
/* Calls fn(ctx) from the scheduler once the future is ready (soon, if it is). The waiter is the caller's memory until
 * then, or until chariot_waiter_forget(). The call keeps the future alive. */
int chariot_future_wait(struct chariot_future *future, struct chariot_waiter *waiter);

/* For a type's `pack`, beside writing its id: the object holds this future, which goes along. So it is, or becomes,
 * ready where the object arrives, also when nobody holds it elsewhere. CHARIOT_ENOMEM. */
int chariot_future_take_along(struct chariot_pe *pe, struct chariot_future *future);

/* "the result of Block[3].sum", "a future that has 1 of its 2 values": what it is that is waited for. */
void chariot_future_describe(const struct chariot_future *future, char *text, size_t size);

/* ---------------------------------------------------------------- channels */

/* A channel joins two chares: what one sends at its end the other receives at its own, in order and exactly once,
 * wherever they live. Each of the two opens an end: the n-th that one opens to the other meets the n-th that the other
 * opens to it. A chare may open one to itself: that end is its own other end. Ends may be opened at any time, in
 * constructors too, before the other chare exists; what is sent to an end that is not open yet waits for it.
 *
 * What is unread is bounded. A message weighs its bytes and 1 KiB; with 128 MiB or more sent and not known to be read
 * (so after no fewer than 65,536 messages, or 64 MiB of data) the sender should wait for room; from 256 MiB on more is
 * refused. So two ends that both send first and then receive do not stop each other below that. Where the other end is
 * a foreign program's (chariot_call.channel), the bounds are 1 MiB and 16 MiB. */

/* Opens elem's next end to the chare `remote`. Gives one reference. When the last goes, the end is closed: what it
 * has sent still arrives, what comes for it is dropped. It closes too when elem is destroyed. CHARIOT_EINVAL: remote
 * is no single chare. */
int chariot_channel_open(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *remote,
                         struct chariot_channel **channel);
struct chariot_channel *chariot_channel_ref(struct chariot_channel *channel);
void chariot_channel_unref(struct chariot_channel *channel); /* takes NULL */
/* The how many-th of its two chares it is, from 0. */
uint32_t chariot_channel_number(const struct chariot_channel *channel);
/* Whether a foreign program has its other end. */
bool chariot_channel_has_client(const struct chariot_channel *channel);

/* Moving: an element that moves takes its ends along, with what is unread; on the way nothing is lost or overtakes.
 * Handles do not travel: the type's pack writes the ids of those that the object holds, and its unpack takes them again
 * by id. An end that unpack does not take is closed; handles that are left where the element was are dead, as those of
 * a destroyed chare. */
/* Unique in the job, for the life of the end. 0: a handle that was left behind. */
uint64_t chariot_channel_id(const struct chariot_channel *channel);
/* elem's end of that id; gives a reference. NULL: it has none, or that was closed. */
struct chariot_channel *chariot_channel_by_id(struct chariot_pe *pe, struct chariot_elem *elem, uint64_t id);

enum { CHARIOT_CHANNEL_FULL = 1, CHARIOT_CHANNEL_EMPTY = 1 }; /* outcomes */
/* Sends one message, which may have an object in place of a payload where the other chare is HERE
 * (chariot_ref_place()); held_bytes: what that object holds, 0 without one. Outcome CHARIOT_CHANNEL_FULL: it was sent,
 * and there is no room for more. CHARIOT_ETOOBIG: refused, too much is unread; CHARIOT_EGONE: the other chare was
 * destroyed; CHARIOT_ESTATE: the end's own chare was, or has moved. Where the other end was closed, messages are
 * dropped, until that is too much as well (CHARIOT_ECLOSED). CHARIOT_ESTATE, too, after chariot_channel_finish(). */
int chariot_channel_send_take(struct chariot_channel *channel, struct chariot_msg *msg, size_t held_bytes);
/* Nothing more is sent at this end: the other receives what was, then CHARIOT_ECLOSED. This one goes on receiving.
 * CHARIOT_ESTATE: its own chare was destroyed, or has moved. */
int chariot_channel_finish(struct chariot_channel *channel);
/* The next message (given; its payload is the receiver's alone). Outcome CHARIOT_CHANNEL_EMPTY: there is none now, or
 * it is for one who waits already. CHARIOT_ECLOSED, CHARIOT_EGONE: none will come, the other end was closed or sends
 * no more, its chare destroyed; CHARIOT_ESTATE: the end's own chare was destroyed, or has moved. */
int chariot_channel_receive(struct chariot_channel *channel, struct chariot_msg **msg);
bool chariot_channel_ready(const struct chariot_channel *channel);    /* receive() would not say EMPTY */
bool chariot_channel_has_room(const struct chariot_channel *channel); /* send() would not have said FULL */

enum chariot_channel_event {
    CHARIOT_CHANNEL_RECEIVE, /* it is this waiter's turn: call receive() at once; first come, first served */
    CHARIOT_CHANNEL_READY,   /* chariot_channel_ready(); another may be sooner to receive */
    CHARIOT_CHANNEL_ROOM,    /* chariot_channel_has_room() */
};
/* Calls the waiter once that is so (soon, if it is): also when it will never be, and an error says why. */
int chariot_channel_wait(struct chariot_channel *channel, enum chariot_channel_event event,
                         struct chariot_waiter *waiter);

/* ---------------------------------------------------------------- the pool */

/* Work for whichever PE is free next. It is put into bags: a bag belongs to the PE that opened it and holds items, each
 * one value, and definitions, values that a PE gets once, before its first item of the bag. What doing an item gives
 * goes to the bag's owner as answers. */
struct chariot_pool_ops {
    void *ctx;
    /* The bag's next definition (borrowed). */
    void (*define)(void *ctx, uint64_t bag, struct chariot_msg *definition);
    /* Does one item: the value that reader, over msg (borrowed), stands before. */
    void (*work)(void *ctx, uint64_t bag, struct chariot_msg *msg, struct chariot_reader *item);
    /* Items were done for a moment, and others have their turn now: send the answers. */
    void (*rest)(void *ctx);
    /* No more items of this bag come. */
    void (*forget)(void *ctx, uint64_t bag);
    /* To the owner: an answer (borrowed). */
    void (*answer)(void *ctx, uint64_t bag, struct chariot_msg *msg);
};
/* What this PE does with items and answers; copied. Before chariot_run(). */
void chariot_pool_serve(struct chariot_pe *pe, const struct chariot_pool_ops *ops);
/* A bag of this PE, which at most so many PEs work on at a time. */
uint64_t chariot_bag_open(struct chariot_pe *pe);
/* limit: the same each time; a bag needs a definition before its first item. */
void chariot_bag_define_take(struct chariot_pe *pe, uint64_t bag, uint32_t limit, struct chariot_msg *definition);
/* Puts `count` items in: the values of msg. */
void chariot_bag_put_take(struct chariot_pe *pe, uint64_t bag, uint32_t count, struct chariot_msg *msg);
/* No more comes; drop: and what nobody has begun is not to be done. */
void chariot_bag_close(struct chariot_pe *pe, uint64_t bag, bool drop);
/* Sends an answer to the owner, from whatever PE. */
void chariot_bag_answer_take(struct chariot_pe *pe, uint64_t bag, struct chariot_msg *msg);

/* ---------------------------------------------------------------- reductions */

enum chariot_builtin_reducer {
    CHARIOT_REDUCE_NOP = 0, /* no values */
    CHARIOT_REDUCE_SUM,
    CHARIOT_REDUCE_PRODUCT,
    CHARIOT_REDUCE_MAX,
    CHARIOT_REDUCE_MIN,
    CHARIOT_REDUCE_AND,
    CHARIOT_REDUCE_OR,
    CHARIOT_REDUCE_XOR,
    CHARIOT_REDUCE_GATHER, /* list of all values, by index of the contributor */
    CHARIOT_REDUCE_FIRST_USER = 16,
};

struct chariot_reducer {
    const char *name;
    void *ctx;
    /* Must be associative and accept its own results. Gives *out. */
    int (*combine)(struct chariot_pe *pe, const struct chariot_reducer *reducer, size_t count,
                   struct chariot_msg *const *values, struct chariot_msg **out);
    /* Each contribution, before it is combined; the result, at the end. May be NULL. Take *value, give *value. */
    int (*pre)(struct chariot_pe *pe, const struct chariot_reducer *reducer, const struct chariot_ref *contributor,
               struct chariot_msg **value);
    int (*post)(struct chariot_pe *pe, const struct chariot_reducer *reducer, struct chariot_msg **value);
};
/* Same reducers, same order, on every PE. CHARIOT_EEXIST. Borrowed for the PE's life. */
int chariot_reducer_register(struct chariot_pe *pe, const struct chariot_reducer *reducer, uint32_t *id);
/* The number of the reducer of that name, of whatever language. CHARIOT_ENOENT. */
int chariot_reducer_find(struct chariot_pe *pe, const char *name, uint32_t *id);

enum chariot_target_kind { CHARIOT_TO_NOTHING = 0, CHARIOT_TO_FUTURE, CHARIOT_TO_METHOD };

/* Where a reduction's result goes. */
struct chariot_target {
    uint32_t kind; /* enum chariot_target_kind */
    uint32_t method;
    uint64_t future;
    struct chariot_ref ref; /* element or collection; called with the result as its one argument (none for NOP) */
};

/* What a callback is that came as a value: a future, a bound method or null. CHARIOT_ETYPE: something else. */
int chariot_target_read(const struct chariot_value *value, struct chariot_target *target);
/* Gives it a value (NULL: null), as a reduction does its result: an error ends the job where a method was to be called.
 * CHARIOT_EINVAL: no target; else as chariot_future_send_take(). */
int chariot_target_give_take(struct chariot_pe *pe, const struct chariot_target *target, struct chariot_msg *value);

/* Adds elem's part to its collection's next reduction (each element counts its own: the n-th contribution of one meets
 * the n-th of all others). All pass the same reducer and target. value NULL with CHARIOT_REDUCE_NOP. over: a section
 * that elem is a member of, or NULL: its collection; of each, an element counts its contributions apart.
 * CHARIOT_ENOENT: elem is no member of it. */
int chariot_contribute_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                            struct chariot_msg *value, uint32_t reducer, const struct chariot_target *target);
/* The same, and every element gets a future of the result. */
int chariot_allreduce_take(struct chariot_pe *pe, struct chariot_elem *elem, const struct chariot_ref *over,
                           struct chariot_msg *value, uint32_t reducer, struct chariot_future **future);

/* ---------------------------------------------------------------- names */

/* Foreign programs find objects by names, and nothing else: letters, digits and any of _-./: (at most 255), of which a
 * job gives each to one object. They may call those of its methods that its type exposes. */
bool chariot_name_is_valid(const char *name);
/* From any PE; `done` (may be NULL) completes when every PE knows, or fails: ValueError, the name is taken.
 * CHARIOT_EINVAL: the name, or the ref. */
int chariot_publish(struct chariot_pe *pe, const char *name, const struct chariot_ref *ref,
                    struct chariot_future *done);
/* The name is free again; what has it lives on. `done` fails: ValueError, nothing has it. */
int chariot_unpublish(struct chariot_pe *pe, const char *name, struct chariot_future *done);

/* Serves ObjectService (chariot/v1/object_service.proto) from this PE: gRPC, for programs in any language. */
struct chariot_serve {
    const char *address;     /* "127.0.0.1:0", "[::]:7000", "unix:/run/x.sock"; port 0: any that is free */
    const char *clients;     /* file of who may call what (rpc/scope.h); NULL: whoever gets in may call all */
    const char *certificate; /* file, PEM: of the service; NULL: plain text, which stays on this host */
    const char *key;         /* file, PEM: its private key */
    const char *authority;   /* file, PEM: clients show a certificate of it; NULL: they need none */
    bool anyone;             /* no clients, no authority and no Unix socket: whoever is on this host may call */
    bool shows_traces;       /* of exceptions, to clients */
    uint32_t message_bytes;  /* of one client: of a request, 0: 16 MiB; */
    uint32_t calls;          /* at a time, */
    uint32_t rate;           /* per second; 0: no bound */
};
/* Between chariot_run()'s entry and the end of the job, on any PE, once. *address (the caller frees it): where it
 * listens, as clients say it. The job does not end for want of anything to do while it serves. CHARIOT_EEXIST: it
 * serves already; CHARIOT_EINVAL, CHARIOT_EIO: `why` gets a text for people, without newline. */
int chariot_serve_start(struct chariot_pe *pe, const struct chariot_serve *how, char **address, char *why,
                        size_t why_size);
/* Ends it; calls under way fail (UNAVAILABLE). Nothing happens where it does not serve. */
void chariot_serve_stop(struct chariot_pe *pe);

/* ---------------------------------------------------------------- quiescence */

/* Calls target (a future, or a method without arguments), once, when the job is next quiescent: no code of the program
 * runs on any PE, no message is under way or waits to be handled, no timer is set. What waits for something that may
 * never come (a future, an element that does not exist) does not keep a job from being quiescent. From any PE, any
 * number at a time. CHARIOT_EINVAL: no target. */
int chariot_quiet_start(struct chariot_pe *pe, const struct chariot_target *target);

/* What becomes of a job that is quiescent for good, while something in it waits, or nobody ends it: EXIT (what
 * chariot_open() sets): it ends with status 75 and a report of all that waits; WARN: the report is printed, once for
 * each such hang; OFF: nothing. Says PE 0. */
enum chariot_hang_mode { CHARIOT_HANG_OFF = 0, CHARIOT_HANG_WARN, CHARIOT_HANG_EXIT };
void chariot_set_hang_report(struct chariot_pe *pe, enum chariot_hang_mode mode);
/* Something that the runtime does not see may wake this PE (a prompt, a socket, another thread's work): while there is
 * such a thing on any PE the job does not hang. As many removals as additions. */
void chariot_outside_add(struct chariot_pe *pe);
void chariot_outside_remove(struct chariot_pe *pe);

/* A line of the hang report: "where of subject, subject, subject: what". Equal ones, but for their subject, become one.
 * Strings are copied; NULL: nothing. */
struct chariot_blocked {
    bool waits;          /* counts as a coroutine that waits; else it is told beside them */
    const char *where;   /* "prog.py:12, in Block.sum" */
    const char *subject; /* "[3]" */
    const char *what;    /* "waits for a future" */
};
void chariot_report_add(struct chariot_report *report, const struct chariot_blocked *blocked);
/* The face knows of something that may go on by itself after all: the report is dropped, and made later if need be. */
void chariot_report_alive(struct chariot_report *report);

#ifdef __cplusplus
}
#endif

#endif
