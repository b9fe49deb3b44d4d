/* lb/forecast.h: what an object will take in the next phase, from what it took in past ones: three numbers an object.
 *
 * The last load, and half of the last change if the change before went the same way, limited by that one (a minmod
 * limiter: Roe 1986): loads that grow are followed, a phase that stands out is not. */
#ifndef CHARIOT_LB_FORECAST_H
#define CHARIOT_LB_FORECAST_H

struct lb_forecast {
    double last, change, change_before;
    unsigned seen; /* loads; counts to 2 */
};

void lb_forecast_add(struct lb_forecast *forecast, double load);
/* Not negative; 0 if nothing was added. */
double lb_forecast_next(const struct lb_forecast *forecast);

#endif
