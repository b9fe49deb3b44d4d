/* lb/lab/main.c: the command `chariot lb-lab`: any balancer on recorded loads, without a job. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/lab/report.h"
#include "rpc/error.h"

enum { STATUS_USAGE = 2, STATUS_INPUT = 1, STATUS_OUTPUT = 74 };

struct request {
    struct lab_setting setting;
    const char *svg; /* NULL: no picture */
    bool json, has_phase;
    int64_t phase;
    const char *const *paths;
    uint32_t num_paths;
};

static void print_help(void) {
    puts("usage: chariot lb-lab TRACE... --balancer NAME[:option=value,...] [options]\n\n"
         "Runs a balancer on every phase of recorded traces and says how good its placement is: on the phase\n"
         "it decided on, on the next, and on all later ones. TRACE is CSV (*.tasks.csv, edges in *.comm.csv\n"
         "beside it) or JSON of vt or LBAF (all JSON files are one job's, a file per rank); gzipped or not.\n\n"
         "  --balancer NAME   which, and its options; may be given in Charm4py's spelling too\n"
         "  --phase N         only this phase\n"
         "  --pes N           decide for N PEs instead of the trace's\n"
         "  --pes-per-host N  PEs on a host (default: all on one)\n"
         "  --forecast        decide on what past phases foretell of the next\n"
         "  --seed N          for balancers that draw numbers (default 1)\n"
         "  --svg FILE        draw the loads per PE, before and after, of the first phase decided on\n"
         "  --json            print JSON\n\nBalancers:");
    for (const struct lb_balancer *const *at = lb_balancers(); *at != NULL; at++) {
        printf("  %-14s %s\n  %-14s   source: %s\n", (*at)->name, (*at)->help,
               (*at)->old_name == NULL ? "" : (*at)->old_name, (*at)->source);
        for (uint32_t i = 0; i < (*at)->num_options; i++) {
            const struct lb_option *option = &(*at)->options[i];
            printf("  %-14s   %s=%g: %s\n", "", option->name, option->preset, option->help);
        }
    }
}

/* ---------------------------------------------------------------- the command line */

static int usage(const char *text, const char *word) {
    fprintf(stderr, "chariot lb-lab: %s%s%s; 'chariot lb-lab --help' tells more\n", text, word == NULL ? "" : " ",
            word == NULL ? "" : word);
    return STATUS_USAGE;
}

static bool whole(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return end != text && *end == 0 && *text != '-' && errno == 0 && *out >= least && *out <= most;
}

enum { BALANCER = 256, PHASE, PES, PES_PER_HOST, FORECAST, SEED, SVG, JSON, HELP };

static const struct option WORDS[] = {
    {"balancer", required_argument, NULL, BALANCER},
    {"phase", required_argument, NULL, PHASE},
    {"pes", required_argument, NULL, PES},
    {"pes-per-host", required_argument, NULL, PES_PER_HOST},
    {"forecast", no_argument, NULL, FORECAST},
    {"seed", required_argument, NULL, SEED},
    {"svg", required_argument, NULL, SVG},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, HELP},
    {0},
};

static int take_balancer(struct request *r) {
    char why[LAB_WHY_BYTES];
    if (lb_choice_parse(optarg, &r->setting.choice, why, sizeof why) == 0) return 0;
    fprintf(stderr, "chariot lb-lab: --balancer %s: %s\n", optarg, why);
    return STATUS_USAGE;
}

static int take_number(struct request *r, int word) {
    uint64_t number;
    uint64_t most = word == SEED || word == PHASE ? INT64_MAX : 10 * 1000 * 1000,
             least = word == SEED || word == PHASE ? 0 : 1;
    if (!whole(optarg, least, most, &number)) return usage("not a number that fits here:", optarg);
    if (word == PES) r->setting.num_pes = (uint32_t)number;
    if (word == PES_PER_HOST) r->setting.pes_per_host = (uint32_t)number;
    if (word == SEED) r->setting.seed = number;
    if (word == PHASE) {
        r->phase = (int64_t)number;
        r->has_phase = true;
    }
    return 0;
}

/* -1: go on. */
static int take_word(struct request *r, int word, char **argv) {
    int status = -1;
    switch (word) {
    case HELP:
        print_help();
        return 0;
    case BALANCER:
        status = take_balancer(r);
        break;
    case FORECAST:
        r->setting.forecast = true;
        break;
    case JSON:
        r->json = true;
        break;
    case SVG:
        r->svg = optarg;
        break;
    case '?':
    case ':':
        return usage(word == ':' ? "this option needs a value:" : "no option", argv[optind - 1]);
    default:
        status = take_number(r, word);
    }
    return status > 0 ? status : -1;
}

static int parse(struct request *r, int argc, char **argv) {
    *r = (struct request){.setting.seed = 1};
    opterr = 0;
    for (int word; (word = getopt_long(argc, argv, ":", WORDS, NULL)) != -1;) {
        int status = take_word(r, word, argv);
        if (status >= 0) return status;
    }
    if (r->setting.choice.balancer == NULL) return usage("no --balancer NAME", NULL);
    if (optind == argc) return usage("no trace", NULL);
    r->paths = (const char *const *)&argv[optind];
    r->num_paths = (uint32_t)(argc - optind);
    return -1;
}

/* ---------------------------------------------------------------- traces */

static bool is_json(const char *path) {
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0) length -= 3;
    return length > 5 && strncmp(path + length - 5, ".json", 5) == 0;
}

static int say(const char *why) {
    fprintf(stderr, "chariot lb-lab: %s\n", why);
    return STATUS_INPUT;
}

static int judge_one(const struct request *r, const struct lab_trace *trace, uint32_t at, const char *name, bool first,
                     struct lab_score *score) {
    char why[LAB_WHY_BYTES];
    struct lab_verdict verdict;
    if (lab_judge(trace, at, &r->setting, &verdict, why) != 0) {
        fprintf(stderr, "chariot lb-lab: %s, phase %lld: %s\n", name, (long long)trace->phases[at].number, why);
        return STATUS_INPUT;
    }
    *score = verdict.score;
    int error = first && r->svg != NULL ? lab_svg_write(r->svg, r->setting.choice.balancer->name, &verdict) : 0;
    if (error != 0) fprintf(stderr, "chariot lb-lab: %s: %s\n", r->svg, strerror(errno));
    lab_verdict_deinit(&verdict);
    return error != 0 ? STATUS_OUTPUT : 0;
}

/* Appends to `all` if that is to be printed at the end. */
static int judge_trace(const struct request *r, const struct lab_trace *trace, const char *name, bool first,
                       json_t *all) {
    struct lab_score *scores = calloc(trace->num_phases, sizeof *scores);
    uint32_t count = 0;
    int status = scores == NULL ? say("out of memory") : 0;
    if (status == 0 && !r->json) lab_report_head(stdout, name, &r->setting);
    for (uint32_t at = 0; status == 0 && at < trace->num_phases; at++) {
        if (r->has_phase && trace->phases[at].number != r->phase) continue;
        status = judge_one(r, trace, at, name, first && count == 0, &scores[count]);
        if (status == 0 && !r->json) lab_report_score(stdout, &scores[count]);
        count++;
    }
    if (status == 0 && count == 0) status = say("the trace has no such phase");
    if (status == 0 && !r->json && trace->num_strangers > 0)
        printf("%llu messages from or to what has no task in their phase: left out\n",
               (unsigned long long)trace->num_strangers);
    if (status == 0 && trace->incomplete)
        fprintf(stderr, "chariot lb-lab: %s: the job did not end by itself: the record ends before it did\n", name);
    if (status == 0 && !r->json && count > 1) lab_report_mean(stdout, scores, count);
    if (status == 0 && r->json) json_array_append_new(all, lab_report_json(name, &r->setting, scores, count));
    free(scores);
    return status;
}

static int run_json(const struct request *r, bool first, json_t *all) {
    char why[LAB_WHY_BYTES];
    struct lab_trace trace;
    uint32_t count = 0;
    const char **paths = calloc(r->num_paths, sizeof *paths);
    for (uint32_t i = 0; paths != NULL && i < r->num_paths; i++) {
        if (is_json(r->paths[i])) paths[count++] = r->paths[i];
    }
    int status = 0;
    if (paths == NULL)
        status = say("out of memory");
    else if (count > 0 && lab_trace_read_json(&trace, paths, count, why) != 0)
        status = say(why);
    else if (count > 0) {
        status = judge_trace(r, &trace, paths[0], first, all);
        lab_trace_deinit(&trace);
    }
    free(paths);
    return status;
}

static int run_all(const struct request *r, json_t *all) {
    char why[LAB_WHY_BYTES];
    int status = 0;
    bool first = true;
    for (uint32_t i = 0; status == 0 && i < r->num_paths; i++) {
        struct lab_trace trace;
        if (is_json(r->paths[i])) continue;
        if (lab_trace_read_csv(&trace, r->paths[i], why) != 0) return say(why);
        status = judge_trace(r, &trace, r->paths[i], first, all);
        lab_trace_deinit(&trace);
        first = false;
    }
    return status == 0 ? run_json(r, first, all) : status;
}

int main(int argc, char **argv) {
    struct request request;
    int status = parse(&request, argc, argv);
    if (status >= 0) return status;
    json_t *all = json_array();
    status = all == NULL ? say("out of memory") : run_all(&request, all);
    if (status == 0 && request.json) {
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_decref(all);
    if (fflush(stdout) != 0 || ferror(stdout)) return STATUS_OUTPUT;
    return status;
}
