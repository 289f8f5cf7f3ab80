// A leak that measures the time from crossing a line to the arrival of SIGTERM.
//
// usage: leak LINE_KIB MIB_PER_SECOND|0
//        leak - MIB_PER_SECOND|0 HELD_MIB
//
// In the second form it first fills HELD_MIB as user 65534, says `held`, and then reads the line from its standard input.
//
// It fills memory, as fast as it can if the rate is 0, and reads MemAvailable after each MiB. The line is crossed at
// the first value at or below it. At its bound it fills no more and waits. It prints the microseconds from the line to
// SIGTERM and the MiB filled in between, or `early` if SIGTERM came first.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// A bound, so that an agent that does not act cannot hurt the machine.
enum { maximum_mib = 1000, maximum_held_mib = 8192, patience_seconds = 10 };

static volatile double told = 0;
static volatile long filled = 0;
static volatile long filled_when_told = 0;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void end(int signal_number) {
    (void)signal_number;
    if (told == 0) told = now(), filled_when_told = filled;
}

static long available(int file) {
    char text[512];
    long count = pread(file, text, sizeof text - 1, 0);
    if (count < 0) return -1;
    text[count] = 0;
    const char *found = strstr(text, "MemAvailable:");
    return found == NULL ? -1 : strtol(found + 13, NULL, 10);
}

// Returns the line.
static long hold(long mib) {
    size_t size = (size_t)(mib < maximum_held_mib ? mib : maximum_held_mib) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long line = 0;
    // An ordinary user's, as most hogs are.
    if (memory == MAP_FAILED || setuid(65534) != 0) exit(1);
    memset(memory, 1, size);
    puts("held");
    fflush(stdout);
    if (scanf("%ld", &line) != 1) exit(64);
    return line;
}

int main(int count, char **words) {
    if (count != 3 && count != 4) {
        fputs("usage: leak LINE_KIB|- MIB_PER_SECOND|0 [HELD_MIB]\n", stderr);
        return 64;
    }
    long line = atol(words[1]), rate = atol(words[2]), filled_at_line = 0;
    if (count == 4) line = hold(atol(words[3]));
    double crossed = 0, start = now();
    signal(SIGTERM, end);
    int meminfo = open("/proc/meminfo", O_RDONLY);
    char *memory =
        mmap(NULL, (size_t)maximum_mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (meminfo < 0 || memory == MAP_FAILED) return 1;
    while (told == 0 && filled < maximum_mib) {
        memset(memory + (filled << 20), 1, 1 << 20);
        filled++;
        if (crossed == 0 && available(meminfo) <= line) crossed = now(), filled_at_line = filled;
        if (rate > 0) {
            double early = start + (double)filled * 1e6 / (double)rate - now();
            if (early > 0) usleep((unsigned)early);
        }
    }
    for (int tenths = 0; told == 0 && tenths < patience_seconds * 10; tenths++) usleep(100000);
    if (told == 0) puts("never");
    else if (crossed == 0 || told < crossed) puts("early");
    else printf("%.0f %ld\n", told - crossed, filled_when_told - filled_at_line);
}
