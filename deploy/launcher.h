/* deploy/launcher.h: what starts PEs: one ops table per kind.
 *
 * `local` (fork and exec on this host) is the default; `agents` has agents on several hosts do it. The job (job.h)
 * knows only this. A launcher hands over three descriptors for each PE: one that speaks
 * chariot/v1/control.proto and the ends of what are, or stand for, the PE's standard output and error; where the PE is
 * on another host, the launcher carries their bytes. All functions are called on the loop's thread; none waits. */
#ifndef CHARIOT_DEPLOY_LAUNCHER_H
#define CHARIOT_DEPLOY_LAUNCHER_H

#include <ev.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "deploy/guard.h"
#include "deploy/hosts.h"
#include "deploy/reason.h"
#include "rpc/now.h"

/* How a PE ended. */
struct deploy_exit {
    bool by_signal;
    int code;                   /* number of the signal, or exit status */
    char running[RPC_NOW_TEXT]; /* what of the program ran then; "": nothing, or it is not known */
};

/* Where a PE is, for messages. */
struct deploy_place {
    long pid;
    const char *host;                  /* borrowed until close */
    const char *run_dir;               /* its private directory for sockets; likewise */
    uint32_t local_first, local_count; /* the PEs of its machine, which share memory; 0: none do */
};

struct deploy_reach_ops; /* reach.h */

/* Other hosts, and how they are reached. */
struct deploy_remote {
    struct deploy_hosts hosts;
    const struct deploy_reach_ops *reach;
    void *reach_context;      /* for it: the door, where members have dialled in */
    const char *shell;        /* words of a command to which a host and a command line for its shell are added, */
    bool takes_words;         /* or, in place of that line, words to execute */
    const char *chariot;      /* path of this program there */
    const char *interface;    /* there, over which PEs are reached (address.h); NULL: not said */
    const char *ports;        /* on which PEs may listen; NULL: any */
    const char *directory;    /* working directory there */
    bool timeline;            /* PEs write one, which comes home */
    const char *record;       /* name of the records of load that come home; NULL: none are wanted */
    char *const *environment; /* "NAME=value", up to NULL */
};

/* What to start: the same for all PEs. Borrowed by the launcher until close. */
struct deploy_launch {
    struct ev_loop *loop;
    const struct deploy_guard *guard; /* is told of every process on this host */
    uint32_t num_pes;
    const char *path;           /* what is executed */
    char *const *argv;          /* up to NULL */
    uint32_t first_pe, own_pes; /* of them those that it may be asked to start; others are started elsewhere */
    double stop_patience_s;     /* on_stopped comes after so long; 0: never */
    const char *shm_dir; /* these listen here to share memory (rpc/shm.h), from before the first starts; NULL: not */
    bool terminal;       /* our standard input is a terminal: PE 0 stays in our process group (see local.c) */
    bool own_terminal;   /* `input` is a terminal that was made for PE 0, which leads a session on it */
    int input;           /* PE 0's standard input: ours, unless an agent has another for it */
    const struct deploy_remote *remote; /* how PEs on other hosts are started; NULL: all are on this one */
    const char *run_dir;                /* the private directory for sockets here */
    sigset_t signal_mask;               /* which PEs get: ours as it was before the launcher changed it */
    struct rlimit open_files;           /* likewise */
    /* PE `pe` is gone; called once for each that was started, from the loop, never inside start or signal. All that it
     * said on its control stream is there by now. */
    void (*on_exit)(void *context, uint32_t pe, const struct deploy_exit *how);
    /* A host is lost, or cannot run the job: the reason for it to end. on_exit of its PEs follows. */
    void (*on_failed)(void *context, const struct deploy_reason *reason);
    /* Somebody else has stopped a PE, by the signal `how` says, and it has not gone on in stop_patience_s. */
    void (*on_stopped)(void *context, uint32_t pe, const struct deploy_exit *how);
    /* What gather() asked for is there, as far as there is no problem (NULL). May be called inside it. */
    void (*on_gathered)(void *context, const struct deploy_reason *problem);
    void *context;
};

/* The launcher's ends; given to the caller of start, who closes them. */
struct deploy_streams {
    int control; /* stream socket */
    int out;
    int err;
};

struct deploy_launcher_ops {
    const char *name;
    /* Output of a PE that is gone may still be on its way; each stream ends when all has come. False: what a PE wrote
     * is in its streams when it is gone, and a stream that does not end then is held by a process that it left. */
    bool carries_output;
    /* Before everything else. Gives *state. CHARIOT_EABORTED with *reason. */
    int (*open)(const struct deploy_launch *launch, void **state, struct deploy_reason *reason);
    /* Once for each of those PEs, in ascending order. On failure nothing of this PE is left. A failure that shows only
     * later (the program cannot be executed) comes as a Verdict on the control stream. */
    int (*start)(void *state, uint32_t pe, struct deploy_streams *streams, struct deploy_reason *reason);
    /* Sends a signal to the PE and to what it has started; nothing happens if it is gone. `from_terminal`: the kernel
     * has sent the same signal to our whole process group already. */
    void (*signal)(void *state, uint32_t pe, int number, bool from_terminal);
    /* Valid for PEs that were started, also when they are gone. */
    void (*where)(void *state, uint32_t pe, struct deploy_place *place);
    /* All PEs are gone: sees that what they have left for us is here (timelines, records), then on_gathered. NULL: it
     * is.
     */
    void (*gather)(void *state);
    /* We are about to stop (Ctrl-Z), when PEs have got the signal for it; or have gone on. NULL: no need to know. */
    void (*pause)(void *state, bool paused);
    /* All PEs take part in the job. NULL: nobody else need know. */
    void (*ready)(void *state);
    /* The size of our terminal has changed. PE 0 has a console, so Ctrl-C is its own affair from now on. NULL: it has
     * that terminal itself. */
    void (*on_window)(void *state);
    void (*on_console)(void *state);
    /* After everything else; kills what is left. */
    void (*close)(void *state);
};

extern const struct deploy_launcher_ops deploy_local_ops;
extern const struct deploy_launcher_ops deploy_agents_ops;

#endif
