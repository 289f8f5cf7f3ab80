// Shared by the tools that cross an agent's line by changing a number: MEMINFO is a file that is mounted over
// /proc/meminfo.
#ifndef MEMINFO_H
#define MEMINFO_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double microseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) return -1;
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

// Writes that this share of the memory is available. `original` is what MEMINFO held at the start.
static void cross(const char *path, const char *original, double share) {
    char text[4096];
    long total = 0;
    sscanf(original, "MemTotal: %ld", &total);
    const char *line = strstr(original, "MemAvailable:"), *rest = strchr(line, '\n');
    int length = snprintf(text, sizeof text, "%.*sMemAvailable: %12ld kB%s", (int)(line - original), original,
                          (long)((double)total * share), rest);
    int file = open(path, O_WRONLY);
    if (file < 0 || pwrite(file, text, (size_t)length, 0) != length) {
        perror(path);
        exit(1);
    }
    close(file);
}

#endif
