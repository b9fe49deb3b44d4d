#include "lb/lab/report.h"

#include <inttypes.h>

static double by_bound(const struct lab_score *score, double time) {
    return score->bound > 0 ? time / score->bound : 1;
}

static double by_average(const struct lab_score *score, double time) {
    return score->average > 0 ? time / score->average : 1;
}

void lab_report_head(FILE *out, const char *trace, const struct lab_setting *setting) {
    fprintf(out, "%s: %s%s\n", trace, setting->choice.balancer->name,
            setting->forecast ? ", deciding on what past phases foretell" : "");
    fprintf(out, "%8s %8s %6s   %-15s   %-15s  %8s  %-13s %9s  %-13s %6s\n", "", "", "", "max/average", "max/bound", "",
            "between PEs", "", "next max/bound", "later");
    fprintf(out, "%8s %8s %6s   %7s %7s   %7s %7s  %8s  %6s %6s %9s  %6s %6s %7s\n", "phase", "objects", "PEs",
            "before", "after", "before", "after", "moves", "before", "after", "seconds", "stayed", "placed", "mean");
}

static void print_share(FILE *out, bool known, double share) {
    if (known)
        fprintf(out, " %5.1f%%", 100 * share);
    else
        fprintf(out, " %6s", "-");
}

static void print_later(FILE *out, bool known, double value) {
    if (known)
        fprintf(out, " %6.3f", value);
    else
        fprintf(out, " %6s", "-");
}

static void print_figures(FILE *out, const struct lab_score *s) {
    fprintf(out, "   %7.4f %7.4f   %7.4f %7.4f  %8zu ", by_average(s, s->before), by_average(s, s->after),
            by_bound(s, s->before), by_bound(s, s->after), s->num_moves);
    print_share(out, s->has_edges, s->between_before);
    print_share(out, s->has_edges, s->between_after);
    fprintf(out, " %9.4f ", s->seconds);
    print_later(out, s->num_later > 0, s->next_stayed);
    print_later(out, s->num_later > 0, s->next);
    print_later(out, s->num_later > 0, s->later);
    if (s->rounds > 0) fprintf(out, "  %u rounds, %" PRIu64 " messages", s->rounds, s->messages);
    if (s->moved_bytes > 0) fprintf(out, "  %.0f bytes of state", s->moved_bytes);
    fputc('\n', out);
}

void lab_report_score(FILE *out, const struct lab_score *score) {
    fprintf(out, "%8" PRId64 " %8u %6u", score->phase, score->num_objects, score->num_pes);
    print_figures(out, score);
}

/* Means of ratios: times in it are by the bound, and the bound 1. */
static struct lab_score mean_of(const struct lab_score *scores, uint32_t count) {
    struct lab_score mean = {.bound = 1, .average = 0};
    double before_average = 0, moves = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct lab_score *s = &scores[i];
        mean.before += by_bound(s, s->before) / count;
        mean.after += by_bound(s, s->after) / count;
        before_average += by_average(s, s->after) / count;
        mean.between_before += s->between_before / count;
        mean.between_after += s->between_after / count;
        mean.has_edges = mean.has_edges || s->has_edges;
        mean.seconds += s->seconds / count;
        moves += (double)s->num_moves;
        mean.num_later += s->num_later > 0;
        mean.next += s->next;
        mean.next_stayed += s->next_stayed;
        mean.later += s->later;
    }
    if (mean.num_later > 0) {
        mean.next /= mean.num_later;
        mean.next_stayed /= mean.num_later;
        mean.later /= mean.num_later;
    }
    mean.num_moves = (size_t)(moves / count + 0.5);
    mean.average = before_average > 0 ? mean.after / before_average : 1;
    return mean;
}

void lab_report_mean(FILE *out, const struct lab_score *scores, uint32_t count) {
    struct lab_score mean = mean_of(scores, count);
    fprintf(out, "%8s %8s %6s", "mean", "", "");
    print_figures(out, &mean);
}

/* ---------------------------------------------------------------- JSON */

static json_t *score_json(const struct lab_score *s) {
    json_t *row = json_pack("{sI si si sf sf sf sf sI sf}", "phase", (json_int_t)s->phase, "objects", s->num_objects,
                            "pes", s->num_pes, "average", s->average, "bound", s->bound, "max_before", s->before,
                            "max_after", s->after, "moves", (json_int_t)s->num_moves, "seconds", s->seconds);
    if (row == NULL) return NULL;
    json_object_set_new(row, "moved_bytes", json_real(s->moved_bytes));
    if (s->has_edges) {
        json_object_set_new(row, "between_before", json_real(s->between_before));
        json_object_set_new(row, "between_after", json_real(s->between_after));
    }
    if (s->num_later > 0) {
        json_object_set_new(row, "next_stayed", json_real(s->next_stayed));
        json_object_set_new(row, "next", json_real(s->next));
        json_object_set_new(row, "later", json_real(s->later));
    }
    if (s->rounds > 0) {
        json_object_set_new(row, "rounds", json_integer(s->rounds));
        json_object_set_new(row, "messages", json_integer((json_int_t)s->messages));
    }
    return row;
}

json_t *lab_report_json(const char *trace, const struct lab_setting *setting, const struct lab_score *scores,
                        uint32_t count) {
    const struct lb_choice *choice = &setting->choice;
    json_t *rows = json_array(), *options = json_object();
    for (uint32_t i = 0; i < choice->balancer->num_options; i++) {
        json_object_set_new(options, choice->balancer->options[i].name, json_real(choice->options[i]));
    }
    for (uint32_t i = 0; i < count; i++) json_array_append_new(rows, score_json(&scores[i]));
    return json_pack("{ss ss so so}", "trace", trace, "balancer", choice->balancer->name, "options", options, "phases",
                     rows);
}
