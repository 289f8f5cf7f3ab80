// Measures the processor time that an agent takes from a crossed line to its signal, which is that of choosing a victim.
//
// usage: choose AGENT ROUNDS HOG_MIB MEMINFO [COUNTER]
//
// MEMINFO is a file that is mounted over /proc/meminfo. The line is crossed by changing a number in it, and not by using
// up memory. In each round a hog is started and the line is crossed, and the hog reads the agent's processor clock when
// the signal arrives. Both are bound to one processor, so that the hog runs when the agent has stopped: the clock of a
// process that runs on another processor is late by up to a timer tick. It prints a line `processor_us wall_us
// allocations` for each round; the wall time includes the agent's sleep. COUNTER is a file with the number of
// allocations (allocations.c).
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "meminfo.h"

// The agents' lines are at 10 %, and above 10.5 % memory is back. Near the line both look often.
static const double low_share = 0.08, high_share = 0.11;
enum { maximum_mib = 512, patience_ms = 30000 };

struct arrival {
    double processor, wall;
};

// The processor clock of another process (clock_getcpuclockid(3)).
static clockid_t processor_clock(pid_t pid) { return (clockid_t)(~(unsigned)pid << 3 | 2); }

static void bind_to_last_processor(pid_t pid) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
    if (sched_setaffinity(pid, sizeof set, &set) != 0) perror("sched_setaffinity");
}

static pid_t start_hog(long mib, clockid_t agent, int report, int *ready) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) exit(1);
    pid_t child = fork();
    if (child == 0) {
        sigset_t term;
        int signal_number;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "hog");
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, NULL);
        size_t size = (size_t)mib << 20;
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(1);
        memset(memory, 1, size);
        bind_to_last_processor(0);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        sigwait(&term, &signal_number);
        struct arrival arrival = {microseconds(agent), microseconds(CLOCK_BOOTTIME)};
        _exit(write(report, &arrival, sizeof arrival) == sizeof arrival ? 0 : 1);
    }
    close(pipe_ends[1]);
    *ready = pipe_ends[0];
    return child;
}

static unsigned long allocations(const volatile uint64_t *counter) { return counter == NULL ? 0 : *counter; }

int main(int count, char **words) {
    if (count < 5) {
        fputs("usage: choose AGENT ROUNDS HOG_MIB MEMINFO [COUNTER]\n", stderr);
        return 64;
    }
    clockid_t agent = processor_clock(atoi(words[1]));
    int rounds = atoi(words[2]), report[2];
    long mib = atol(words[3]);
    if (mib < 1 || mib > maximum_mib || rounds < 1 || rounds > 1000) return 64;
    char original[4096] = {0};
    int file = open(words[4], O_RDONLY);
    if (file < 0 || read(file, original, sizeof original - 64) < 1 || pipe(report) != 0) return 1;
    close(file);
    const volatile uint64_t *counter = NULL;
    if (count > 5) {
        int shared = open(words[5], O_RDONLY);
        counter = mmap(NULL, sizeof *counter, PROT_READ, MAP_SHARED, shared, 0);
        if (counter == MAP_FAILED) return 1;
    }

    bind_to_last_processor(atoi(words[1]));
    for (int round = 0; round < rounds; round++) {
        int ready;
        char nothing;
        pid_t hog = start_hog(mib, agent, report[1], &ready);
        if (read(ready, &nothing, 1) != 0) return 1;
        close(ready);
        usleep(300000);
        unsigned long allocated = allocations(counter);
        double processor = microseconds(agent), wall = microseconds(CLOCK_BOOTTIME);
        cross(words[4], original, low_share);
        struct arrival arrival = {0};
        struct pollfd waiting = {report[0], POLLIN, 0};
        int arrived = poll(&waiting, 1, patience_ms) == 1 && read(report[0], &arrival, sizeof arrival) > 0;
        cross(words[4], original, high_share);
        if (!arrived) {
            fprintf(stderr, "choose: no signal within %d s\n", patience_ms / 1000);
            kill(hog, SIGKILL);
            return 1;
        }
        waitpid(hog, NULL, 0);
        // Until the agent has seen its exit and has told of it.
        usleep(700000);
        printf("%.0f %.0f %lu\n", arrival.processor - processor, arrival.wall - wall,
               allocations(counter) - allocated);
        fflush(stdout);
    }
}
