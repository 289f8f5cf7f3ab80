// What the critical service and the referee share: one page of memory, in a file that both map.
#pragma once
#include <stdint.h>

static const char heartbeat_path[] = "/run/heartbeat";

enum {
    heartbeat_period_us = 10000,
    // A gap that is longer by this is a loss. What two busy processors do to each other stays below it.
    heartbeat_tolerance_us = 40000,
};

struct heartbeat {
    // 0 until the first beat.
    _Atomic int64_t last_us;
    // What it lost in all, and in its longest gap since the referee looked.
    _Atomic int64_t lost_us, longest_us;
};

// A gap counts from the last beat, even if that was an earlier process's.
static inline int64_t heartbeat_lateness(int64_t last, int64_t now) {
    int64_t gap = now - last;
    return last != 0 && gap > heartbeat_period_us + heartbeat_tolerance_us ? gap - heartbeat_period_us : 0;
}

static inline void heart_beats(struct heartbeat *heart, int64_t now) {
    int64_t last = heart->last_us;
    heart->lost_us += heartbeat_lateness(last, now);
    if (last != 0 && now - last > heart->longest_us) heart->longest_us = now - last;
    heart->last_us = now;
}
