/* objects/float16.h: IEEE 754 half precision to float and back, for compilers and processors without the type.
 *
 * To float is exact; from float rounds to nearest, ties to even. NaNs stay NaNs and keep the bits that fit. */
#ifndef CHARIOT_OBJECTS_FLOAT16_H
#define CHARIOT_OBJECTS_FLOAT16_H

#include <stdint.h>
#include <string.h>

static inline float obj_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float obj_float16_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7fffu;
    if (rest >= 0x7c00u) return obj_float_of_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13); /* infinity, NaN */
    if (rest >= 0x400u) return obj_float_of_bits(sign | ((rest << 13) + ((127u - 15u) << 23)));
    float magnitude = (float)rest * 0x1p-24f; /* zero and subnormals */
    return sign != 0 ? -magnitude : magnitude;
}

static inline uint16_t obj_float16_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7c00u | 0x200u | (rest >> 13 & 0x1ffu)); /* NaN, quiet */
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* from 65520 on: infinity */
    if (rest < 0x38800000u) {                                   /* below 2**-14: subnormal; the adder rounds */
        float shifted = obj_float_of_bits(rest) + 0.5f;         /* 0.5 has its last bit at 2**-24 */
        memcpy(&bits, &shifted, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    rest += 0xfffu + (rest >> 13 & 1u); /* half of the last bit that stays, to even; may carry into the exponent */
    return (uint16_t)(sign | ((rest - ((127u - 15u) << 23)) >> 13));
}

#endif
