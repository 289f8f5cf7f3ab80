// A thread that reads files which may keep their reader waiting, so that the agent's loop never waits for long: those
// for which another program answers (FUSE: lxcfs), and those of processes whose memory lock they take. It has one file
// at a time, and everything it needs from its start on. Header only, as CLinux.h.
#ifndef SPILLWAY_CLINUX_READER_H
#define SPILLWAY_CLINUX_READER_H

#include <linux/capability.h>

#include "CLinuxHelper.h"

enum {
    // The number of files that are kept open.
    CLINUX_READER_FILES = 8,
    CLINUX_READER_PATH = 64,
    // In place of the number of a file that is kept open: it is opened for this reading alone.
    CLINUX_READER_ONCE = -1,
    // CAP_SYS_PTRACE, of linux/capability.h, as a bit.
    CLINUX_READER_PTRACE = 1 << CAP_SYS_PTRACE,
};

// What a reader's files are.
enum clinux_reader_kind {
    // The machine's, which anybody may read: the thread has no capability.
    clinux_reader_of_machine,
    // Those of processes. Where /proc is mounted with hidepid, those of others take CAP_SYS_PTRACE (proc(5)).
    clinux_reader_of_processes,
};

struct clinux_reader {
    struct clinux_thread thread;
    int wake, done;
    // 1 from the posting of a job to its end. A thread that reads 0 may read the result and post the next job.
    int busy;
    int quits;
    int directory;
    enum clinux_reader_kind kind;
    // -1 where a file is not open.
    int kept[CLINUX_READER_FILES];
    // The job: the number of one of these files, and its path below the directory.
    int file;
    char path[CLINUX_READER_PATH];
    // The result: the number of bytes of text, or -1 with an error number.
    int count, error;
    // Bytes that there is room for.
    size_t capacity;
    char text[];
};

// Whether a descriptor that failed for this reason is of no more use: the program that answered is gone, or the object
// behind the file is.
static inline int clinux_is_lost(int error) {
    return error == ENOTCONN || error == ECONNABORTED || error == ESTALE || error == EIO || error == ENODEV;
}

// Reads the whole file from its beginning. Returns the number of bytes, or -1 with errno.
static inline int clinux_reader_take(struct clinux_reader *reader, int descriptor) {
    size_t count = 0;
    while (count < reader->capacity) {
        ssize_t more = pread(descriptor, reader->text + count, reader->capacity - count, (off_t)count);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return -1;
        if (more == 0) break;
        count += (size_t)more;
    }
    return (int)count;
}

static inline void clinux_reader_read_once(struct clinux_reader *reader) {
    int descriptor = openat(reader->directory, reader->path, O_RDONLY | O_CLOEXEC);
    reader->count = descriptor < 0 ? -1 : clinux_reader_take(reader, descriptor);
    reader->error = errno;
    if (descriptor >= 0) close(descriptor);
}

// Reads the file of the job; by a new descriptor where there is none, or the old one is lost.
static inline void clinux_reader_read(struct clinux_reader *reader) {
    if (reader->file == CLINUX_READER_ONCE) {
        clinux_reader_read_once(reader);
        return;
    }
    int *kept = &reader->kept[reader->file];
    for (int attempt = 0; attempt < 2; attempt++) {
        int isNew = *kept < 0;
        if (isNew) *kept = openat(reader->directory, reader->path, O_RDONLY | O_CLOEXEC);
        reader->count = *kept < 0 ? -1 : clinux_reader_take(reader, *kept);
        if (reader->count >= 0) return;
        reader->error = errno;
        if (*kept >= 0) close(*kept);
        *kept = -1;
        if (isNew || !clinux_is_lost(reader->error)) return;
    }
}

// Gives up all of this thread's capabilities but one of these that it has.
static inline void clinux_reader_keep(uint32_t capabilities) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct held[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &header, held) != 0) memset(held, 0, sizeof held);
    struct __user_cap_data_struct kept[2] = {{0, 0, 0}, {0, 0, 0}};
    kept[0].effective = kept[0].permitted = held[0].effective & capabilities;
    syscall(SYS_capset, &header, kept);
}

static inline void *clinux_reader_main(void *argument) {
    struct clinux_reader *reader = (struct clinux_reader *)argument;
    int isOfProcesses = reader->kind == clinux_reader_of_processes;
    clinux_thread_touch_stack();
    prctl(PR_SET_NAME, isOfProcesses ? "spillway-ask" : "spillway-read");
    // It is as urgent as the agent, which waits for it, where that is allowed.
    setpriority(PRIO_PROCESS, 0, -20);
    if (isOfProcesses) clinux_run_in_real_time();
    clinux_reader_keep(isOfProcesses ? CLINUX_READER_PTRACE : 0);
    for (;;) {
        uint64_t value;
        if (read(reader->wake, &value, sizeof value) != sizeof value) {
            if (errno == EINTR) continue;
            return (void *)0;
        }
        if (reader->quits) return (void *)0;
        clinux_reader_read(reader);
        __atomic_store_n(&reader->busy, 0, __ATOMIC_RELEASE);
        value = 1;
        // This fails only after 2^64 - 1 jobs whose end was not waited for.
        if (write(reader->done, &value, sizeof value) < 0) continue;
    }
}

// Starts the thread, for files below a directory whose descriptor it takes over, of each of which it reads so many bytes
// at most. NULL with errno.
static inline struct clinux_reader *clinux_reader_start(int directory, enum clinux_reader_kind kind, size_t capacity) {
    struct clinux_thread thread;
    struct clinux_reader *reader = (struct clinux_reader *)clinux_thread_map(&thread, sizeof *reader + capacity);
    if (!reader) return (struct clinux_reader *)0;
    reader->thread = thread;
    reader->directory = directory;
    reader->kind = kind;
    reader->capacity = capacity;
    for (int index = 0; index < CLINUX_READER_FILES; index++) reader->kept[index] = -1;
    reader->wake = eventfd(0, EFD_CLOEXEC);
    reader->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = reader->wake < 0 || reader->done < 0 ? errno : 0;
    if (error == 0) error = clinux_thread_start(&reader->thread, clinux_reader_main, reader);
    if (error == 0) return reader;
    if (reader->wake >= 0) close(reader->wake);
    if (reader->done >= 0) close(reader->done);
    clinux_thread_unmap(reader->thread);
    errno = error;
    return (struct clinux_reader *)0;
}

static inline void clinux_reader_post(struct clinux_reader *reader) {
    uint64_t one = 1;
    ssize_t written;
    __atomic_store_n(&reader->busy, 1, __ATOMIC_RELEASE);
    // This blocks and fails only after 2^64 - 1 jobs that the thread did not take.
    written = write(reader->wake, &one, sizeof one);
    (void)written;
}

// Waits for the end of the job, at most this long. Returns 1 where it has ended or there is none, and 0 otherwise.
static inline int clinux_reader_wait(struct clinux_reader *reader, int milliseconds) {
    int64_t until = clinux_monotonic() + (int64_t)milliseconds * 1000000;
    for (;;) {
        uint64_t ends;
        if (!__atomic_load_n(&reader->busy, __ATOMIC_ACQUIRE)) return 1;
        int64_t left = until - clinux_monotonic();
        if (left <= 0) return 0;
        struct pollfd request = {reader->done, POLLIN, 0};
        if (poll(&request, 1, (int)(left / 1000000) + 1) == 1 && read(reader->done, &ends, sizeof ends) < 0) continue;
    }
}

// An array without a size is nothing in Swift.
static inline const unsigned char *clinux_reader_text(const struct clinux_reader *reader) {
    return (const unsigned char *)reader->text;
}

// Stops an idle reader's thread and frees its memory. A thread that waits for an answer is left as it is.
static inline void clinux_reader_end(struct clinux_reader *reader) {
    if (!clinux_reader_wait(reader, 0)) return;
    reader->quits = 1;
    clinux_reader_post(reader);
    pthread_join(reader->thread.handle, (void **)0);
    for (int index = 0; index < CLINUX_READER_FILES; index++)
        if (reader->kept[index] >= 0) close(reader->kept[index]);
    close(reader->directory);
    close(reader->wake);
    close(reader->done);
    clinux_thread_unmap(reader->thread);
}

#endif
