// Measures how long a kill takes: from a crossed line to the signal, to the first memory that comes back, and to all of
// it.
//
// usage: kill STEP ROUNDS HOG_MIB MEMINFO CGROUP
//
// MEMINFO is a file that is mounted over /proc/meminfo. The line is crossed by changing a number in it, and not by using
// up memory. STEP is one of these:
//   term      the line is crossed, and the hog dies of SIGTERM
//   kill      the second line is crossed, at which both agents begin with SIGKILL
//   escalate  the hog was sent SIGTERM and ignores it, and then the second line is crossed
// It prints a line `signal_us first_us all_us` for each round, in microseconds since the number was changed. The signal
// has arrived when the hog is exiting (PF_EXITING in its flags). Memory begins to come back when a hundredth of the hog's
// is free, and all is back with ninety-nine hundredths. CGROUP is the folder of a memory cgroup that holds the hog alone,
// so that no other memory is counted. This program looks every 100 µs, and sleeps between the looks.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "meminfo.h"

// The agents' lines are at 10 % and 1 %, or half, and above 10.5 % memory is back. Near a line both look often.
static const double low_share = 0.08, lowest_share = 0.008, high_share = 0.11;
enum { maximum_mib = 2048, patience_ms = 30000, exiting = 4 };

static int termination[2];

static void note(int number) {
    (void)number;
    if (write(termination[1], "t", 1) != 1) _exit(1);
}

static void join(const char *cgroup) {
    char path[512];
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    int file = open(path, O_WRONLY);
    if (file < 0 || write(file, "0", 1) != 1) {
        perror(path);
        _exit(1);
    }
    close(file);
}

static pid_t start_hog(long mib, int heeds, const char *cgroup) {
    int ready[2];
    char nothing;
    if (pipe(ready) != 0) exit(1);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "hog");
        if (!heeds) signal(SIGTERM, note);
        join(cgroup);
        size_t size = (size_t)mib << 20;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(1);
        memset(memory, 1, size);
        close(ready[0]);
        close(ready[1]);
        for (;;) pause();
    }
    close(ready[1]);
    if (read(ready[0], &nothing, 1) != 0) exit(1);
    close(ready[0]);
    return child;
}

static int open_usage(const char *cgroup) {
    static const char *const names[] = {"memory.current", "memory.usage_in_bytes"};
    for (size_t index = 0; index < 2; index++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", cgroup, names[index]);
        int file = open(path, O_RDONLY);
        if (file >= 0) return file;
    }
    perror(cgroup);
    exit(1);
}

static long used_kib(int usage) {
    char text[64];
    ssize_t length = pread(usage, text, sizeof text - 1, 0);
    if (length <= 0) return -1;
    text[length] = 0;
    return atol(text) / 1024;
}

// Whether the process has begun to exit. The flags are the ninth field, the sixth after the name.
static int is_exiting(int stat) {
    char text[512];
    unsigned flags = 0;
    ssize_t length = pread(stat, text, sizeof text - 1, 0);
    if (length <= 0) return 1;
    text[length] = 0;
    const char *fields = strrchr(text, ')');
    return fields == NULL || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1 || (flags & exiting) != 0;
}

int main(int count, char **words) {
    if (count != 6) {
        fputs("usage: kill STEP ROUNDS HOG_MIB MEMINFO CGROUP\n", stderr);
        return 64;
    }
    int kills = strcmp(words[1], "kill") == 0, escalates = strcmp(words[1], "escalate") == 0;
    int rounds = atoi(words[2]), usage = open_usage(words[5]);
    long mib = atol(words[3]);
    if (mib < 1 || mib > maximum_mib || rounds < 1 || rounds > 1000) return 64;
    char original[4096] = {0};
    int file = open(words[4], O_RDONLY);
    if (file < 0 || read(file, original, sizeof original - 64) < 1 || pipe(termination) != 0) return 1;
    close(file);

    for (int round = 0; round < rounds; round++) {
        char path[64];
        pid_t hog = start_hog(mib, !escalates, words[5]);
        snprintf(path, sizeof path, "/proc/%d/stat", hog);
        int stat = open(path, O_RDONLY);
        usleep(500000 + 37000u * (unsigned)round % 100000);
        if (escalates) {
            struct pollfd waiting = {termination[0], POLLIN, 0};
            char letter;
            cross(words[4], original, low_share);
            if (poll(&waiting, 1, patience_ms) != 1 || read(termination[0], &letter, 1) != 1) {
                fputs("kill: no SIGTERM\n", stderr);
                kill(hog, SIGKILL);
                return 1;
            }
            // So that the rounds begin at different moments of the agent's sleep.
            usleep(300000 + 37000u * (unsigned)round % 100000);
        }
        long before = used_kib(usage);
        double start = microseconds(CLOCK_BOOTTIME), signal_at = 0, first_at = 0, all_at = 0;
        cross(words[4], original, kills || escalates ? lowest_share : low_share);
        while (all_at == 0 && microseconds(CLOCK_BOOTTIME) - start < patience_ms * 1e3) {
            if (signal_at == 0 && is_exiting(stat)) {
                signal_at = microseconds(CLOCK_BOOTTIME);
                // The number does not change by itself when memory comes back. It is put back, so that no other process
                // is killed.
                cross(words[4], original, high_share);
            }
            long back = before - used_kib(usage);
            if (signal_at > 0 && first_at == 0 && back >= mib * 1024 / 100) first_at = microseconds(CLOCK_BOOTTIME);
            if (signal_at > 0 && back >= mib * 1024 / 100 * 99) all_at = microseconds(CLOCK_BOOTTIME);
            usleep(100);
        }
        cross(words[4], original, high_share);
        if (all_at == 0) {
            fprintf(stderr, "kill: %s within %d s\n", signal_at == 0 ? "no signal" : "memory was not back",
                    patience_ms / 1000);
            kill(hog, SIGKILL);
            return 1;
        }
        waitpid(hog, NULL, 0);
        close(stat);
        // Until the agent has seen its exit and has told of it.
        usleep(1000000);
        printf("%.0f %.0f %.0f\n", signal_at - start, first_at - start, all_at - start);
        fflush(stdout);
    }
}
