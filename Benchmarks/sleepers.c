// Idle processes to choose among. It forks them, fills some memory itself, says that it is ready, and waits. It exits
// when its time is over, and they die with it.
//
// usage: sleepers COUNT SECONDS MIB [apart]
//
// With `apart` each executes a program of its own, so that they share no memory with the one that fills some.
//
// It prints "ready N" with the number that could be started. Linked statically, each takes some 100 KiB of the kernel.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// Bounds, so that a mistake cannot hurt the machine.
enum { maximum_count = 20000, maximum_seconds = 600, maximum_mib = 8192 };

static void sleep_for(int seconds) {
    alarm((unsigned)seconds);
    for (;;) pause();
}

int main(int count, char **words) {
    if (count == 3 && strcmp(words[1], "idle") == 0) sleep_for(atoi(words[2]));
    int apart = count == 5 && strcmp(words[4], "apart") == 0;
    if (count != 4 && !apart) {
        fputs("usage: sleepers COUNT SECONDS MIB [apart]\n", stderr);
        return 64;
    }
    int wanted = atoi(words[1]), seconds = atoi(words[2]), mib = atoi(words[3]);
    if (wanted < 0 || wanted > maximum_count || seconds < 1 || seconds > maximum_seconds || mib < 0 ||
        mib > maximum_mib) {
        fprintf(stderr, "sleepers: at most %d processes, %d seconds, %d MiB\n", maximum_count, maximum_seconds,
                maximum_mib);
        return 64;
    }
    int started = 0;
    while (started < wanted) {
        pid_t parent = getpid(), child = fork();
        if (child < 0) {
            fprintf(stderr, "sleepers: fork of number %d: %s\n", started + 1, strerror(errno));
            break;
        }
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) return 1;
            if (apart) execl("/proc/self/exe", "sleepers", "idle", words[2], (char *)NULL);
            sleep_for(seconds);
        }
        started++;
    }
    char *memory = malloc((size_t)mib << 20 | 1);
    if (memory == NULL) return 1;
    memset(memory, 1, (size_t)mib << 20);
    printf("ready %d\n", started);
    fflush(stdout);
    sleep_for(seconds);
}
