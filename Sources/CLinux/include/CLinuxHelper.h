// A thread for calls that may take long, so that the agent's loop never waits for them: process_mrelease(2), writes to
// files that reclaim memory, sync(2), and starting a program. It has one job at a time. From its start on it has
// everything it needs: a stack that was touched and its job's storage. It does not allocate and takes no signal. There
// is only a header, as with CLinux.h.
#ifndef SPILLWAY_CLINUX_HELPER_H
#define SPILLWAY_CLINUX_HELPER_H

#include <sys/eventfd.h>

#include "CLinuxThread.h"

// This number is the same on every architecture; older kernel headers do not have it (Linux 5.15).
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif

enum {
    CLINUX_HELPER_DESCRIPTORS = 512,
    CLINUX_HELPER_TEXT = 64,
    // The kernel's own reaper tries as often (MAX_OOM_REAP_RETRIES, mm/oom_kill.c), every 100 ms.
    CLINUX_HELPER_TRIES = 10,
    CLINUX_HELPER_PAUSE_NS = 10000000,
};

enum clinux_helper_kind { clinux_helper_reap = 1, clinux_helper_write, clinux_helper_sync, clinux_helper_call,
                          clinux_helper_quit };

struct clinux_helper_result {
    int released, vanished, busy, entangled, failed;
    // The error number of the first call that failed in another way than these, or of a job that is one call.
    int error;
    int64_t nanoseconds;
};

struct clinux_helper {
    struct clinux_thread thread;
    int wake, done;
    // 1 from the posting of a job to its end. A thread that reads 0 may read the result and post the next job.
    int busy;
    enum clinux_helper_kind kind;
    int staged, count;
    int descriptors[CLINUX_HELPER_DESCRIPTORS];
    int target;
    int length;
    char text[CLINUX_HELPER_TEXT];
    void (*function)(void *);
    void *argument;
    struct clinux_helper_result result;
};

// process_mrelease(2). Returns 0, or -1 with errno.
static inline int clinux_process_mrelease(int pidfd) { return (int)syscall(SYS_process_mrelease, pidfd, 0); }

static inline int64_t clinux_monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Releases the memory of each dying process, and closes its descriptor.
static inline void clinux_helper_release(struct clinux_helper *helper) {
    struct clinux_helper_result *result = &helper->result;
    struct timespec pause = {0, CLINUX_HELPER_PAUSE_NS};
    int left = helper->count;
    for (int attempt = 0; left > 0 && attempt < CLINUX_HELPER_TRIES; attempt++) {
        if (attempt > 0) nanosleep(&pause, (struct timespec *)0);
        for (int index = 0; index < helper->count; index++) {
            int descriptor = helper->descriptors[index];
            if (descriptor < 0) continue;
            int reason = clinux_process_mrelease(descriptor) == 0 ? 0 : errno;
            if ((reason == EAGAIN || reason == EINTR) && attempt + 1 < CLINUX_HELPER_TRIES) continue;
            close(descriptor);
            helper->descriptors[index] = -1;
            left--;
            if (reason == 0) result->released++;
            else if (reason == ESRCH) result->vanished++;
            else if (reason == EAGAIN || reason == EINTR) result->busy++;
            else if (reason == EINVAL) result->entangled++;
            else {
                result->failed++;
                if (result->error == 0) result->error = reason;
            }
        }
    }
}

static inline void *clinux_helper_main(void *argument) {
    struct clinux_helper *helper = (struct clinux_helper *)argument;
    clinux_thread_touch_stack();
    prctl(PR_SET_NAME, "spillway-helper");
    for (;;) {
        uint64_t value;
        if (read(helper->wake, &value, sizeof value) != sizeof value) {
            if (errno == EINTR) continue;
            return (void *)0;
        }
        int64_t start = clinux_monotonic();
        switch (helper->kind) {
        case clinux_helper_quit: return (void *)0;
        case clinux_helper_reap: clinux_helper_release(helper); break;
        case clinux_helper_write:
            // These files take a whole number in one call; a second call would ask for the number twice.
            if (write(helper->target, helper->text, (size_t)helper->length) < 0) helper->result.error = errno;
            close(helper->target);
            break;
        case clinux_helper_sync: sync(); break;
        case clinux_helper_call: helper->function(helper->argument); break;
        }
        helper->result.nanoseconds = clinux_monotonic() - start;
        __atomic_store_n(&helper->busy, 0, __ATOMIC_RELEASE);
        value = 1;
        // This fails only after 2^64 - 1 jobs whose end was not acknowledged.
        if (write(helper->done, &value, sizeof value) < 0) continue;
    }
}

// Starts the thread with every signal blocked. Returns NULL with errno where that fails.
static inline struct clinux_helper *clinux_helper_start(void) {
    struct clinux_thread thread;
    struct clinux_helper *helper = (struct clinux_helper *)clinux_thread_map(&thread, sizeof *helper);
    if (!helper) return (struct clinux_helper *)0;
    helper->thread = thread;
    helper->wake = eventfd(0, EFD_CLOEXEC);
    helper->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = helper->wake < 0 || helper->done < 0 ? errno : 0;
    if (error == 0) error = clinux_thread_start(&helper->thread, clinux_helper_main, helper);
    if (error == 0) return helper;
    if (helper->wake >= 0) close(helper->wake);
    if (helper->done >= 0) close(helper->done);
    clinux_thread_unmap(helper->thread);
    errno = error;
    return (struct clinux_helper *)0;
}

static inline int clinux_helper_is_busy(struct clinux_helper *helper) {
    return __atomic_load_n(&helper->busy, __ATOMIC_ACQUIRE);
}

// Hands over the job that was written into the helper, which must be idle.
static inline void clinux_helper_post(struct clinux_helper *helper, enum clinux_helper_kind kind) {
    uint64_t one = 1;
    ssize_t written;
    memset(&helper->result, 0, sizeof helper->result);
    helper->kind = kind;
    __atomic_store_n(&helper->busy, 1, __ATOMIC_RELEASE);
    // This blocks and fails only after 2^64 - 1 jobs that the thread did not take.
    written = write(helper->wake, &one, sizeof one);
    (void)written;
}

// Stops an idle helper's thread and frees its memory. A thread that is in a call which does not return is left as it
// is.
static inline void clinux_helper_end(struct clinux_helper *helper) {
    if (clinux_helper_is_busy(helper)) return;
    clinux_helper_post(helper, clinux_helper_quit);
    pthread_join(helper->thread.handle, (void **)0);
    close(helper->wake);
    close(helper->done);
    clinux_thread_unmap(helper->thread);
}

#endif
