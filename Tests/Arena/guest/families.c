// The workload's modes that start other processes.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "workload.h"

// `count` processes of `mib` each, one every `gap` milliseconds. With no `mib` they only exist.
void swarm(void) {
    for (long child = 0; child < count; child++) {
        pid_t pid = fork();
        if (pid == 0) {
            become_child();
            if (mib > 0) grow();
            idle();
        }
        if (pid < 0 && errno != EAGAIN && errno != ENOMEM) fail("fork");
        if (gap > 0) usleep((useconds_t)gap * 1000);
    }
    while (wait(NULL) > 0 || errno == EINTR) continue;
    exit(0);
}

// Every process forks on and on, until there have been `count` of them, each with `mib`.
void fork_bomb(void) {
    long *born = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (born == MAP_FAILED) fail("mmap");
    char *memory = anonymous((size_t)mib * mib_bytes);
    for (;;) {
        fill(memory, (size_t)mib * mib_bytes);
        if (__atomic_fetch_add(born, 1, __ATOMIC_RELAXED) >= count) idle();
        pid_t pid = fork();
        if (pid == 0) become_child();
        usleep((useconds_t)gap * 1000);
    }
}

// A supervisor that starts its leaking child again, `count` times in all, and then gives up.
void tree(void) {
    for (long child = 0; child < count; child++) {
        pid_t pid = fork();
        if (pid == 0) {
            become_child();
            leak();
        }
        if (pid < 0) fail("fork");
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
        usleep((useconds_t)gap * 1000);
    }
}

// A build: `threads` compilers at a time, each a program of its own that takes up to `mib` and ends, for `seconds`.
void churn(void) {
    int64_t end = now_us() + seconds * 1000000;
    long running = 0;
    while (now_us() < end || running > 0) {
        if (running >= threads || now_us() >= end) {
            if (wait(NULL) > 0) running--;
            continue;
        }
        char size[32], label[64];
        snprintf(size, sizeof size, "mib=%ld", 4 + (long)(next_random() % (uint64_t)(mib - 3)));
        snprintf(label, sizeof label, "name=%s", name);
        pid_t pid = fork();
        if (pid == 0) {
            execl("/proc/self/exe", "workload", "compile", size, label, (char *)NULL);
            _exit(127);
        }
        if (pid > 0) running++;
    }
}


// One of a prefork service's workers: it reads what it inherited, and changes what is its own.
__attribute__((noreturn)) static void serve(const char *shared, size_t shared_size) {
    size_t size = (size_t)own * mib_bytes;
    char *memory = anonymous(size);
    fill(memory, size);
    for (;;) {
        touch_random((volatile char *)shared, shared_size, 20, 0);
        touch_random(memory, size, 20, 1);
        usleep((useconds_t)gap * 1000);
    }
}

// A service that fills `mib` once and then forks `count` workers with `own` MiB each (Apache's prefork, gunicorn with
// preload). Each serves every `gap` milliseconds. A worker that died is replaced.
void prefork(void) {
    size_t size = (size_t)mib * mib_bytes;
    char *memory = anonymous(size);
    fill(memory, size);
    for (long workers = 0;;) {
        pid_t pid = fork();
        if (pid == 0) {
            become_child();
            serve(memory, size);
        }
        if (pid < 0 && errno != EAGAIN && errno != ENOMEM) fail("fork");
        if (pid < 0) usleep(10000);
        if (pid > 0) workers++;
        while (workers == count && wait(NULL) > 0) workers--;
    }
}

static void write_all(int descriptor, const char *from, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t part = write(descriptor, from + done, size - done);
        if (part < 0 && errno != EINTR) fail(file);
        if (part > 0) done += (size_t)part;
    }
}

// Writes memory to `file` at `rate`, and to the disk every 4 MiB, as Redis does (rdb-save-incremental-fsync).
__attribute__((noreturn)) static void save(const char *memory, size_t size) {
    enum { piece = 128 << 10, batch = 4 << 20 };
    int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0) fail(file);
    int64_t start = now_us();
    for (size_t done = 0; done < size; done += piece) {
        sleep_until_us(start + (int64_t)(done / piece) * 1000000 * piece / mib_bytes / rate);
        write_all(descriptor, memory + done, piece);
        if (done % batch == 0 && fdatasync(descriptor) != 0) fail(file);
    }
    _exit(0);
}

// A database of `mib` that is saved as Redis and Valkey do it: a child writes the memory that it inherited to a file,
// while this process goes on changing its own, and so copies one page after the other. A save begins `gap` milliseconds
// after the start, and after each save.
void saver(void) {
    size_t size = (size_t)mib * mib_bytes;
    char *pool = anonymous(size);
    fill(pool, size);
    pid_t child = 0;
    for (int64_t due = now_us() + gap * 1000;; usleep(10000)) {
        touch_random(pool, size, 200, 0);
        touch_random(pool, size, 50, 1);
        if (child > 0 && waitpid(child, NULL, WNOHANG) == child) {
            child = 0;
            due = now_us() + gap * 1000;
        }
        if (child > 0 || now_us() < due) continue;
        child = fork();
        if (child == 0) {
            become_child();
            if (child_name != NULL && prctl(PR_SET_NAME, child_name) != 0) fail("prctl");
            save(pool, size);
        }
    }
}

// `count` workers of `mib`, each in a session of its own, one filled every `gap` milliseconds. This process exits before
// they fill anything, so that nothing connects them but their user and their cgroup.
void orphans(void) {
    int64_t start = now_us();
    for (long child = 1; child <= count; child++) {
        pid_t pid = fork();
        if (pid < 0) fail("fork");
        if (pid > 0) continue;
        become_child();
        if (setsid() < 0) fail("setsid");
        sleep_until_us(start + child * gap * 1000);
        grow();
        idle();
    }
}

// A runner of `own` MiB, as of a CI. It starts one task, a program that leaks, which inherits the runner's
// oom_score_adj. When the task is over it waits for others.
void runner(void) {
    size_t size = (size_t)own * mib_bytes;
    fill(anonymous(size), size);
    char words[3][64];
    snprintf(words[0], sizeof words[0], "name=%s", child_name);
    snprintf(words[1], sizeof words[1], "mib=%ld", mib);
    snprintf(words[2], sizeof words[2], "rate=%ld", rate);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "workload", "leak", words[0], words[1], words[2], (char *)NULL);
        _exit(127);
    }
    if (pid < 0) fail("fork");
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    idle();
}
