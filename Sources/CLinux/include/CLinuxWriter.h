// A process that writes lines to a file, so that the agent never waits for the device behind the file: a frozen file
// system, NFS without its server, a disk that thrashes, a serial console, a terminal after Ctrl-S. There is only a
// header, as with CLinux.h.
//
// It is a process and not a thread. Nothing interrupts a write to a frozen file system, not even SIGKILL, and a process
// is gone only when all of its threads are. The writer shares the agent's memory (CLONE_VM), so it costs only its stack
// and its ring. It outlives the agent until all lines are written.
//
// One thread puts lines and the writer takes them. A line is written whole or not at all.
#ifndef SPILLWAY_CLINUX_WRITER_H
#define SPILLWAY_CLINUX_WRITER_H

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "CLinuxThread.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
    CLINUX_WRITER_NAME = 16,
    // A descriptor that says that it is ready and then takes nothing is asked again after this many nanoseconds.
    CLINUX_WRITER_PAUSE_NS = 10000000,
    // The bytes that ".N" takes behind a path, for any number.
    CLINUX_WRITER_SUFFIX = 12,
    // Without close_range(2) (before Linux 5.9), descriptors below this are closed one by one.
    CLINUX_WRITER_DESCRIPTORS = 4096,
    // How long the writer's exit is waited for, in milliseconds, once nothing is left to write: closing its file may
    // wait too.
    CLINUX_WRITER_END_MS = 100,
};

// The header of each line in the ring.
struct clinux_writer_entry {
    uint32_t length;
    // The number of lines that count as lost if this one is not written: itself, and those whose loss it reports.
    uint32_t owed;
};

struct clinux_writer {
    struct clinux_thread thread;
    char name[CLINUX_WRITER_NAME];
    // The file's descriptor, which only the writer has once it runs: its maker closes its own, since closing a file may
    // wait as well (NFS).
    int target;
    // An eventfd that tells that lines were put, or that the writer has to exit.
    int wake;
    // A pipe to which nothing is written. The writer has the reading end, which tells it that the agent is gone.
    int alive, owner;
    // A futex word that counts how often the writer had nothing left. It is 0 until the writer runs or could not be
    // started.
    uint32_t idle;
    // The writer's process number, and the error number where it could not be started.
    pid_t process;
    int refusal;
    int quit;
    // Whether the written bytes end in the middle of a line. Only the writer uses this.
    int torn;
    // The number of bytes put and taken since the beginning, with the headers of entries. The ring holds those between.
    uint64_t head, tail;
    // The sum of what was owed for lines that were not written, and the error number of the last of them.
    uint64_t failed;
    int reason;
    // Where the file is bounded: the path by which it is renamed, two buffers for names that are made of it, the size in
    // bytes that a file may have, and the number of files, the one that is written among them. A limit of 0 is none.
    char *path, *older, *newer;
    uint64_t limit;
    unsigned files;
    // The error number for which the last rotation failed; 0 where it did not.
    int rotation;
    size_t capacity;
    char ring[];
};

static inline int clinux_writer_is_empty(struct clinux_writer *writer) {
    return __atomic_load_n(&writer->tail, __ATOMIC_ACQUIRE) == __atomic_load_n(&writer->head, __ATOMIC_ACQUIRE);
}

static inline void clinux_writer_wake(struct clinux_writer *writer) {
    uint64_t one = 1;
    // This waits and fails only after 2^64 - 1 lines that the writer did not take.
    ssize_t written = write(writer->wake, &one, sizeof one);
    (void)written;
}

// Wakes the threads that wait until nothing is left to write.
static inline void clinux_writer_rest(struct clinux_writer *writer) {
    __atomic_fetch_add(&writer->idle, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &writer->idle, FUTEX_WAKE_PRIVATE, INT32_MAX, (void *)0, (void *)0, 0);
}

// Copies bytes from a place of the ring, which may continue at its beginning.
static inline void clinux_writer_copy_out(struct clinux_writer *writer, uint64_t at, void *to, size_t length) {
    size_t offset = (size_t)(at % writer->capacity), first = writer->capacity - offset;
    if (first > length) first = length;
    memcpy(to, writer->ring + offset, first);
    memcpy((char *)to + first, writer->ring, length - first);
}

static inline void clinux_writer_copy_in(struct clinux_writer *writer, uint64_t at, const void *from, size_t length) {
    size_t offset = (size_t)(at % writer->capacity), first = writer->capacity - offset;
    if (first > length) first = length;
    memcpy(writer->ring + offset, from, first);
    memcpy(writer->ring, (const char *)from + first, length - first);
}

// Returns the first entry of those that are in the ring.
static inline struct clinux_writer_entry clinux_writer_first(struct clinux_writer *writer) {
    struct clinux_writer_entry entry;
    clinux_writer_copy_out(writer, writer->tail, &entry, sizeof entry);
    return entry;
}

// Removes the first entry. `reason` is the error number for which its line was not written; 0 if it was.
static inline void clinux_writer_take(struct clinux_writer *writer, struct clinux_writer_entry entry, int reason) {
    if (reason != 0) {
        __atomic_store_n(&writer->reason, reason, __ATOMIC_RELAXED);
        __atomic_fetch_add(&writer->failed, entry.owed, __ATOMIC_RELAXED);
    }
    // A thread that sees that the entry is gone also sees that it failed.
    __atomic_store_n(&writer->tail, writer->tail + sizeof entry + entry.length, __ATOMIC_RELEASE);
}

// Makes `name` the path of the file with this number: the path itself for 0, or `path.N`.
static inline void clinux_writer_name(struct clinux_writer *writer, char *name, unsigned number) {
    size_t length = strlen(writer->path);
    char digits[CLINUX_WRITER_SUFFIX];
    size_t first = sizeof digits;
    memcpy(name, writer->path, length + 1);
    if (number == 0) return;
    digits[--first] = 0;
    for (; number > 0; number /= 10) digits[--first] = (char)('0' + number % 10);
    digits[--first] = '.';
    memcpy(name + length, digits + first, sizeof digits - first);
}

// Gives each file the next number, and drops the oldest. Returns 0 or an error number.
static inline int clinux_writer_shift(struct clinux_writer *writer) {
    if (writer->files <= 1) return unlink(writer->path) == 0 ? 0 : errno;
    for (unsigned number = writer->files - 1; number > 0; number--) {
        clinux_writer_name(writer, writer->older, number);
        clinux_writer_name(writer, writer->newer, number - 1);
        if (rename(writer->newer, writer->older) != 0 && errno != ENOENT) return errno;
    }
    return 0;
}

// Begins a new file in the place of the one that is written, with its owner, group and mode. Returns 0 or an error
// number: the same file is written then.
static inline int clinux_writer_begin_file(struct clinux_writer *writer, const struct stat *now) {
    struct stat named;
    int is_there = lstat(writer->path, &named) == 0;
    if (!is_there && errno != ENOENT) return errno;
    // Another file of that name was put there, by a person or by logrotate(8): it is taken up as it is.
    int is_own = is_there && named.st_dev == now->st_dev && named.st_ino == now->st_ino;
    if (is_own) {
        int error = clinux_writer_shift(writer);
        if (error != 0) return error;
    }
    int created = is_own || !is_there;
    int file = open(writer->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (created ? O_CREAT | O_EXCL : 0),
                    S_IRUSR | S_IWUSR);
    if (file < 0) return errno;
    if (created) {
        mode_t mode = now->st_mode & 0777;
        // Only where it has to be: a sandbox may refuse fchown(2), and a service makes files of its own group. A group
        // of its own must not read what another may.
        int is_same = fstat(file, &named) == 0 && named.st_gid == now->st_gid && named.st_uid == now->st_uid;
        if (!is_same && fchown(file, now->st_uid, now->st_gid) != 0) {
            if (named.st_gid != now->st_gid) mode &= ~(mode_t)070;
        }
        // Without it the file has the mode that it was made with, which lets its owner alone read it.
        (void)fchmod(file, mode);
    }
    int error = dup3(file, writer->target, O_CLOEXEC) < 0 ? errno : 0;
    close(file);
    return error;
}

// Begins a new file where one more line of this length would make the one that is written larger than its limit.
static inline void clinux_writer_rotate(struct clinux_writer *writer, size_t length) {
    struct stat now;
    if (writer->limit == 0 || fstat(writer->target, &now) != 0 || !S_ISREG(now.st_mode)) return;
    if (now.st_size == 0 || (uint64_t)now.st_size + length <= writer->limit) return;
    int error = clinux_writer_begin_file(writer, &now);
    // What was cut is the end of the file before.
    if (error == 0) writer->torn = 0;
    __atomic_store_n(&writer->rotation, error, __ATOMIC_RELAXED);
}

// Writes the first entry's line, with as many calls as that takes.
static inline void clinux_writer_write(struct clinux_writer *writer) {
    static char newline[] = "\n";
    struct clinux_writer_entry entry = clinux_writer_first(writer);
    uint64_t start = writer->tail + sizeof entry;
    clinux_writer_rotate(writer, entry.length);
    // A line that was cut is finished with a newline first, so that no more than one line is spoilt.
    size_t before = writer->torn ? 1 : 0, total = before + entry.length, done = 0;
    int reason = 0, refused = 0;
    while (done < total) {
        struct iovec parts[3];
        int count = 0;
        size_t from = done > before ? done - before : 0;
        size_t offset = (size_t)((start + from) % writer->capacity);
        size_t left = entry.length - from, first = writer->capacity - offset;
        if (first > left) first = left;
        if (done < before) parts[count++] = (struct iovec){newline, 1};
        if (first > 0) parts[count++] = (struct iovec){writer->ring + offset, first};
        if (left > first) parts[count++] = (struct iovec){writer->ring, left - first};
        // Each line takes one call, since /dev/kmsg takes each call for a line of its own.
        ssize_t written = writev(writer->target, parts, count);
        if (written > 0) {
            done += (size_t)written;
            refused = 0;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd request = {.fd = writer->target, .events = POLLOUT};
            struct timespec pause = {0, CLINUX_WRITER_PAUSE_NS};
            if (refused++ > 0) nanosleep(&pause, (struct timespec *)0);
            poll(&request, 1, -1);
        } else if (written == 0 || errno != EINTR) {
            reason = written == 0 ? EIO : errno;
            break;
        }
    }
    writer->torn = reason != 0 && (done > before || (before == 1 && done == 0));
    clinux_writer_take(writer, entry, reason);
}

// Closes all descriptors except three.
static inline void clinux_writer_close_others(int first, int second, int third) {
    int kept[3] = {first, second, third};
    unsigned from = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int index = 0; index < 2; index++) {
            if (kept[index] <= kept[index + 1]) continue;
            int larger = kept[index];
            kept[index] = kept[index + 1];
            kept[index + 1] = larger;
        }
    }
    for (int index = 0; index <= 3; index++) {
        unsigned end = index < 3 ? (unsigned)kept[index] : ~0U;
        if (end > from && syscall(SYS_close_range, from, index < 3 ? end - 1 : end, 0U) < 0) {
            for (unsigned other = from; other < end && other < CLINUX_WRITER_DESCRIPTORS; other++) close((int)other);
        }
        from = end + 1;
    }
}

// The writer's main function. It does not allocate, and every signal is blocked. Its errno is that of the thread that
// made it, which does nothing until the writer has exited.
static inline int clinux_writer_main(void *argument) {
    struct clinux_writer *writer = (struct clinux_writer *)argument;
    struct pollfd sources[2] = {{.fd = writer->wake, .events = POLLIN}, {.fd = writer->alive}};
    clinux_writer_close_others(writer->target, writer->wake, writer->alive);
    prctl(PR_SET_NAME, writer->name);
    for (;;) {
        // This is asked before the ring is read: nothing more comes from an agent that is gone.
        int ends = __atomic_load_n(&writer->quit, __ATOMIC_ACQUIRE) || (sources[1].revents & POLLHUP) != 0;
        uint64_t count;
        while (!clinux_writer_is_empty(writer)) clinux_writer_write(writer);
        clinux_writer_rest(writer);
        if (ends) return 0;
        if (poll(sources, 2, -1) < 0) sources[1].revents = 0;
        else if ((sources[0].revents & POLLIN) != 0 && read(writer->wake, &count, sizeof count) < 0) continue;
    }
}

// The thread whose errno and the lower half of whose stack the writer uses. It waits for the writer's exit. Where the
// writer was killed, the thread counts everything that was put as lost.
static inline void *clinux_writer_keep(void *argument) {
    struct clinux_writer *writer = (struct clinux_writer *)argument;
    char *stack = writer->thread.mapping + writer->thread.layout.guard + writer->thread.layout.stack / 2;
    // The writer's exit causes no signal, so that nothing else collects it.
    pid_t child = clone(clinux_writer_main, (void *)((uintptr_t)stack & ~(uintptr_t)15),
                        CLONE_VM | CLONE_PARENT_SETTID, writer, &writer->process);
    if (child < 0) {
        writer->refusal = errno;
        clinux_writer_rest(writer);
        return (void *)0;
    }
    while (syscall(SYS_wait4, child, (int *)0, __WALL, (void *)0) < 0 && errno == EINTR) {
    }
    for (;;) {
        uint64_t count;
        int ends = __atomic_load_n(&writer->quit, __ATOMIC_ACQUIRE);
        while (!clinux_writer_is_empty(writer)) clinux_writer_take(writer, clinux_writer_first(writer), EPIPE);
        clinux_writer_rest(writer);
        if (ends || (read(writer->wake, &count, sizeof count) < 0 && errno != EINTR)) return (void *)0;
    }
}

// Waits until all lines are written or lost, for at most this many milliseconds. Returns whether they are.
static inline int clinux_writer_wait(struct clinux_writer *writer, int milliseconds) {
    struct timespec now, end, left;
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t nanoseconds = end.tv_nsec + (int64_t)milliseconds * 1000000;
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    for (;;) {
        uint32_t seen = __atomic_load_n(&writer->idle, __ATOMIC_ACQUIRE);
        if (seen != 0 && clinux_writer_is_empty(writer)) return 1;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t rest = (int64_t)(end.tv_sec - now.tv_sec) * 1000000000 + (end.tv_nsec - now.tv_nsec);
        if (rest <= 0) return 0;
        left.tv_sec = rest / 1000000000;
        left.tv_nsec = rest % 1000000000;
        syscall(SYS_futex, &writer->idle, FUTEX_WAIT_PRIVATE, seen, &left, (void *)0, 0);
    }
}

static inline uint64_t clinux_writer_failures(struct clinux_writer *writer) {
    return __atomic_load_n(&writer->failed, __ATOMIC_RELAXED);
}

static inline int clinux_writer_reason(struct clinux_writer *writer) {
    return __atomic_load_n(&writer->reason, __ATOMIC_RELAXED);
}

static inline int clinux_writer_rotation(struct clinux_writer *writer) {
    return __atomic_load_n(&writer->rotation, __ATOMIC_RELAXED);
}

// Bounds the file from the next line on, which has this path. To be called before the first line is put. Returns 0, or an
// error number where there is no memory.
static inline int clinux_writer_bound(struct clinux_writer *writer, const char *path, uint64_t limit, unsigned files) {
    size_t room = strlen(path) + 1 + CLINUX_WRITER_SUFFIX;
    char *names = (char *)malloc(3 * room);
    if (!names) return ENOMEM;
    memset(names, 0, 3 * room);
    memcpy(names, path, strlen(path));
    writer->path = names;
    writer->older = names + room;
    writer->newer = names + 2 * room;
    writer->files = files;
    writer->limit = limit;
    return 0;
}

static inline pid_t clinux_writer_process(struct clinux_writer *writer) { return writer->process; }

// Puts a line. Returns 0, or the error number for which it is lost: EAGAIN where there is no room for it now, E2BIG
// where there never is.
static inline int clinux_writer_put(struct clinux_writer *writer, const void *line, size_t length, uint32_t owed) {
    struct clinux_writer_entry entry = {(uint32_t)length, owed};
    uint64_t head = writer->head, used = head - __atomic_load_n(&writer->tail, __ATOMIC_ACQUIRE);
    if (length > writer->capacity || sizeof entry > writer->capacity - length) return E2BIG;
    if (sizeof entry + length > writer->capacity - used) return EAGAIN;
    clinux_writer_copy_in(writer, head, &entry, sizeof entry);
    clinux_writer_copy_in(writer, head + sizeof entry, line, length);
    __atomic_store_n(&writer->head, head + sizeof entry + length, __ATOMIC_RELEASE);
    clinux_writer_wake(writer);
    return 0;
}

static inline void clinux_writer_close(struct clinux_writer *writer) {
    if (writer->wake >= 0) close(writer->wake);
    if (writer->alive >= 0) close(writer->alive);
    if (writer->owner >= 0) close(writer->owner);
}

// Stops a writer that has nothing left to write, and frees its memory. A writer that is in a call which does not return
// is left as it is: it exits after that.
static inline void clinux_writer_end(struct clinux_writer *writer) {
    struct timespec end;
    int is_empty = clinux_writer_is_empty(writer);
    __atomic_store_n(&writer->quit, 1, __ATOMIC_RELEASE);
    clinux_writer_wake(writer);
    if (!is_empty) return;
    clock_gettime(CLOCK_REALTIME, &end);
    int64_t nanoseconds = end.tv_nsec + (int64_t)CLINUX_WRITER_END_MS * 1000000;
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    if (pthread_timedjoin_np(writer->thread.handle, (void **)0, &end) != 0) return;
    free(writer->path);
    clinux_writer_close(writer);
    clinux_thread_unmap(writer->thread);
}

// Starts a writer to `target`, which the caller may close then. `size` is the memory in bytes beside its stack; the
// ring is what is left of that. Returns NULL with errno where it fails.
static inline struct clinux_writer *clinux_writer_start(int target, size_t size, const char *name) {
    struct clinux_thread thread;
    struct clinux_writer *writer;
    int ends[2] = {-1, -1};
    if (size <= sizeof *writer) {
        errno = EINVAL;
        return (struct clinux_writer *)0;
    }
    writer = (struct clinux_writer *)clinux_thread_map(&thread, size);
    if (!writer) return (struct clinux_writer *)0;
    writer->thread = thread;
    writer->capacity = size - sizeof *writer;
    writer->target = target;
    for (int index = 0; index < CLINUX_WRITER_NAME - 1 && name[index] != 0; index++) writer->name[index] = name[index];
    writer->wake = eventfd(0, EFD_CLOEXEC);
    int error = writer->wake < 0 || pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
    writer->alive = ends[0];
    writer->owner = ends[1];
    if (error == 0) error = clinux_thread_start(&writer->thread, clinux_writer_keep, writer);
    if (error == 0) {
        // This thread waits until the writer has its own descriptors.
        while (__atomic_load_n(&writer->idle, __ATOMIC_ACQUIRE) == 0) clinux_writer_wait(writer, 1000);
        error = writer->refusal;
        if (error == 0) return writer;
        pthread_join(writer->thread.handle, (void **)0);
    }
    clinux_writer_close(writer);
    clinux_thread_unmap(writer->thread);
    errno = error;
    return (struct clinux_writer *)0;
}

#endif
