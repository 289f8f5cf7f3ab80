// The least program that could choose a victim: it walks over /proc once and reads one small file, or two, of each process
// into fixed buffers.
//
// usage: floor oom_score|footprint ROUNDS
//
// With `oom_score` it reads the kernel's own figure, which is one file. With `footprint` it reads what killing a process
// would give back, for which the kernel has no smaller files than `stat` and `status`. It prints the processor time of
// the median round in microseconds, the number of processes, and the process that it chose.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char listing[16384], text[4096];

// Bytes read of a file of a process, with a NUL after them; -1 if it is gone.
static long read_file(int proc, const char *pid, const char *name) {
    char path[64];
    char *end = stpcpy(path, pid);
    *end++ = '/';
    strcpy(end, name);
    int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    long count = pread(file, text, sizeof text - 1, 0);
    close(file);
    if (count >= 0) text[count] = 0;
    return count;
}

static long field(const char *name) {
    const char *found = strstr(text, name);
    return found == NULL ? 0 : strtol(found + strlen(name), NULL, 10);
}

static long weigh(int proc, const char *pid, int by_score) {
    if (by_score) return read_file(proc, pid, "oom_score") < 0 ? -1 : strtol(text, NULL, 10);
    if (read_file(proc, pid, "stat") < 0 || read_file(proc, pid, "status") < 0) return -1;
    return field("RssAnon:") + field("RssShmem:") + field("VmPTE:") + field("VmSwap:");
}

static int choose(int proc, int by_score, int *victim) {
    long best = -1, size;
    int count = 0;
    lseek(proc, 0, SEEK_SET);
    while ((size = syscall(SYS_getdents64, proc, listing, sizeof listing)) > 0) {
        for (long entry = 0; entry < size;) {
            unsigned short length;
            memcpy(&length, listing + entry + 16, sizeof length);
            const char *name = listing + entry + 19;
            if (*name >= '1' && *name <= '9') {
                long weight = weigh(proc, name, by_score);
                count++;
                if (weight > best) best = weight, *victim = atoi(name);
            }
            entry += length;
        }
    }
    return count;
}

static double processor_microseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int by_size(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **words) {
    int rounds = count == 3 ? atoi(words[2]) : 0;
    double took[101];
    if (rounds < 1 || rounds > 101) {
        fputs("usage: floor oom_score|footprint ROUNDS\n", stderr);
        return 64;
    }
    int by_score = strcmp(words[1], "oom_score") == 0, victim = 0, seen = 0;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    choose(proc, by_score, &victim);
    for (int round = 0; round < rounds; round++) {
        double before = processor_microseconds();
        seen = choose(proc, by_score, &victim);
        took[round] = processor_microseconds() - before;
    }
    qsort(took, (size_t)rounds, sizeof *took, by_size);
    printf("%.0f %d %d\n", took[rounds / 2], seen, victim);
}
