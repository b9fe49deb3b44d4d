/* deploy/yaml.h: text as a YAML scalar. Pure. */
#ifndef CHARIOT_DEPLOY_YAML_H
#define CHARIOT_DEPLOY_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether all of text is UTF-8, as YAML, and JSON behind it, want it. */
bool deploy_yaml_is_text(const char *text);
/* Writes text in double quotes; every parser gives back the same bytes, but `twice`, a plain character, doubled (0:
 * none). `text` is UTF-8. */
void deploy_yaml_quote(FILE *out, const char *text, char twice);

#endif
