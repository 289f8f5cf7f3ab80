// The guest's one clock: CLOCK_MONOTONIC in microseconds, as the tracer's "mono" has it.
#pragma once
#include <stdint.h>
#include <time.h>

static inline int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static inline void sleep_until_us(int64_t moment) {
    struct timespec time = {.tv_sec = moment / 1000000, .tv_nsec = moment % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}
