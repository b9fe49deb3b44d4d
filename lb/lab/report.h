/* lb/lab/report.h: what the laboratory says: lines for people, JSON for programs, a picture of loads per PE. */
#ifndef CHARIOT_LB_LAB_REPORT_H
#define CHARIOT_LB_LAB_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "lb/lab/judge.h"

void lab_report_head(FILE *out, const char *trace, const struct lab_setting *setting);
void lab_report_score(FILE *out, const struct lab_score *score);
void lab_report_mean(FILE *out, const struct lab_score *scores, uint32_t count);

/* A new reference, or NULL: no memory. */
json_t *lab_report_json(const char *trace, const struct lab_setting *setting, const struct lab_score *scores,
                        uint32_t count);

/* Bars per PE, before above after, with the average and the bound. CHARIOT_EIO. */
int lab_svg_write(const char *path, const char *title, const struct lab_verdict *verdict);

#endif
