/* Ranges of numbers, as Python's slices. */
#include "sections/select.h"

static int64_t within(int64_t number, int64_t low, int64_t high) {
    return number < low ? low : number > high ? high : number;
}

struct chariot_range section_range_of(const struct chariot_range *range, int64_t size) {
    struct chariot_range out = *range;
    if (size < 0) return out;
    bool up = range->step > 0;
    int64_t low = up ? 0 : -1, high = up ? size : size - 1;
    int64_t start = range->start < 0 ? range->start + size : range->start;
    int64_t stop = range->stop < 0 ? range->stop + size : range->stop;
    out.start = range->has_start ? within(start, low, high) : up ? low : high;
    out.stop = range->has_stop ? within(stop, low, high) : up ? high : low;
    out.has_start = out.has_stop = true;
    return out;
}

bool section_range_has(const struct chariot_range *range, int64_t number) {
    bool up = range->step > 0;
    if (range->has_start && (up ? number < range->start : number > range->start)) return false;
    if (range->has_stop && (up ? number >= range->stop : number <= range->stop)) return false;
    uint64_t step = up ? (uint64_t)range->step : -(uint64_t)range->step;
    uint64_t way = up ? (uint64_t)number - (uint64_t)range->start : (uint64_t)range->start - (uint64_t)number;
    return step == 1 || way % step == 0;
}
