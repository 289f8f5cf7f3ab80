// A process with the manners that a test asks for. It ends by itself after a minute, whatever happens to the test.
//
// usage: specimen [--name COMM] [--mib N] [--shared-mib N] [--ignore-term] [--leader-exits] [--seconds S]
//
// It prints "ready" once its memory is touched and its manners are set.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

// Bounds, so that a mistake in a test cannot hurt the machine that runs it.
enum { maximum_mib = 512, maximum_seconds = 120 };

static int seconds = 60;

static void *fill(long mib, int flags) {
    size_t size = (size_t)mib << 20;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memset(memory, 1, size);
    return memory;
}

static void *live(void *unused) {
    sleep((unsigned)seconds);
    exit(0);
    return unused;
}

static long number(const char *text, long maximum) {
    long value = text == NULL ? -1 : strtol(text, NULL, 10);
    if (value < 0 || value > maximum) {
        fprintf(stderr, "specimen: a number from 0 to %ld is needed\n", maximum);
        exit(64);
    }
    return value;
}

int main(int count, char **words) {
    long mib = 0, shared_mib = 0;
    int leader_exits = 0;
    for (int index = 1; index < count; index++) {
        const char *word = words[index];
        if (strcmp(word, "--name") == 0) prctl(PR_SET_NAME, words[++index]);
        else if (strcmp(word, "--mib") == 0) mib = number(words[++index], maximum_mib);
        else if (strcmp(word, "--shared-mib") == 0) shared_mib = number(words[++index], maximum_mib);
        else if (strcmp(word, "--seconds") == 0) seconds = (int)number(words[++index], maximum_seconds);
        else if (strcmp(word, "--ignore-term") == 0) signal(SIGTERM, SIG_IGN);
        else if (strcmp(word, "--leader-exits") == 0) leader_exits = 1;
        else {
            fprintf(stderr, "specimen: no option %s\n", word);
            return 64;
        }
    }
    if (mib > 0) fill(mib, MAP_PRIVATE);
    if (shared_mib > 0) fill(shared_mib, MAP_SHARED);
    if (leader_exits) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live, NULL) != 0) return 1;
    }
    puts("ready");
    fflush(stdout);
    if (leader_exits) pthread_exit(NULL);
    live(NULL);
}
