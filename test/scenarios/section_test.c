/* Sections against a model: random programs of collections and sections on simulated PEs, with delays. Every delivery
 * happens exactly once, in one order for all members of a section; every result is the model's; nothing is left over.
 *
 * `make check-sections` runs 10,000 of them, with PROGRAMS=1 FIRST=n the one of seed n (CHARIOT_TRACE=1: says what it
 * does). */
#include <stdio.h>
#include <stdlib.h>

#include "test/scenarios/section_program.h"
#include "test/unit/unit.h"

enum { USUAL = 300 };

static uint64_t number_from(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void run_programs(uint64_t usual) {
    uint64_t first = number_from("CHARIOT_FIRST", 1), count = number_from("CHARIOT_PROGRAMS", usual), failures = 0;
    uint64_t deliveries = 0, sections = 0, moves = 0;
    struct program *program = malloc(sizeof *program);
    CU_ASSERT_PTR_NOT_NULL_FATAL(program);
    for (uint64_t seed = first; seed < first + count && failures < 10; seed++) {
        if (!program_run(program, seed)) failures++;
        deliveries += program->deliveries;
        sections += program->sections;
        moves += program->moves;
    }
    printf("%llu programs, %llu deliveries, %llu sections, %llu moves\n", (unsigned long long)count,
           (unsigned long long)deliveries, (unsigned long long)sections, (unsigned long long)moves);
    CU_ASSERT_EQUAL(failures, 0);
    CU_ASSERT_TRUE(count < 100 || (deliveries > 50 * count && sections > 5 * count));
    free(program);
}

static void random_programs_do_what_the_model_says(void) {
    run_programs(USUAL);
}

static void so_they_do_while_elements_move(void) {
    wander_begin(20);
    run_programs(USUAL);
    wander_end();
}

UNIT_MAIN("scenarios/section", UNIT(random_programs_do_what_the_model_says), UNIT(so_they_do_while_elements_move))
