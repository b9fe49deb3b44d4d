/* deploy/yaml.c: see yaml.h. */
#include "deploy/yaml.h"

#include <stdint.h>
#include <string.h>

/* The code point at text, and how many bytes it takes; 0: that is no UTF-8 (RFC 3629: also no long forms, and no
 * halves of UTF-16). */
static size_t decode(const unsigned char *text, uint32_t *point) {
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } FORMS[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t more = 0; more < 4; more++) {
        if ((text[0] & FORMS[more].mask) != FORMS[more].lead) continue;
        *point = text[0] & (unsigned char)~FORMS[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((text[i] & 0xc0) != 0x80) return 0; /* the end of the text too */
            *point = *point << 6 | (text[i] & 0x3f);
        }
        bool half = *point >= 0xd800 && *point <= 0xdfff;
        return *point < FORMS[more].least || *point > 0x10ffff || half ? 0 : more + 1;
    }
    return 0;
}

/* What YAML calls printable, but for the lines' ends that it knows beside "\n". */
static bool is_plain(uint32_t point) {
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
    return point != 0x2028 && point != 0x2029 && point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

bool deploy_yaml_is_text(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    uint32_t point;
    while (*at != '\0') {
        size_t size = decode(at, &point);
        if (size == 0) return false;
        at += size;
    }
    return true;
}

static void print_point(FILE *out, const unsigned char *at, size_t size, uint32_t point) {
    if (point == '"' || point == '\\')
        fprintf(out, "\\%c", (int)point);
    else if (is_plain(point))
        fwrite(at, 1, size, out);
    else if (point <= 0xffff)
        fprintf(out, "\\u%04x", point);
    else
        fprintf(out, "\\U%08x", point);
}

void deploy_yaml_quote(FILE *out, const char *text, char twice) {
    const unsigned char *at = (const unsigned char *)text;
    uint32_t point;
    size_t size;
    fputc('"', out);
    for (; *at != '\0' && (size = decode(at, &point)) > 0; at += size) {
        if (twice != '\0' && point == (uint32_t)twice) fputc(twice, out);
        print_point(out, at, size, point);
    }
    fputc('"', out);
}
