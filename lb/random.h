/* lb/random.h: numbers drawn from a seed: splitmix64 (Steele, Lea, Flood 2014). State is the caller's. */
#ifndef CHARIOT_LB_RANDOM_H
#define CHARIOT_LB_RANDOM_H

#include <stdint.h>

static inline uint64_t lb_draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 <= it < below (> 0). */
static inline uint32_t lb_draw_below(uint64_t *state, uint32_t below) {
    return (uint32_t)((lb_draw(state) >> 32) * below >> 32);
}

/* 0 <= it < 1. */
static inline double lb_draw_share(uint64_t *state) {
    return (double)(lb_draw(state) >> 11) * 0x1p-53;
}

#endif
