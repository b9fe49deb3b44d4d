/* What past loads foretell. */
#include "lb/forecast.h"

#include "test/unit/unit.h"

static double after(const double *loads, unsigned count) {
    struct lb_forecast forecast = {0};
    for (unsigned i = 0; i < count; i++) lb_forecast_add(&forecast, loads[i]);
    return lb_forecast_next(&forecast);
}

static void one_or_two_loads_foretell_the_last(void) {
    CU_ASSERT_EQUAL(after((double[]){0}, 0), 0);
    CU_ASSERT_EQUAL(after((double[]){3}, 1), 3);
    CU_ASSERT_EQUAL(after((double[]){3, 5}, 2), 5);
}

static void a_load_that_grows_or_shrinks_is_followed_half_a_step(void) {
    CU_ASSERT_EQUAL(after((double[]){1, 3, 5}, 3), 6);
    CU_ASSERT_EQUAL(after((double[]){9, 7, 5}, 3), 4);
    CU_ASSERT_EQUAL(after((double[]){1, 2, 6}, 3), 7);
}

static void a_phase_that_stands_out_is_not_followed(void) {
    CU_ASSERT_EQUAL(after((double[]){1, 100, 1}, 3), 1);
    CU_ASSERT_EQUAL(after((double[]){1, 1, 100}, 3), 100);
    CU_ASSERT_EQUAL(after((double[]){1, 100, 1, 1}, 4), 1);
}

static void a_forecast_is_never_negative(void) {
    CU_ASSERT_EQUAL(after((double[]){100, 50, 1}, 3), 0);
}

UNIT_MAIN("lb/forecast", UNIT(one_or_two_loads_foretell_the_last),
          UNIT(a_load_that_grows_or_shrinks_is_followed_half_a_step), UNIT(a_phase_that_stands_out_is_not_followed),
          UNIT(a_forecast_is_never_negative))
