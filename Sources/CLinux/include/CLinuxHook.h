// Starts an operator's program with nothing of the agent's: not its memory, rights, priority, signals or descriptors.
// posix_spawn(3) can change neither user nor oom_score_adj. There is only a header, as with CLinux.h.
#ifndef SPILLWAY_CLINUX_HOOK_H
#define SPILLWAY_CLINUX_HOOK_H

#include <linux/capability.h>
#include <sched.h>

// This number is the same on every architecture; older kernel headers do not have it.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
    CLINUX_HOOK_WORDS = 64,
    CLINUX_HOOK_VARIABLES = 48,
    CLINUX_HOOK_TEXT = 8192,
    CLINUX_HOOK_STACK = 16384,
};

// The steps at which a start can fail.
enum clinux_hook_stage {
    clinux_hook_started, clinux_hook_clone, clinux_hook_signals, clinux_hook_group, clinux_hook_descriptors,
    clinux_hook_oom_score, clinux_hook_priority, clinux_hook_user, clinux_hook_privileges, clinux_hook_execute,
};

// A program to start. It has memory of its own, so that a thread can start it while the rest of the agent goes on.
struct clinux_hook {
    char stack[CLINUX_HOOK_STACK];
    // NUL-terminated, one after the other: the words, then `NAME=value` for each variable.
    char text[CLINUX_HOOK_TEXT];
    int used;
    char *words[CLINUX_HOOK_WORDS + 1];
    int word_count;
    char *variables[CLINUX_HOOK_VARIABLES + 1];
    int variable_count;
    int input, output;
    // Whether the program gets this user and group, without supplementary groups.
    int changes_user;
    unsigned user, group;
    // 1 while a helper starts the program. A thread that reads 0 may read the results.
    int starting;
    pid_t pid;
    int pidfd;
    enum clinux_hook_stage stage;
    int error;
};

static inline struct clinux_hook *clinux_hook_create(void) {
    void *memory = mmap((void *)0, sizeof(struct clinux_hook), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED) return (struct clinux_hook *)0;
    // The memory is written throughout, so that no page of it is new later.
    memset(memory, 0, sizeof(struct clinux_hook));
    return (struct clinux_hook *)memory;
}

static inline void clinux_hook_destroy(struct clinux_hook *hook) { munmap(hook, sizeof *hook); }

// Returns room for `length` bytes and a NUL; NULL where there is none.
static inline char *clinux_hook_room(struct clinux_hook *hook, int length) {
    if (length < 0 || hook->used + length + 1 > CLINUX_HOOK_TEXT) return (char *)0;
    char *start = hook->text + hook->used;
    memset(start, 0, (size_t)length + 1);
    hook->used += length + 1;
    return start;
}

// Runs on the hook's own stack in the agent's memory, while the starting thread waits. It makes system calls only, and
// none that glibc would carry over to other threads (setuid(3) and similar).
static inline int clinux_hook_child(void *argument) {
    struct clinux_hook *hook = (struct clinux_hook *)argument;
    // This is the kernel's form of the structure; all zero is the usual action. glibc would refuse two numbers of its
    // own.
    uint64_t usual[8];
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    sigset_t empty;
    int file;
#define CLINUX_HOOK_TRY(at, call)                                                                                      \
    do {                                                                                                               \
        hook->stage = (at);                                                                                            \
        if ((call) < 0) goto failed;                                                                                   \
    } while (0)

    memset(usual, 0, sizeof usual);
    memset(none, 0, sizeof none);
    for (int number = 1; number < 65; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        CLINUX_HOOK_TRY(clinux_hook_signals, syscall(SYS_rt_sigaction, number, usual, (void *)0, (size_t)8));
    }
    CLINUX_HOOK_TRY(clinux_hook_group, setpgid(0, 0));
    // Both descriptors are above the three standard ones, so that none is overwritten before its turn.
    CLINUX_HOOK_TRY(clinux_hook_descriptors, dup2(hook->input, 0));
    CLINUX_HOOK_TRY(clinux_hook_descriptors, dup2(hook->output, 1));
    CLINUX_HOOK_TRY(clinux_hook_descriptors, dup2(hook->output, 2));
    CLINUX_HOOK_TRY(clinux_hook_descriptors, chdir("/"));
    // The agent's descriptors are all close-on-exec, but its parent may have left it others. Linux 5.11.
    syscall(SYS_close_range, 3U, ~0U, 1U << 2);
    CLINUX_HOOK_TRY(clinux_hook_oom_score, file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    CLINUX_HOOK_TRY(clinux_hook_oom_score, write(file, "0", 1));
    CLINUX_HOOK_TRY(clinux_hook_priority, setpriority(PRIO_PROCESS, 0, 0));
    if (hook->changes_user) {
        CLINUX_HOOK_TRY(clinux_hook_user, syscall(SYS_setgroups, 0, (void *)0));
        CLINUX_HOOK_TRY(clinux_hook_user, syscall(SYS_setresgid, hook->group, hook->group, hook->group));
        CLINUX_HOOK_TRY(clinux_hook_user, syscall(SYS_setresuid, hook->user, hook->user, hook->user));
    }
    CLINUX_HOOK_TRY(clinux_hook_privileges, prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL));
    // Before Linux 4.3 there is no ambient set to clear.
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) < 0 && errno != EINVAL) goto failed;
    // execve(2) would give its capabilities back to a root that stays root, were it not for no_new_privs
    // (cap_bprm_creds_from_file in security/commoncap.c).
    CLINUX_HOOK_TRY(clinux_hook_privileges, syscall(SYS_capset, &header, none));
    CLINUX_HOOK_TRY(clinux_hook_signals, (sigemptyset(&empty), sigprocmask(SIG_SETMASK, &empty, (sigset_t *)0)));
    hook->stage = clinux_hook_execute;
    execve(hook->words[0], hook->words, hook->variables);
failed:
    hook->error = errno;
    _exit(127);
#undef CLINUX_HOOK_TRY
}

// Starts the program, and returns once it has executed or failed. A child that failed is reaped.
static inline void clinux_hook_launch(struct clinux_hook *hook) {
    sigset_t all, before;
    hook->stage = clinux_hook_clone;
    hook->error = 0;
    hook->pidfd = -1;
    // No handler of the agent's may run in the child.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    hook->pid = clone(clinux_hook_child, hook->stack + CLINUX_HOOK_STACK,
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, hook, &hook->pidfd);
    if (hook->pid < 0) hook->error = errno;
    pthread_sigmask(SIG_SETMASK, &before, (sigset_t *)0);
    if (hook->error == 0) {
        hook->stage = clinux_hook_started;
        return;
    }
    if (hook->pid > 0) {
        while (waitpid(hook->pid, (int *)0, 0) < 0 && errno == EINTR) {
        }
    }
    if (hook->pidfd >= 0) close(hook->pidfd);
    hook->pidfd = -1;
    hook->pid = 0;
}

// Starts the program as a helper's job.
static inline void clinux_hook_start(void *argument) {
    struct clinux_hook *hook = (struct clinux_hook *)argument;
    clinux_hook_launch(hook);
    __atomic_store_n(&hook->starting, 0, __ATOMIC_RELEASE);
}

static inline int clinux_hook_is_starting(struct clinux_hook *hook) {
    return __atomic_load_n(&hook->starting, __ATOMIC_ACQUIRE);
}

// Adds words and variables, which are NUL-terminated bytes in the hook's own text. Both return 0, or -1 where there is
// no room.
static inline int clinux_hook_add_word(struct clinux_hook *hook, const char *bytes, int length) {
    char *room = hook->word_count < CLINUX_HOOK_WORDS ? clinux_hook_room(hook, length) : (char *)0;
    if (room == (char *)0) return -1;
    memcpy(room, bytes, (size_t)length);
    hook->words[hook->word_count++] = room;
    return 0;
}
static inline int clinux_hook_add_variable(struct clinux_hook *hook, const char *bytes, int length) {
    char *room = hook->variable_count < CLINUX_HOOK_VARIABLES ? clinux_hook_room(hook, length) : (char *)0;
    if (room == (char *)0) return -1;
    memcpy(room, bytes, (size_t)length);
    hook->variables[hook->variable_count++] = room;
    return 0;
}

// Removes all variables except the first `count`. `used` is the end of the text after them.
static inline void clinux_hook_keep(struct clinux_hook *hook, int count, int used) {
    hook->used = used;
    while (hook->variable_count > count) hook->variables[--hook->variable_count] = (char *)0;
}

#endif
