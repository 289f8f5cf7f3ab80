// What the workload's modes share: their keys, and memory that is used as real programs use it.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { page_size = 4096, mib_bytes = 1 << 20 };

// The keys, as main() read them; workload.c says what they mean.
extern const char *mode, *name, *file, *child_name;
extern long mib, own, rate, count, gap, seconds, threads;

__attribute__((noreturn)) void fail(const char *what);
__attribute__((noreturn)) void idle(void);

uint64_t next_random(void);
char *anonymous(size_t size);
void fill(char *memory, size_t size);
void touch_random(volatile char *memory, size_t size, long times, int write);
void grow(void);
// Right after fork(): random numbers of its own, and a life that does not depend on its parent's.
void become_child(void);

__attribute__((noreturn)) void leak(void);
__attribute__((noreturn)) void swarm(void);
__attribute__((noreturn)) void fork_bomb(void);
__attribute__((noreturn)) void prefork(void);
__attribute__((noreturn)) void saver(void);
__attribute__((noreturn)) void runner(void);
void tree(void);
void churn(void);
void orphans(void);
