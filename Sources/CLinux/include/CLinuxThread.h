// A thread that does not allocate once it runs: its guard, its stack and its storage are one mapping, made at its
// start. The helpers are built on it. There is only a header, as with CLinux.h.
#ifndef SPILLWAY_CLINUX_THREAD_H
#define SPILLWAY_CLINUX_THREAD_H

#include <limits.h>
#include <pthread.h>

enum {
    // The bytes of stack that a helper's code needs, with room to spare. Only pages that are touched are resident.
    CLINUX_THREAD_STACK = 65536,
    // The bytes of it that are touched before the first job, so that no page of it is new later.
    CLINUX_THREAD_TOUCHED = 12288,
};

// The sizes in bytes, each a multiple of the page size.
struct clinux_thread_layout {
    size_t guard, stack;
};

struct clinux_thread {
    pthread_t handle;
    char *mapping;
    size_t length;
    struct clinux_thread_layout layout;
};

static inline size_t clinux_round_up(size_t size, size_t page) { return (size + page - 1) / page * page; }

// The guard is a whole page: with pages of 16 or 64 KiB (arm64) a smaller one would take its rest from the stack. The
// C library refuses a stack below its own minimum (128 KiB on arm64), and uses most of such a minimum itself.
static inline struct clinux_thread_layout clinux_thread_layout_for(size_t page, size_t minimum) {
    size_t stack = minimum + CLINUX_THREAD_STACK / 2;
    if (stack < CLINUX_THREAD_STACK) stack = CLINUX_THREAD_STACK;
    struct clinux_thread_layout layout = {page, clinux_round_up(stack, page)};
    return layout;
}

// Maps the thread's memory and returns its storage, all zero and resident; NULL with errno where that fails.
static inline void *clinux_thread_map(struct clinux_thread *thread, size_t storage) {
    long page = sysconf(_SC_PAGESIZE), minimum = sysconf(_SC_THREAD_STACK_MIN);
    if (page <= 0) page = 4096;
    thread->layout = clinux_thread_layout_for((size_t)page, minimum > 0 ? (size_t)minimum : (size_t)PTHREAD_STACK_MIN);
    size_t below = thread->layout.guard + thread->layout.stack;
    thread->length = below + clinux_round_up(storage, (size_t)page);
    char *mapping = (char *)mmap((void *)0, thread->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == (char *)MAP_FAILED) return (void *)0;
    if (mprotect(mapping, thread->layout.guard, PROT_NONE) != 0) {
        int error = errno;
        munmap(mapping, thread->length);
        errno = error;
        return (void *)0;
    }
    thread->mapping = mapping;
    // The storage is written throughout, so that no page of it is new later.
    memset(mapping + below, 0, storage);
    return mapping + below;
}

// Starts the thread with every signal blocked. Returns 0 or an error number.
static inline int clinux_thread_start(struct clinux_thread *thread, void *(*function)(void *), void *argument) {
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    int error = pthread_attr_setstack(&attributes, thread->mapping + thread->layout.guard, thread->layout.stack);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) error = pthread_create(&thread->handle, &attributes, function, argument);
    pthread_sigmask(SIG_SETMASK, &before, (sigset_t *)0);
    pthread_attr_destroy(&attributes);
    return error;
}

// Touches the pages of the thread's stack that a job will need. The thread itself calls this first.
static inline void clinux_thread_touch_stack(void) {
    volatile char room[CLINUX_THREAD_TOUCHED];
    for (int index = 0; index < CLINUX_THREAD_TOUCHED; index += 1024) room[index] = 0;
}

// Unmaps the thread's memory, storage included. The thread must have returned, or never have been started.
static inline void clinux_thread_unmap(struct clinux_thread thread) { munmap(thread.mapping, thread.length); }

#endif
