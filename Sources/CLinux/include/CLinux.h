// The agent's system calls: what glibc has, and inline wrappers for what Swift cannot call (variadic functions,
// function-like macros) or what Debian 12's glibc lacks. There are only headers, so that the small form needs no C
// object. Each function returns -1 and sets errno where it fails, unless its comment says otherwise.
#ifndef SPILLWAY_CLINUX_H
#define SPILLWAY_CLINUX_H

// CLibcap defines the same macro before any include: clang refuses two shapes of one C type.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// These numbers are the same on every architecture; older kernel headers do not have them.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

// Returns errno, which is a macro.
static inline int clinux_errno(void) { return errno; }

// openat(2). Returns a descriptor.
static inline int clinux_openat(int directory, const char *path, int flags, unsigned mode) {
    return openat(directory, path, flags, mode);
}

// Returns 1 where the file at `path` below the directory is on another file system, as with a bind mount; otherwise 0.
// The file system is not asked, since it might not answer (AT_STATX_DONT_SYNC). Before Linux 4.11 the result is 0.
static inline int clinux_is_replaced(int directory, const char *path) {
    struct statx below, above;
    if (statx(directory, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &below) != 0) return 0;
    if (statx(directory, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &above) != 0) return 0;
    return below.stx_dev_major != above.stx_dev_major || below.stx_dev_minor != above.stx_dev_minor;
}

// getdents64(2), which glibc wraps from 2.30 on. Returns the number of bytes read; 0 at the end.
static inline long clinux_getdents64(int directory, void *buffer, size_t size) {
    return syscall(SYS_getdents64, directory, buffer, size);
}

// pidfd_open(2), Linux 5.3. Returns a descriptor, which is always close-on-exec.
static inline int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

// pidfd_send_signal(2), Linux 5.1. Returns 0.
static inline int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}

// pidfd_send_signal(2) to every process of the group that the held process leads, or led (Linux 6.9; EINVAL before).
// Returns 0.
static inline int clinux_pidfd_send_signal_to_group(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 1U << 2);
}

// kcmp(2) of the memory of two processes. Returns 0 where both share one address space, and more than 0 where they do
// not.
static inline int clinux_compare_memory(int first, int second) {
    enum { kcmp_vm = 1 };
    return (int)syscall(SYS_kcmp, first, second, kcmp_vm, 0UL, 0UL);
}

// setpriority(2) of the threads listed in an open /proc/PID/task, of at most 256 of them. Returns 0, or -1 with the
// errno of the first thread for which it failed.
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
            // A thread that has exited meanwhile needs no priority.
            if (setpriority(PRIO_PROCESS, (id_t)thread, nice) < 0 && errno != ESRCH && error == 0) error = errno;
        }
    }
    errno = error;
    return error == 0 ? 0 : -1;
}

// pipe2(2), close-on-exec. Reading does not wait. Returns 0.
static inline int clinux_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // This cannot fail on a pipe.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

// fallocate(2) from the file's beginning. Returns 0.
static inline int clinux_allocate(int file, long size) { return fallocate(file, 0, 0, size); }

// fstatat(2) of a name, and not of what a symbolic link leads to. Returns 0. glibc's "nonnull" would force unwrapping on
// the caller.
static inline int clinux_status_of_name(int directory, const char *name, struct stat *status) {
    return fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW);
}

// renameat(2) and unlinkat(2) within one directory. Both return 0.
static inline int clinux_rename(int directory, const char *old, const char *name) {
    return renameat(directory, old, directory, name);
}
static inline int clinux_unlink(int directory, const char *name) { return unlinkat(directory, name, 0); }

// renameat2(2) within one directory, only where there is no file of the new name. Returns 0. A file system that cannot do
// that in one step (EINVAL: NFS) does it by a second link.
static inline int clinux_rename_new(int directory, const char *old, const char *name) {
    if (syscall(SYS_renameat2, directory, old, directory, name, 1U /* RENAME_NOREPLACE */) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    return linkat(directory, old, directory, name, 0) == 0 ? unlinkat(directory, old, 0) : -1;
}

// mkdir(2) of a directory that only its owner may use. Returns 0.
static inline int clinux_mkdir(const char *path) { return mkdir(path, 0700); }

// getenv(3): returns the value of an environment variable, or NULL. glibc's "nonnull" would force unwrapping on the
// caller.
static inline const char *clinux_environment(const char *name) { return getenv(name); }

// Connects a datagram socket to another by its name (unix(7)). Returns 0, or -1 with errno: ENOENT where there is no
// name, EAFNOSUPPORT where it is neither a path nor an abstract name ('@').
static inline int clinux_datagram_connect(int teller, const char *name) {
    struct sockaddr_un address;
    size_t length = name == (char *)0 ? 0 : strlen(name);
    errno = length == 0 ? ENOENT : length > sizeof address.sun_path ? ENAMETOOLONG : EAFNOSUPPORT;
    if (length < 2 || length > sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return -1;
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') address.sun_path[0] = 0;
    return connect(teller, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

// Opens such a socket, close-on-exec. Returns a descriptor, or -1 with errno as above.
static inline int clinux_datagram_open(const char *name) {
    int teller = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (teller < 0) return -1;
    if (clinux_datagram_connect(teller, name) == 0) return teller;
    int error = errno;
    close(teller);
    errno = error;
    return -1;
}

// The same two for the service manager that started this program (sd_notify(3)): ENOENT where $NOTIFY_SOCKET is not set.
static inline int clinux_notify_connect(int teller) { return clinux_datagram_connect(teller, getenv("NOTIFY_SOCKET")); }
static inline int clinux_notify_open(void) { return clinux_datagram_open(getenv("NOTIFY_SOCKET")); }

// Sends one message without waiting. Returns the number of bytes sent; EAGAIN where the reader has not read earlier
// messages.
static inline long clinux_datagram_send(int teller, const void *bytes, size_t size) {
    return send(teller, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Adds to the decimal number that an extended attribute of an open file holds (xattr(7)), as systemd-oomd's
// increment_oomd_xattr does (src/oom/oomd-util.c). One that is missing, or is no number, counts as 0; the sum saturates.
// Returns 0.
static inline int clinux_attribute_add(int file, const char *name, uint64_t number) {
    char text[24] = {0};
    uint64_t sum = 0;
    ssize_t length = fgetxattr(file, name, text, sizeof text - 1);
    if (length < 0 && errno != ENODATA && errno != ERANGE) return -1;
    for (ssize_t index = 0; index < length; index++) {
        if (text[index] < '0' || text[index] > '9') {
            sum = 0;
            break;
        }
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, text[index] - '0', &sum)) {
            sum = UINT64_MAX;
        }
    }
    if (__builtin_add_overflow(sum, number, &sum)) sum = UINT64_MAX;
    char digits[24];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + sum % 10);
        sum /= 10;
    } while (sum > 0);
    return fsetxattr(file, name, digits + first, sizeof digits - first, 0);
}

// reboot(2) at once, without sync(2). Returns only where it fails.
static inline int clinux_reboot(void) { return reboot(RB_AUTOBOOT); }

// readlinkat(2). Returns the number of bytes of the target. The pointers here and below are plain, since glibc's
// "nonnull" would force unwrapping on every caller.
static inline long clinux_readlinkat(int directory, const char *path, char *buffer, size_t size) {
    return readlinkat(directory, path, buffer, size);
}

// send(2) of a line to a socket, without waiting. Returns the number of bytes sent.
static inline long clinux_send(int socket, const void *line, size_t length) {
    return send(socket, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Whether `stream`, in the form of $JOURNAL_STREAM (systemd.exec(5)), names the file of this descriptor: DEVICE:INODE
// in decimal, with nothing around them.
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

// How a file behaves when it is written to: a socket, the null device, which takes anything at once, or another file.
enum clinux_kind { clinux_kind_other, clinux_kind_socket, clinux_kind_null };

static inline enum clinux_kind clinux_kind_of(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return clinux_kind_other;
    if (S_ISSOCK(status.st_mode)) return clinux_kind_socket;
    // Documentation/admin-guide/devices.txt.
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3) ? clinux_kind_null : clinux_kind_other;
}

// memfd_create(2), close-on-exec and sealable. Returns a descriptor.
static inline int clinux_memfd_create(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

// execv(3). Returns only where it fails.
static inline int clinux_execv(const char *program, char *const *words) { return execv(program, words); }

// fcntl(2) with an int argument.
static inline int clinux_fcntl(int descriptor, int command, int argument) {
    return fcntl(descriptor, command, argument);
}

// prctl(2) with one argument.
static inline int clinux_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0UL, 0UL, 0UL);
}

// setpriority(2) of this process. glibc's first parameter is an enum in C++ and an int in C.
static inline int clinux_set_own_nice(int nice) { return setpriority(PRIO_PROCESS, 0, nice); }

// sched_setscheduler(2): gives this thread the lowest real-time priority. Its children do not inherit it.
static inline int clinux_run_in_real_time(void) {
    struct sched_param parameter = {.sched_priority = 1};
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter);
}

// Returns the result of a child that was waited for, as shells have it: its exit code, or 128 plus the number of the
// signal that killed it.
static inline int clinux_exit_status(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Collects a child without waiting. Returns its result as above, or -1 while it is running.
static inline int clinux_collect(int child) {
    int status;
    return waitpid(child, &status, WNOHANG) == child ? clinux_exit_status(status) : -1;
}

// Ignores SIGPIPE: a reader that goes away costs the agent a line, not its life.
static inline void clinux_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

// Gives SIGCHLD its usual action, whatever was inherited over execve(2): children that exit stay zombies until they are
// collected.
static inline void clinux_keep_zombies(void) { signal(SIGCHLD, SIG_DFL); }

// posix_spawn(3) of a program with no signal blocked or ignored. Its environment has only the standard search path,
// since the agent trusts no other, and $JOURNAL_STREAM, since the program writes to the same standard error. Returns 0
// and the child's number, or the error number.
static inline int clinux_spawn_by(const char *program, char *const *words, const posix_spawn_file_actions_t *actions,
                                  pid_t *child) {
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *stream = getenv("JOURNAL_STREAM");
    // The entry is the name with the value right after it.
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
    result = posix_spawn(child, program, actions, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    return result;
}

static inline int clinux_spawn(const char *program, char *const *words, pid_t *child) {
    return clinux_spawn_by(program, words, (const posix_spawn_file_actions_t *)0, child);
}

// The same, where the child's standard error is another descriptor of this process.
static inline int clinux_spawn_with_errors(const char *program, char *const *words, int errors, pid_t *child) {
    posix_spawn_file_actions_t actions;
    int result = posix_spawn_file_actions_init(&actions);

    if (result != 0) return result;
    result = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (result == 0) result = clinux_spawn_by(program, words, &actions, child);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

// Kills and reaps a child that was not waited for yet, so that its number is still its own.
static inline void clinux_abandon(pid_t child) {
    kill(child, SIGKILL);
    while (waitpid(child, (int *)0, 0) < 0 && errno == EINTR) {
    }
}

// The agent's epoll, timer and signal descriptors, all close-on-exec. Each function returns a descriptor.
static inline int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int clinux_timerfd_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }
static inline int clinux_signalfd(const sigset_t *signals) {
    return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// inotify(7). Returns a descriptor that does not wait, close-on-exec.
static inline int clinux_inotify_open(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

// Watches a directory for everything that can change the content or the owner of its files. Returns the watch's number.
static inline int clinux_inotify_watch(int watch, const char *directory) {
    return inotify_add_watch(watch, directory,
                             IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

// Returns the width of the terminal behind a descriptor in columns, or 0 where there is none (ioctl_tty(2)).
static inline int clinux_terminal_columns(int descriptor) {
    struct winsize size;
    return isatty(descriptor) && ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// The linker puts the functions that run after the start between these two (scripts/agent-order.txt). In the ordinary
// form of the program they are anywhere. Their numbers keep the linker from taking them for one function.
__attribute__((noinline, used)) static int clinux_code_in_use_begins(void) { return 0x53504c31; }
__attribute__((noinline, used)) static int clinux_code_in_use_ends(void) { return 0x53504c32; }

// Unmaps pages of this program's code, which are mapped again from the page cache as they are needed. Returns 0. Code is
// never written to, so nothing is lost.
static inline int clinux_forget_pages(uintptr_t start, uintptr_t end) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    start = (start + page - 1) & ~(page - 1);
    end &= ~(page - 1);
    return end > start ? madvise((void *)start, end - start, MADV_DONTNEED) : 0;
}

// Unmaps all of this program's code, and gives back what is free of its heap. Data, and read-only data that the linker
// relocates, are outside of the range (end(3)).
static inline int clinux_forget_start(void) {
    extern char __executable_start, etext;
    int result = clinux_forget_pages((uintptr_t)&__executable_start, (uintptr_t)&etext);
    malloc_trim(0);
    return result;
}

// Divides a range of code into mappings of 16 KiB, which is all that one of its pages can then bring into memory: the
// kernel maps a large folio of the page cache whole, up to the mapping's end. Every other one has another advice, which is
// what keeps them apart, and tells the kernel nothing that is wrong: its pages are seldom needed.
static inline void clinux_divide(uintptr_t start, uintptr_t end, uintptr_t page) {
    const uintptr_t part = page > 16384 ? page : 16384;
    for (start = (start + part - 1) & ~(part - 1); start + part <= end; start += 2 * part)
        madvise((void *)start, part, MADV_RANDOM);
}

// Maps the code that runs from now on, and no other code. Returns 0.
static inline int clinux_keep_code_in_use(void) {
    extern char __executable_start, etext;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)&clinux_code_in_use_begins & ~(page - 1);
    uintptr_t end = ((uintptr_t)&clinux_code_in_use_ends + page) & ~(page - 1);
    if (end <= start) return 0;
    clinux_divide((uintptr_t)&__executable_start, start, page);
    clinux_divide(end, (uintptr_t)&etext, page);
    if (clinux_forget_pages((uintptr_t)&__executable_start, (uintptr_t)&etext) != 0) return -1;
    for (uintptr_t at = start; at < end; at += page) (void)*(volatile char *)at;
    return 0;
}

// Measures how fast one processor fills memory that is new to it, as on any program's first touch, in bytes per second
// of its CPU time; 0 where it cannot be measured. 2 MiB are mapped and unmapped three times, and the fastest counts.
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

// mlockall(2) of everything mapped now and later, each page from its first touch (MCL_ONFAULT, Linux 4.4).
static inline int clinux_lock_memory_on_fault(void) { return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT); }

#include "CLinuxHelper.h"
#include "CLinuxReader.h"
#include "CLinuxSave.h"
#include "CLinuxHook.h"
#include "CLinuxWriter.h"
#include "CLinuxTool.h"

// Makes the helper start a program. The result is in `hook` once the helper is idle again.
static inline void clinux_helper_start_hook(struct clinux_helper *helper, struct clinux_hook *hook) {
    helper->function = clinux_hook_start;
    helper->argument = hook;
    __atomic_store_n(&hook->starting, 1, __ATOMIC_RELEASE);
    clinux_helper_post(helper, clinux_helper_call);
}

// A file that a helper opens.
struct clinux_open_job {
    int flags;
    // A descriptor, or a negative error number.
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

// Returns the result, which the caller has to close; -EAGAIN where there is none.
static inline int clinux_open_job_take(struct clinux_open_job *job) {
    int result = job->result;
    job->result = -EAGAIN;
    return result;
}

// Frees the job, and closes a file that was not taken.
static inline void clinux_open_job_free(struct clinux_open_job *job) {
    if (job->result >= 0) close(job->result);
    free(job);
}

// Created files have the permissions that OwnedDescriptor.open gives.
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
