/* test/bench/c/unary.h: the one call by which serving is measured: cell.add(1.5) gives 1.5, as bytes. */
#ifndef CHARIOT_BENCH_UNARY_H
#define CHARIOT_BENCH_UNARY_H

#define UNARY_PATH "/chariot.v1.ObjectService/Call"

/* CallRequest{target{name: "cell"}, method: "add", arguments{positional: [{real: 1.5}]}} */
static const unsigned char unary_request[] = {
    0x0a, 6,  0x0a, 4,   'c',  'e', 'l', 'l',                      /* target */
    0x12, 3,  'a',  'd', 'd',                                      /* method */
    0x1a, 11, 0x0a, 9,   0x29, 0,   0,   0,   0, 0, 0, 0xf8, 0x3f, /* arguments */
};

/* CallResponse{result{real: 1.5}}; a server may write its lengths longer. */
static const unsigned char unary_response[] = {0x0a, 9, 0x29, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f};

#endif
