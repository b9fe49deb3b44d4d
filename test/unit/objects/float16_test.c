/* Half precision: every value, and rounding at every boundary. */
#include "objects/float16.h"

#include <math.h>

#include "test/unit/unit.h"

/* From the definition: sign, exponent and fraction. */
static double half_by_definition(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double sign = half >> 15 ? -1 : 1;
    if (exponent == 31) return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

static void every_float16_converts_as_defined(void) {
    for (uint32_t half = 0; half < 65536; half++) {
        double right = half_by_definition((uint16_t)half);
        float got = obj_float16_to_float((uint16_t)half);
        if (isnan(right)) {
            CU_ASSERT(isnan(got) && isnan(half_by_definition(obj_float16_from_float(got))));
            continue;
        }
        CU_ASSERT(got == right && !signbit(got) == !signbit(right));
        CU_ASSERT_EQUAL(obj_float16_from_float(got), half);
    }
}

static void floats_round_to_the_nearest_float16_ties_to_even(void) {
    for (uint16_t half = 0; half < 0x7c00; half++) {
        double low = half_by_definition(half), high = half == 0x7bff ? 65536 : half_by_definition((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2); /* exact: one bit more than a half has */
        uint16_t even = (uint16_t)(half + (half & 1));
        CU_ASSERT_EQUAL(obj_float16_from_float(middle), even);
        CU_ASSERT_EQUAL(obj_float16_from_float(nextafterf(middle, 0)), half);
        CU_ASSERT_EQUAL(obj_float16_from_float(nextafterf(middle, 1e9f)), half + 1);
        CU_ASSERT_EQUAL(obj_float16_from_float(-middle), even | 0x8000);
    }
    CU_ASSERT_EQUAL(obj_float16_from_float(1e30f), 0x7c00);
    CU_ASSERT_EQUAL(obj_float16_from_float(-1e-30f), 0x8000);
}

UNIT_MAIN("objects/float16", UNIT(every_float16_converts_as_defined),
          UNIT(floats_round_to_the_nearest_float16_ties_to_even))
