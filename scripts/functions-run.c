// functions-run: prints the functions that a static program runs after its start, in the order of their first call.
//
// It sets a breakpoint at each function once the program has told the kernel that it needs its start-up code no more
// (madvise(2) with MADV_DONTNEED, which also takes breakpoints away), and takes it away when it is met. Threads, and processes that share the program's
// memory, are followed; programs that it executes are not. x86-64 only.
//
// usage: functions-run SECONDS SYMBOLS PROGRAM ARGUMENT…
//        SYMBOLS is what `nm --defined-only` prints of the program. The program gets SIGTERM after that time.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct function {
    unsigned long address;
    unsigned char byte;
    char armed, met;
    char *name;
};

static struct function *functions;
static size_t count;
static volatile sig_atomic_t is_over;

static void over(int signal) {
    (void)signal;
    is_over = 1;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int by_address(const void *a, const void *b) {
    const struct function *left = a, *right = b;
    return left->address < right->address ? -1 : left->address > right->address;
}

static void read_symbols(const char *path) {
    FILE *file = fopen(path, "r");
    char name[4096], kind;
    unsigned long address;
    if (!file) fail(path);
    while (fscanf(file, "%lx %c %4095s", &address, &kind, name) == 3) {
        if (!strchr("tTwWi", kind)) continue;
        functions = realloc(functions, (count + 1) * sizeof *functions);
        if (!functions) fail("memory");
        functions[count++] = (struct function){address, 0, 0, 0, strdup(name)};
    }
    fclose(file);
    qsort(functions, count, sizeof *functions, by_address);
}

static struct function *function_at(unsigned long address) {
    struct function key = {address, 0, 0, 0, NULL};
    struct function *found = count ? bsearch(&key, functions, count, sizeof key, by_address) : NULL;
    // Several names may stand for one function.
    while (found && found > functions && found[-1].address == address) found--;
    return found;
}

static int open_memory(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDWR);
    if (memory < 0) fail(path);
    return memory;
}

static void arm(pid_t pid) {
    int memory = open_memory(pid);
    unsigned char stop = 0xCC;
    for (size_t index = 0; index < count; index++) {
        struct function *function = &functions[index];
        if (index > 0 && functions[index - 1].address == function->address) continue;
        if (function->met) continue;
        if (!function->armed && pread(memory, &function->byte, 1, (off_t)function->address) != 1) continue;
        if (pwrite(memory, &stop, 1, (off_t)function->address) == 1) function->armed = 1;
    }
    close(memory);
}

// Returns whether the stop was a breakpoint's.
static int meet(pid_t pid) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0) return 0;
    struct function *function = function_at(registers.rip - 1);
    if (!function || !function->armed) return 0;
    int memory = open_memory(pid);
    if (pwrite(memory, &function->byte, 1, (off_t)function->address) != 1) fail("restoring");
    close(memory);
    if (!function->met) puts(function->name);
    function->met = 1;
    registers.rip -= 1;
    if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0) fail("registers");
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: functions-run SECONDS SYMBOLS PROGRAM ARGUMENT...\n");
        return 64;
    }
    read_symbols(argv[2]);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execv(argv[3], argv + 3);
        fail(argv[3]);
    }
    int status, has_begun = 0, is_leaving = 0;
    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, NULL,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
               PTRACE_O_EXITKILL);
    struct sigaction action = {.sa_handler = over};
    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)atoi(argv[1]));
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    for (;;) {
        if (is_over && !is_leaving) {
            kill(child, SIGTERM);
            is_leaving = 1;
        }
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) break;
        if (!WIFSTOPPED(status)) {
            if (pid == child) break;
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (signal == (SIGTRAP | 0x80)) {
            struct user_regs_struct registers;
            struct __ptrace_syscall_info call;
            ptrace(PTRACE_GETREGS, pid, NULL, &registers);
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
            if (call.op == PTRACE_SYSCALL_INFO_EXIT && registers.orig_rax == SYS_madvise && registers.rdx == MADV_DONTNEED) {
                arm(pid);
                has_begun = 1;
            }
            signal = 0;
        } else if (event == PTRACE_EVENT_EXEC && pid != child) {
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
            continue;
        } else if (event != 0) {
            signal = 0;
        } else if (signal == SIGTRAP && meet(pid)) {
            signal = 0;
        } else if (signal == SIGSTOP || signal == SIGTRAP) {
            signal = 0;  // The first stop of a thread that is followed, or of the program.
        }
        ptrace(pid == child ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)signal);
    }
    fflush(stdout);
    return has_begun ? 0 : 1;
}
