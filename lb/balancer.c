#include "lb/balancer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/balancers.h"
#include "rpc/error.h"

static const struct lb_balancer *const ALL[] = {
    &lb_none,         &lb_greedy, &lb_greedy_refine, &lb_refine, &lb_rotate, &lb_random,
    &lb_hierarchical, &lb_graph,  &lb_bisect,        &lb_gossip, NULL,
};

const struct lb_balancer *const *lb_balancers(void) {
    return ALL;
}

/* ---------------------------------------------------------------- from text */

static const struct lb_balancer *find(const char *name, size_t length) {
    for (size_t i = 0; ALL[i] != NULL; i++) {
        const char *names[] = {ALL[i]->name, ALL[i]->old_name};
        for (size_t k = 0; k < 2; k++) {
            if (names[k] != NULL && strlen(names[k]) == length && strncmp(names[k], name, length) == 0) return ALL[i];
        }
    }
    return NULL;
}

static int no_balancer(const char *name, size_t length, char *why, size_t size) {
    int used = snprintf(why, size, "no balancer '%.*s'; there are", (int)length, name);
    for (size_t i = 0; ALL[i] != NULL && used > 0 && (size_t)used < size; i++) {
        used += snprintf(why + used, size - (size_t)used, "%s %s", i == 0 ? "" : ",", ALL[i]->name);
    }
    return CHARIOT_EINVAL;
}

static int no_option(const struct lb_balancer *balancer, const char *name, size_t length, char *why, size_t size) {
    int used = snprintf(why, size, "%s has no option '%.*s'; it has", balancer->name, (int)length, name);
    if (balancer->num_options == 0) snprintf(why + used, size - (size_t)used, " none");
    for (uint32_t i = 0; i < balancer->num_options && used > 0 && (size_t)used < size; i++) {
        used += snprintf(why + used, size - (size_t)used, "%s %s", i == 0 ? "" : ",", balancer->options[i].name);
    }
    return CHARIOT_EINVAL;
}

static int take_value(const struct lb_option *option, const char *text, size_t length, double *out, char *why,
                      size_t size) {
    char copy[64], *end = copy;
    if (length > 0 && length < sizeof copy) {
        memcpy(copy, text, length);
        copy[length] = 0;
        *out = strtod(copy, &end);
    }
    bool good = end != copy && *end == 0 && *out >= option->least && *out <= option->most &&
                (!option->whole || *out == floor(*out));
    if (good) return 0;
    snprintf(why, size, "%s=%.*s: it takes %s from %g to %g: %s", option->name, (int)length, text,
             option->whole ? "whole numbers" : "numbers", option->least, option->most, option->help);
    return CHARIOT_EINVAL;
}

/* "name=value" of `length` bytes. */
static int take_option(struct lb_choice *choice, const char *text, size_t length, char *why, size_t size) {
    const struct lb_balancer *balancer = choice->balancer;
    const char *equals = memchr(text, '=', length);
    size_t name = equals == NULL ? length : (size_t)(equals - text);
    for (uint32_t i = 0; i < balancer->num_options; i++) {
        const struct lb_option *option = &balancer->options[i];
        if (strlen(option->name) != name || strncmp(option->name, text, name) != 0) continue;
        if (equals != NULL) return take_value(option, equals + 1, length - name - 1, &choice->options[i], why, size);
        snprintf(why, size, "option %s has no value: write %s=%g", option->name, option->name, option->preset);
        return CHARIOT_EINVAL;
    }
    return no_option(balancer, text, name, why, size);
}

int lb_choice_parse(const char *text, struct lb_choice *out, char *why, size_t size) {
    size_t length = strcspn(text, ":");
    *out = (struct lb_choice){.balancer = find(text, length)};
    if (out->balancer == NULL) return no_balancer(text, length, why, size);
    for (uint32_t i = 0; i < out->balancer->num_options; i++) out->options[i] = out->balancer->options[i].preset;
    for (const char *at = text + length; *at != 0; at += 1 + strcspn(at + 1, ",")) {
        int error = take_option(out, at + 1, strcspn(at + 1, ","), why, size);
        if (error != 0) return error;
    }
    return 0;
}

int lb_choice_plan(const struct lb_choice *choice, const struct lb_stats *stats, uint64_t seed, struct lb_plan *out,
                   char *why, size_t size) {
    *out = (struct lb_plan){0};
    int error = lb_stats_check(stats, why, size);
    return error != 0 ? error : choice->balancer->plan(stats, choice->options, seed, out, why, size);
}

/* ---------------------------------------------------------------- statistics and plans */

static int wrong(char *why, size_t size, const char *what, size_t number, const char *is) {
    snprintf(why, size, "%s %zu %s", what, number, is);
    return CHARIOT_EINVAL;
}

static bool is_amount(double value) {
    return value >= 0 && value <= 1e300;
}

static int check_objects(const struct lb_stats *stats, char *why, size_t size) {
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        const struct lb_object *object = &stats->objects[i];
        if (!is_amount(object->load)) return wrong(why, size, "the load of object", i, "is negative or not finite");
        if (object->pe >= stats->num_pes) return wrong(why, size, "object", i, "is on a PE that is not there");
    }
    size_t coords = stats->coords == NULL ? 0 : (size_t)stats->num_objects * stats->dims;
    for (size_t i = 0; i < coords; i++) {
        if (!isfinite(stats->coords[i]))
            return wrong(why, size, "object", i / stats->dims, "has no finite coordinates");
    }
    return 0;
}

int lb_stats_check(const struct lb_stats *stats, char *why, size_t size) {
    if (stats->num_pes == 0) return wrong(why, size, "there are", 0, "PEs");
    for (uint32_t pe = 0; pe < stats->num_pes; pe++) {
        if (stats->background != NULL && !is_amount(stats->background[pe]))
            return wrong(why, size, "the background load of PE", pe, "is negative or not finite");
        if (stats->speeds != NULL && !(stats->speeds[pe] >= 1e-9 && stats->speeds[pe] <= 1e9))
            return wrong(why, size, "the speed of PE", pe, "is not between 1e-9 and 1e9");
    }
    for (size_t i = 0; i < stats->num_edges; i++) {
        const struct lb_edge *edge = &stats->edges[i];
        if (edge->from >= stats->num_objects || edge->to >= stats->num_objects)
            return wrong(why, size, "edge", i, "names an object that is not there");
        if (!is_amount(edge->bytes)) return wrong(why, size, "the bytes of edge", i, "are negative or not finite");
    }
    return check_objects(stats, why, size);
}

int lb_plan_make(const struct lb_stats *stats, const uint32_t *where, struct lb_plan *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < stats->num_objects; i++) count += where[i] != stats->objects[i].pe;
    *out = (struct lb_plan){.moves = malloc((count + 1) * sizeof *out->moves)};
    if (out->moves == NULL) return CHARIOT_ENOMEM;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        if (where[i] != stats->objects[i].pe) out->moves[out->num_moves++] = (struct lb_move){i, where[i]};
    }
    return 0;
}

void lb_plan_deinit(struct lb_plan *plan) {
    free(plan->moves);
    *plan = (struct lb_plan){0};
}
