#include "lb/forecast.h"

#include <math.h>

void lb_forecast_add(struct lb_forecast *forecast, double load) {
    forecast->change_before = forecast->change;
    forecast->change = forecast->seen > 0 ? load - forecast->last : 0;
    forecast->last = load;
    if (forecast->seen < 2) forecast->seen++;
}

double lb_forecast_next(const struct lb_forecast *forecast) {
    double half = forecast->change / 2, before = forecast->change_before;
    if ((half > 0) != (before > 0)) return forecast->last;
    double step = fabs(half) < fabs(before) ? half : before;
    return forecast->last + step > 0 ? forecast->last + step : 0;
}
