/* lb/lab/svg.c: the loads per PE of one phase, before and after. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lb/lab/report.h"
#include "rpc/error.h"

enum { WIDTH = 960, HEIGHT = 200, LEFT = 70, GAP = 60, TOP = 50 };

struct panel {
    FILE *out;
    const struct lab_score *score;
    double top;  /* of the panel's bars, in pixels from above */
    double full; /* seconds at their top */
};

static double y_of(const struct panel *p, double seconds) {
    return p->top + HEIGHT - HEIGHT * (p->full > 0 ? seconds / p->full : 0);
}

static void draw_level(const struct panel *p, double seconds, const char *name, const char *color) {
    double y = y_of(p, seconds);
    fprintf(p->out,
            "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='%s' stroke-dasharray='4 3'/>"
            "<text x='%d' y='%.1f' fill='%s' text-anchor='end'>%s</text>\n",
            LEFT, LEFT + WIDTH, y, y, color, LEFT - 6, y + 4, color, name);
}

/* More PEs than pixels: each bar is the longest time of its PEs. */
static void draw_bars(const struct panel *p, const double *times, const char *color) {
    uint32_t num_pes = p->score->num_pes, bars = num_pes < WIDTH ? num_pes : WIDTH;
    double width = (double)WIDTH / bars;
    fprintf(p->out, "<g fill='%s'>", color);
    for (uint32_t bar = 0; bar < bars; bar++) {
        uint32_t begin = (uint32_t)((uint64_t)bar * num_pes / bars);
        uint32_t end = (uint32_t)((bar + (uint64_t)1) * num_pes / bars);
        double most = 0;
        for (uint32_t pe = begin; pe < end; pe++) most = times[pe] > most ? times[pe] : most;
        fprintf(p->out, "<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f'><title>PE %u: %.6g s</title></rect>\n",
                LEFT + bar * width, y_of(p, most), width > 3 ? width - 1 : width, p->top + HEIGHT - y_of(p, most),
                begin, most);
    }
    fprintf(p->out, "</g>\n");
}

static void draw_panel(const struct panel *p, const char *name, const double *times, double most, const char *color) {
    fprintf(p->out, "<text x='%d' y='%.1f'>%s: max %.6g s, %.4f of the bound</text>\n", LEFT, p->top - 8, name, most,
            p->score->bound > 0 ? most / p->score->bound : 1);
    draw_bars(p, times, color);
    draw_level(p, p->score->bound, "bound", "#b00");
    if (p->score->average < 0.95 * p->score->bound) draw_level(p, p->score->average, "average", "#666");
    fprintf(p->out, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#333'/>\n", LEFT, LEFT + WIDTH, p->top + HEIGHT,
            p->top + HEIGHT);
}

static void put_escaped(FILE *out, const char *text) {
    for (; *text != 0; text++) {
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
    }
}

int lab_svg_write(const char *path, const char *title, const struct lab_verdict *verdict) {
    const struct lab_score *score = &verdict->score;
    FILE *out = fopen(path, "w");
    if (out == NULL) return CHARIOT_EIO;
    int height = TOP + 2 * (HEIGHT + GAP);
    fprintf(out,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='13'>\n",
            LEFT + WIDTH + 20, height);
    fprintf(out, "<rect width='100%%' height='100%%' fill='white'/>\n<text x='%d' y='20' font-size='16'>", LEFT);
    put_escaped(out, title);
    fprintf(out, ", phase %" PRId64 ": %u PEs, %u objects, %zu moves</text>\n", score->phase, score->num_pes,
            score->num_objects, score->num_moves);
    double full = 1.05 * (score->before > score->after ? score->before : score->after);
    draw_panel(&(struct panel){out, score, TOP, full}, "before", verdict->times_before, score->before, "#c80");
    draw_panel(&(struct panel){out, score, TOP + HEIGHT + GAP, full}, "after", verdict->times_after, score->after,
               "#28a");
    fprintf(out, "</svg>\n");
    bool bad = ferror(out) != 0;
    return fclose(out) != 0 || bad ? CHARIOT_EIO : 0;
}
