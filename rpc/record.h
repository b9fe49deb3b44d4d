/* rpc/record.h: the file of a PE's record of load (`chariot run --lb-record`), in the form that vt writes and LBAF
 * reads: NAME.<pe>.json, a list of phases and what is known of the whole.
 *
 * The file is whole after each phase: what stands behind the phases is written with each, and the next goes over it. So
 * a job that is killed leaves all phases that had ended, and `"complete":false`. Who writes a phase makes its text. */
#ifndef CHARIOT_RPC_RECORD_H
#define CHARIOT_RPC_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RPC_RECORD_MAX_PATH = 4096 };

struct rpc_record {
    int fd;          /* -1: none */
    int64_t end;     /* of the last phase in the file */
    bool has_phase;  /* the next needs a comma */
    char about[512]; /* what is known of the whole, up to whether it is complete */
    char path[RPC_RECORD_MAX_PATH];
};

/* The file of that PE; false: the name is too long. name may end with ".json" itself. */
bool rpc_record_path(const char *name, uint32_t pe, char *path, size_t size);
/* Makes the file, empty of phases, in place of one that is there. job: what tells this job from
 * others. CHARIOT_EIO, CHARIOT_ETOOBIG: the name is too long. */
int rpc_record_open(struct rpc_record *record, const char *name, uint32_t pe, uint32_t num_pes, const char *job);
/* Appends a phase, a JSON object. CHARIOT_EIO: errno says why; the phases before it stand. */
int rpc_record_add(struct rpc_record *record, const char *phase, size_t size);
/* complete: the job has ended by its own exit. No effect where none is open. */
void rpc_record_close(struct rpc_record *record, bool complete);

#endif
