// A process that behaves as a test asks for, for the tests that kill real processes. It exits by itself after a minute,
// whatever happens to the test.
//
// usage: TestProgram [--name COMM] [--mib N] [--shared-mib N] [--ignore-term] [--leader-exits] [--seconds S]
//                    [--own-group] [--group PGID] [--usr1-leaves] [--term-forks COMM] [--children N] [--vfork]
//                    [--shares-memory] [--traced] [--bomb N] [--nice N] [--orphans N] [--obeys]
//        TestProgram --old-kernel PROGRAM [WORD...]
//
// --group PGID joins a group of its session. With --usr1-leaves it becomes the leader of a new group at each SIGUSR1. With
// --term-forks COMM it lives on after SIGTERM, and has a child of that name that dies of SIGTERM. --old-kernel executes a
// program for which the kernel is one before 6.9, where pidfd_send_signal(2) takes no flags.
//
// --children N makes N children that sleep as long. --vfork sleeps in a vfork(2) child, so that the parent waits in the
// kernel. --shares-memory makes a child with the same memory (CLONE_VM), and prints its number. With --traced its parent
// traces it, and prints its number. --bomb N forks for three seconds, and so do its children; N are alive at most. --orphans N makes N children with
// memory of their own, each in a session of its own, and exits.
//
// --obeys has it do what each line on its standard input says, and print a line once that is done: `fork W T C` makes a child
// that writes to the first W MiB of its memory, takes T MiB more, and takes C MiB and gives them back; and prints the child's
// number. `write W` writes to the first W MiB itself; `leave` exits. It and its children have no huge pages.
//
// It prints "ready" once its memory is touched and all of this is set up.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Bounds, so that a mistake in a test cannot hurt the machine that runs it.
enum { maximum_mib = 512, maximum_seconds = 120, maximum_children = 600, maximum_bomb = 200, bomb_seconds = 3 };

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
    // A handled signal cuts a sleep short.
    for (int left = seconds; left > 0;) left = (int)sleep((unsigned)left);
    exit(0);
    return unused;
}

static void leave(int unused) {
    (void)unused;
    setpgid(0, 0);
}

static const char *heir;

// Nothing here but calls that a handler may make (signal-safety(7)).
static void beget(int unused) {
    (void)unused;
    if (fork() != 0) return;
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_NAME, heir);
    for (int left = seconds; left > 0;) left = (int)sleep((unsigned)left);
    _exit(0);
}

static int execute_on_an_old_kernel(char **words) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    if (words[0] == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("TestProgram: no old kernel");
        return 64;
    }
    execv(words[0], words);
    perror(words[0]);
    return 64;
}

static int share(void *unused) {
    live(unused);
    return 0;
}

static time_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

// Counts its processes in memory that all of them share, so that no more than `most` are ever alive. Each exits by itself
// when the time is over.
static void bomb(long most) {
    long *alive = fill(1, MAP_SHARED);
    time_t end = now() + bomb_seconds;
    __atomic_store_n(alive, 1, __ATOMIC_SEQ_CST);
    // No process collects its children, and with this none has to.
    signal(SIGCHLD, SIG_IGN);
    puts("ready");
    fflush(stdout);
    while (now() < end) {
        if (__atomic_add_fetch(alive, 1, __ATOMIC_SEQ_CST) > most || fork() < 0)
            __atomic_sub_fetch(alive, 1, __ATOMIC_SEQ_CST);
        // So that some processor time is left for the process that kills it.
        usleep(5000);
    }
    if (write(1, "exited by itself\n", 17) != 17) _exit(1);
    _exit(0);
}

// What is left of a line after a word that it begins with.
static const char *after(const char *line, const char *word) {
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 ? line + length : NULL;
}

static void obey(char *memory, long mib) {
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *rest;
        if ((rest = after(line, "fork ")) != NULL) {
            int ends[2];
            long written = 0, taken = 0, churned = 0;
            if (sscanf(rest, "%ld %ld %ld", &written, &taken, &churned) != 3 || pipe(ends) != 0) exit(64);
            pid_t child = fork();
            if (child == 0) {
                memset(memory, 2, (size_t)(written < mib ? written : mib) << 20);
                if (taken > 0) fill(taken < maximum_mib ? taken : maximum_mib, MAP_PRIVATE);
                for (; churned > 0; churned--) munmap(fill(1, MAP_PRIVATE), 1 << 20);
                close(ends[0]);
                close(ends[1]);
                live(NULL);
            }
            // The end of the file tells that the child has its memory.
            close(ends[1]);
            if (read(ends[0], line, 1) != 0) exit(1);
            close(ends[0]);
            printf("%d\n", child);
        } else if ((rest = after(line, "write ")) != NULL) {
            long written = strtol(rest, NULL, 10);
            memset(memory, 3, (size_t)(written < mib ? written : mib) << 20);
            puts("written");
        } else {
            exit(0);
        }
        fflush(stdout);
    }
    exit(0);
}

static long number(const char *text, long maximum) {
    long value = text == NULL ? -1 : strtol(text, NULL, 10);
    if (value < 0 || value > maximum) {
        fprintf(stderr, "TestProgram: a number from 0 to %ld is needed\n", maximum);
        exit(64);
    }
    return value;
}

int main(int count, char **words) {
    long mib = 0, shared_mib = 0;
    long children = 0, bomb_size = 0, orphans = 0;
    int leader_exits = 0, forks_by_vfork = 0, shares_memory = 0, traced = 0, obeys = 0;
    for (int index = 1; index < count; index++) {
        const char *word = words[index];
        if (strcmp(word, "--old-kernel") == 0) return execute_on_an_old_kernel(words + index + 1);
        if (strcmp(word, "--name") == 0) prctl(PR_SET_NAME, words[++index]);
        else if (strcmp(word, "--mib") == 0) mib = number(words[++index], maximum_mib);
        else if (strcmp(word, "--shared-mib") == 0) shared_mib = number(words[++index], maximum_mib);
        else if (strcmp(word, "--seconds") == 0) seconds = (int)number(words[++index], maximum_seconds);
        else if (strcmp(word, "--ignore-term") == 0) signal(SIGTERM, SIG_IGN);
        else if (strcmp(word, "--leader-exits") == 0) leader_exits = 1;
        else if (strcmp(word, "--own-group") == 0) setpgid(0, 0);
        else if (strcmp(word, "--group") == 0) setpgid(0, (pid_t)number(words[++index], 1 << 22));
        else if (strcmp(word, "--usr1-leaves") == 0) signal(SIGUSR1, leave);
        else if (strcmp(word, "--term-forks") == 0) {
            heir = words[++index];
            signal(SIGTERM, beget);
        }
        else if (strcmp(word, "--children") == 0) children = number(words[++index], maximum_children);
        else if (strcmp(word, "--vfork") == 0) forks_by_vfork = 1;
        else if (strcmp(word, "--shares-memory") == 0) shares_memory = 1;
        else if (strcmp(word, "--traced") == 0) traced = 1;
        else if (strcmp(word, "--bomb") == 0) bomb_size = number(words[++index], maximum_bomb);
        else if (strcmp(word, "--obeys") == 0) {
            obeys = 1;
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        }
        else if (strcmp(word, "--orphans") == 0) orphans = number(words[++index], maximum_children);
        else if (strcmp(word, "--nice") == 0) setpriority(PRIO_PROCESS, 0, (int)number(words[++index], 19));
        else {
            fprintf(stderr, "TestProgram: no option %s\n", word);
            return 64;
        }
    }
    for (long index = 0; index < orphans; index++) {
        if (fork() != 0) continue;
        setsid();
        fill(mib, MAP_PRIVATE);
        live(NULL);
    }
    if (orphans > 0) {
        puts("ready");
        return 0;
    }
    char *memory = mib > 0 ? fill(mib, MAP_PRIVATE) : NULL;
    if (shared_mib > 0) fill(shared_mib, MAP_SHARED);
    if (leader_exits) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live, NULL) != 0) return 1;
    }
    for (long index = 0; index < children; index++) {
        if (fork() == 0) live(NULL);
    }
    if (shares_memory) {
        static char stack[65536];
        printf("sharer %d\n", clone(share, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL));
    }
    if (traced) {
        pid_t child = fork();
        if (child == 0) {
            ptrace(PTRACE_TRACEME, 0, NULL, NULL);
            raise(SIGSTOP);
            live(NULL);
        }
        waitpid(child, NULL, WUNTRACED);
        printf("traced %d\n", child);
    }
    if (bomb_size > 0) bomb(bomb_size);
    puts("ready");
    fflush(stdout);
    if (forks_by_vfork) {
        // The child has its parent's memory until it exits.
        if (vfork() == 0) live(NULL);
    }
    if (leader_exits) pthread_exit(NULL);
    if (obeys) obey(memory, mib);
    live(NULL);
}
