// The system calls of the agent: what glibc has, and inline wrappers for what Swift cannot call (variadic functions,
// function-like macros) or what Debian 12's glibc lacks. Header only, so that the small form needs no C object.
#ifndef SPILLWAY_CLINUX_H
#define SPILLWAY_CLINUX_H

// CLibcap defines the same before any include: clang refuses two shapes of one C type.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Numbers that are the same on every architecture; older kernel headers do not have them.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

// errno is a macro; this is its value.
static inline int clinux_errno(void) { return errno; }

// open(2). -1 with errno.
static inline int clinux_openat(int directory, const char *path, int flags, unsigned mode) {
    return openat(directory, path, flags, mode);
}

// Whether something on another file system stands in the place of `path` below the directory, as a bind mount: 1 or 0.
// Nobody is asked who may not answer (AT_STATX_DONT_SYNC); before Linux 4.11, 0.
static inline int clinux_is_replaced(int directory, const char *path) {
    struct statx below, above;
    if (statx(directory, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &below) != 0) return 0;
    if (statx(directory, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &above) != 0) return 0;
    return below.stx_dev_major != above.stx_dev_major || below.stx_dev_minor != above.stx_dev_minor;
}

// getdents64(2), which glibc wraps from 2.30 on. Bytes read, 0 at the end, -1 with errno.
static inline long clinux_getdents64(int directory, void *buffer, size_t size) {
    return syscall(SYS_getdents64, directory, buffer, size);
}

// pidfd_open(2), Linux 5.3. A descriptor (always close-on-exec), or -1 with errno.
static inline int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

// pidfd_send_signal(2), Linux 5.1. 0, or -1 with errno.
static inline int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}

// Every process of the group that the held process leads, or led (Linux 6.9). 0, or -1 with errno: EINVAL before.
static inline int clinux_pidfd_send_signal_to_group(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 1U << 2);
}

// kcmp(2): whether two processes have one memory. 0 if so, above 0 if not, -1 with errno.
static inline int clinux_compare_memory(int first, int second) {
    enum { kcmp_vm = 1 };
    return (int)syscall(SYS_kcmp, first, second, kcmp_vm, 0UL, 0UL);
}

// setpriority(2) of the threads listed in an open /proc/PID/task, 256 of them at most. 0, or -1 with errno of the first
// that refused.
static inline int clinux_set_nice_of_threads(int tasks, int nice) {
    struct entry {
        uint64_t inode, offset;
        unsigned short length;
        unsigned char type;
        char name[];
    };
    _Alignas(8) char buffer[2048];
    int left = 256, error = 0;
    long count;
    while (left > 0 && (count = syscall(SYS_getdents64, tasks, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < count && left > 0; at += ((struct entry *)(buffer + at))->length) {
            const char *name = ((struct entry *)(buffer + at))->name;
            int thread = 0;
            while (*name >= '0' && *name <= '9') thread = thread * 10 + (*name++ - '0');
            if (thread == 0) continue;
            left--;
            // One that has ended meanwhile needs no priority.
            if (setpriority(PRIO_PROCESS, (id_t)thread, nice) < 0 && errno != ESRCH && error == 0) error = errno;
        }
    }
    errno = error;
    return error == 0 ? 0 : -1;
}

// pipe2(2), close-on-exec; reading does not wait. 0, or -1 with errno.
static inline int clinux_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // Cannot fail on a pipe's own end.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

// fallocate(2) from the file's beginning. 0, or -1 with errno.
static inline int clinux_allocate(int file, long size) { return fallocate(file, 0, 0, size); }

// renameat(2) and unlinkat(2) within one directory. 0, or -1 with errno.
static inline int clinux_rename(int directory, const char *old, const char *name) {
    return renameat(directory, old, directory, name);
}
static inline int clinux_unlink(int directory, const char *name) { return unlinkat(directory, name, 0); }

// mkdir(2), for the owner alone. 0, or -1 with errno.
static inline int clinux_mkdir(const char *path) { return mkdir(path, 0700); }

// The value of an environment variable, or NULL: getenv(3), whose "nonnull" would force unwrapping on the caller.
static inline const char *clinux_environment(const char *name) { return getenv(name); }

// Directs a datagram socket to whoever started this program as a service (sd_notify(3)). 0, or -1 with errno: ENOENT
// where $NOTIFY_SOCKET is not set, EAFNOSUPPORT where it is neither a path nor a name that is in no file system ('@').
static inline int clinux_notify_connect(int teller) {
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    size_t length = name == (char *)0 ? 0 : strlen(name);
    errno = length == 0 ? ENOENT : length > sizeof address.sun_path ? ENAMETOOLONG : EAFNOSUPPORT;
    if (length < 2 || length > sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return -1;
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    return connect(teller, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

// Opens that socket, close-on-exec. A descriptor, or -1 with errno as above.
static inline int clinux_notify_open(void) {
    int teller = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (teller < 0) return -1;
    if (clinux_notify_connect(teller) == 0) return teller;
    int error = errno;
    close(teller);
    errno = error;
    return -1;
}

// Sends one message without waiting. Bytes sent, or -1 with errno: EAGAIN where the reader is behind.
static inline long clinux_notify_send(int teller, const void *bytes, size_t size) {
    return send(teller, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// reboot(2) at once, without sync(2). Returns only by failing: -1 with errno.
static inline int clinux_reboot(void) { return reboot(RB_AUTOBOOT); }

// readlinkat(2). Bytes of the target, or -1 with errno. Plain pointers, here and below: glibc's "nonnull" would force
// unwrapping on every caller.
static inline long clinux_readlinkat(int directory, const char *path, char *buffer, size_t size) {
    return readlinkat(directory, path, buffer, size);
}

// Sends a line to a socket and never waits (send(2)). Bytes sent, or -1 with errno.
static inline long clinux_send(int socket, const void *line, size_t length) {
    return send(socket, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Whether `stream`, as systemd.exec(5) has it in $JOURNAL_STREAM, names the file of this descriptor: DEVICE:INODE, in
// decimal and with nothing around them.
static inline int clinux_is_stream(int descriptor, const char *stream) {
    struct stat status;
    unsigned long long numbers[2] = {0, 0};
    if (stream == (char *)0 || fstat(descriptor, &status) < 0) return 0;
    for (int index = 0; index < 2; index++) {
        int digits = 0;
        for (; *stream >= '0' && *stream <= '9'; stream++, digits++) {
            unsigned digit = (unsigned)(*stream - '0');
            if (numbers[index] > (~0ULL - digit) / 10) return 0;
            numbers[index] = numbers[index] * 10 + digit;
        }
        if (digits == 0 || *stream++ != (index == 0 ? ':' : 0)) return 0;
    }
    return numbers[0] == (unsigned long long)status.st_dev && numbers[1] == (unsigned long long)status.st_ino;
}

// Whether the journal reads this descriptor.
static inline int clinux_is_journal(int descriptor) { return clinux_is_stream(descriptor, getenv("JOURNAL_STREAM")); }

// How a file takes what is written: a socket, the null device, which takes anything at once, or another.
enum clinux_kind { clinux_kind_other, clinux_kind_socket, clinux_kind_null };

static inline enum clinux_kind clinux_kind_of(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return clinux_kind_other;
    if (S_ISSOCK(status.st_mode)) return clinux_kind_socket;
    // Documentation/admin-guide/devices.txt.
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3) ? clinux_kind_null : clinux_kind_other;
}

// memfd_create(2), close-on-exec and sealable. A descriptor, or -1 with errno.
static inline int clinux_memfd_create(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

// execv(3). Returns only by failing: -1 with errno.
static inline int clinux_execv(const char *program, char *const *words) { return execv(program, words); }

// fcntl(2) with an int argument. -1 with errno.
static inline int clinux_fcntl(int descriptor, int command, int argument) {
    return fcntl(descriptor, command, argument);
}

// prctl(2) with one argument. -1 with errno.
static inline int clinux_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0UL, 0UL, 0UL);
}

// setpriority(2) on ourselves; glibc's first parameter is an enum in C++ and an int in C.
static inline int clinux_set_own_nice(int nice) { return setpriority(PRIO_PROCESS, 0, nice); }

// sched_setscheduler(2): the lowest of the real-time priorities, for this thread and nobody that it starts.
static inline int clinux_run_in_real_time(void) {
    struct sched_param parameter = {.sched_priority = 1};
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter);
}

// How a waited-for child ended: its exit code, or 128 + the signal's number, as shells say it.
static inline int clinux_exit_status(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Collects a child that has ended, without waiting. Its end as above, or -1 while it runs.
static inline int clinux_collect(int child) {
    int status;
    return waitpid(child, &status, WNOHANG) == child ? clinux_exit_status(status) : -1;
}

// A reader who goes away costs the agent a line, not its life.
static inline void clinux_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

// Has children that ended wait to be collected, whatever was inherited over execve(2).
static inline void clinux_keep_zombies(void) { signal(SIGCHLD, SIG_DFL); }

// Starts a program with no signal blocked or ignored and nothing in its environment but the standard search path, since
// the agent trusts nobody's, and $JOURNAL_STREAM, for it writes to the same standard error (posix_spawn(3)). 0 and the
// child's number, or the error number.
static inline int clinux_spawn(const char *program, char *const *words, pid_t *child) {
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *stream = getenv("JOURNAL_STREAM");
    // The entry is the name, and the value right after it.
    char *environment[] = {path, stream ? stream - strlen("JOURNAL_STREAM=") : (char *)0, (char *)0};
    posix_spawnattr_t attributes;
    sigset_t none, broken_pipe;
    int result;

    sigemptyset(&none);
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    result = posix_spawn(child, program, (void *)0, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    return result;
}

// Ends and reaps a child that nobody has waited for yet: its number is still its own.
static inline void clinux_abandon(pid_t child) {
    kill(child, SIGKILL);
    while (waitpid(child, (int *)0, 0) < 0 && errno == EINTR) {
    }
}

// The agent's epoll, timer and signal descriptors; all close-on-exec. A descriptor, or -1 with errno.
static inline int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int clinux_timerfd_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }
static inline int clinux_signalfd(const sigset_t *signals) {
    return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// inotify(7). A descriptor that does not wait, close-on-exec, or -1 with errno.
static inline int clinux_inotify_open(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

// Watches a directory for whatever can change what its files say, or whose they are. Its number, or -1 with errno.
static inline int clinux_inotify_watch(int watch, const char *directory) {
    return inotify_add_watch(watch, directory,
                             IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

// The width of the terminal behind a descriptor, or 0 where there is none (ioctl_tty(2)).
static inline int clinux_terminal_columns(int descriptor) {
    struct winsize size;
    return isatty(descriptor) && ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// Unmaps this program's code, which comes back from the page cache as it is used; 0, or -1 with errno. Code is never
// written to, so nothing is lost; data and read-only data that the linker relocates are not in this range (end(3)).
static inline int clinux_forget_code(void) {
    extern char __executable_start, etext;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)&__executable_start + page - 1) & ~(page - 1);
    uintptr_t end = (uintptr_t)&etext & ~(page - 1);
    return end > start ? madvise((void *)start, end - start, MADV_DONTNEED) : 0;
}

// How fast one processor fills memory that it did not have, as any program's first touch of it does, in bytes per second
// of its own time; 0 where it cannot be told. 2 MiB are taken and given back, thrice: the fastest counts.
static inline uint64_t clinux_measure_fill(void) {
    const size_t size = 2 << 20, page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t best = 0;
    for (int attempt = 0; attempt < 3; attempt++) {
        struct timespec start, end;
        char *memory = (char *)mmap((void *)0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == (char *)MAP_FAILED) return best;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        for (size_t offset = 0; offset < size; offset += page) *(volatile char *)(memory + offset) = 1;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        munmap(memory, size);
        int64_t took = (int64_t)(end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec);
        if (took > 0 && size * 1000000000ULL / (uint64_t)took > best) best = size * 1000000000ULL / (uint64_t)took;
    }
    return best;
}

// mlockall(2) of what is mapped now and later, each page from its first touch (MCL_ONFAULT, Linux 4.4).
static inline int clinux_lock_memory_on_fault(void) { return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT); }

#include "CLinuxHelper.h"
#include "CLinuxReader.h"
#include "CLinuxHook.h"
#include "CLinuxWriter.h"

// Has the helper start a program: its result is in `hook` once the helper is idle again.
static inline void clinux_helper_start_hook(struct clinux_helper *helper, struct clinux_hook *hook) {
    helper->function = clinux_hook_start;
    helper->argument = hook;
    __atomic_store_n(&hook->starting, 1, __ATOMIC_RELEASE);
    clinux_helper_post(helper, clinux_helper_call);
}

// A file to be opened by a helper.
struct clinux_open_job {
    int flags;
    // A descriptor, or an error number below 0.
    int result;
    char path[4096];
};

static inline struct clinux_open_job *clinux_open_job_make(const char *path, int flags) {
    size_t length = strlen(path);
    struct clinux_open_job *job;
    if (length >= sizeof job->path) {
        errno = ENAMETOOLONG;
        return (struct clinux_open_job *)0;
    }
    job = (struct clinux_open_job *)malloc(sizeof *job);
    if (!job) return job;
    job->flags = flags;
    job->result = -EAGAIN;
    memcpy(job->path, path, length + 1);
    return job;
}

// Takes the result, which then is another's to close: -EAGAIN where there is none.
static inline int clinux_open_job_take(struct clinux_open_job *job) {
    int result = job->result;
    job->result = -EAGAIN;
    return result;
}

// Also closes a file that nobody took.
static inline void clinux_open_job_free(struct clinux_open_job *job) {
    if (job->result >= 0) close(job->result);
    free(job);
}

// As OwnedDescriptor.open: created files are readable by their group.
static inline void clinux_open_run(void *argument) {
    struct clinux_open_job *job = (struct clinux_open_job *)argument;
    do job->result = open(job->path, job->flags, 0640);
    while (job->result < 0 && errno == EINTR);
    if (job->result < 0) job->result = -errno;
}

static inline void clinux_helper_open(struct clinux_helper *helper, struct clinux_open_job *job) {
    helper->function = clinux_open_run;
    helper->argument = job;
    clinux_helper_post(helper, clinux_helper_call);
}

#endif
