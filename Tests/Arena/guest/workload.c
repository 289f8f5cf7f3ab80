// Programs that press a guest's memory, and programs that suffer from it. Each scenario names them with their manners.
//
// usage: workload MODE [key=value]...
//
// Keys: name (what the process calls itself), child (what those that it starts do), mib, own (MiB that are not shared),
// rate (MiB/s; 0 is as fast as memory), count, gap (ms), file, seconds, threads, kind (anon, shm, file, sysv, mlock), and
// the switches ignore_term=1, stop=1, leader_exits=1.
// A mode ends by itself only where it says so: the guest as a whole is bounded.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "heartbeat.h"
#include "workload.h"

const char *mode, *name, *file, *child_name;
long mib, own, rate, count = 1, gap, seconds, threads = 1;
static const char *kind = "anon";
static long ignore_term, stop_at_end, leader_exits;

void fail(const char *what) {
    fprintf(stderr, "workload %s: %s: %s\n", mode, what, strerror(errno));
    exit(1);
}

// Never zero. Each process and thread has a stream of its own.
static _Thread_local uint64_t random_state;

uint64_t next_random(void) {
    if (random_state == 0) random_state = (uint64_t)now_us() * 2654435761u + (uint64_t)gettid();
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// Half of a page is noise and half is nothing, so that zram makes about half of it, as of much real memory. The noise is
// made once and copied from anywhere in it: in an emulated machine that is what keeps the speed of memory.
void fill(char *memory, size_t size) {
    static uint64_t noise[8192];
    enum { words = page_size / sizeof *noise / 2 };
    if (noise[0] == 0) {
        for (size_t word = 0; word < sizeof noise / sizeof *noise; word++) noise[word] = next_random();
    }
    for (size_t at = 0; at < size; at += page_size) {
        size_t from = next_random() % (sizeof noise / sizeof *noise - words);
        memcpy(memory + at, noise + from, page_size / 2);
    }
}

void touch_random(volatile char *memory, size_t size, long times, int write) {
    for (long time = 0; time < times; time++) {
        volatile char *byte = memory + next_random() % (size / page_size) * page_size;
        if (write) (*byte)++;
        else (void)*byte;
    }
}

char *anonymous(size_t size) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
}

// Memory of the kind asked for. Shared kinds have no name left, so that they end with their
// last process; but a file stays.
static char *reserve(size_t size) {
    if (strcmp(kind, "anon") == 0 || strcmp(kind, "mlock") == 0) return anonymous(size);
    if (strcmp(kind, "sysv") == 0) {
        int id = shmget(IPC_PRIVATE, size, IPC_CREAT | SHM_NORESERVE | 0600);
        if (id < 0) fail("shmget");
        void *memory = shmat(id, NULL, 0);
        if (memory == (void *)-1) fail("shmat");
        if (shmctl(id, IPC_RMID, NULL) != 0) fail("shmctl");
        return memory;
    }
    if (strcmp(kind, "shm") == 0 || strcmp(kind, "file") == 0) {
        int descriptor = open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (descriptor < 0 || ftruncate(descriptor, (off_t)size) != 0) fail(file);
        if (strcmp(kind, "shm") == 0 && unlink(file) != 0) fail(file);
        char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (memory == MAP_FAILED) fail("mmap");
        return memory;
    }
    fprintf(stderr, "workload %s: kind=%s is none of anon, shm, file, sysv, mlock\n", mode, kind);
    exit(64);
}

static const char *map_file(size_t *size, int protection) {
    int descriptor = open(file, O_RDONLY);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) fail(file);
    *size = mib > 0 && (off_t)mib * mib_bytes < status.st_size ? (size_t)mib * mib_bytes : (size_t)status.st_size;
    const char *text = mmap(NULL, *size, protection, MAP_SHARED, descriptor, 0);
    if (text == MAP_FAILED) fail("mmap");
    close(descriptor);
    return text;
}

// Takes up to `mib` at `rate`, as a program that forgets to give back.
void grow(void) {
    enum { step = 256 << 10 };
    size_t size = (size_t)mib * mib_bytes;
    char *memory = reserve(size);
    int64_t start = now_us();
    for (size_t done = 0; done < size; done += step) {
        if (rate > 0) sleep_until_us(start + (int64_t)(done / step) * 1000000 * step / mib_bytes / rate);
        if (strcmp(kind, "mlock") == 0 && mlock(memory + done, step) != 0) fail("mlock");
        fill(memory + done, step);
    }
    if (stop_at_end) raise(SIGSTOP);
}

void idle(void) {
    for (;;) pause();
}

static void *grow_in_thread(void *unused) {
    grow();
    idle();
    return unused;
}

void leak(void) {
    if (leader_exits) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, grow_in_thread, NULL) != 0) fail("pthread_create");
        pthread_exit(NULL);
    }
    grow();
    if (seconds > 0) {
        sleep_until_us(now_us() + seconds * 1000000);
        exit(0);
    }
    idle();
}

// A database in miniature: a pool of pages, some of them looked up and some changed every 10 ms.
__attribute__((noreturn)) static void database(void) {
    size_t size = (size_t)mib * mib_bytes;
    char *pool = anonymous(size);
    fill(pool, size);
    for (;;) {
        touch_random(pool, size, 200, 0);
        touch_random(pool, size, 50, 1);
        usleep(10000);
    }
}

// A working set that is used all the time, by `threads` threads.
static char *working_set;

static void *thrash_in_thread(void *unused) {
    for (;;) touch_random(working_set, (size_t)mib * mib_bytes, 1000, 1);
    return unused;
}

__attribute__((noreturn)) static void thrash(void) {
    working_set = anonymous((size_t)mib * mib_bytes);
    fill(working_set, (size_t)mib * mib_bytes);
    for (long thread = 1; thread < threads; thread++) {
        pthread_t other;
        if (pthread_create(&other, NULL, thrash_in_thread, NULL) != 0) fail("pthread_create");
    }
    thrash_in_thread(NULL);
    idle();
}

// A program whose text is larger than a moment's need: it walks at random over a mapped, executable file.
__attribute__((noreturn)) static void text(void) {
    size_t size;
    const char *pages = map_file(&size, PROT_READ | PROT_EXEC);
    for (;;) {
        touch_random((volatile char *)pages, size, 20, 0);
        usleep(1000);
    }
}

void become_child(void) {
    random_state = 0;
    if (prctl(PR_SET_PDEATHSIG, 0) != 0) fail("prctl");
}

// One of a build's compilers.
static void compile(void) {
    size_t size = (size_t)mib * mib_bytes;
    char *memory = anonymous(size);
    fill(memory, size);
    for (int round = 0; round < 20; round++) touch_random(memory, size, 2000, 1);
}

// Reads a file from end to end, again and again, through the page cache.
static void stream(void) {
    static char buffer[128 << 10];
    int64_t end = now_us() + seconds * 1000000;
    int descriptor = open(file, O_RDONLY);
    if (descriptor < 0) fail(file);
    while (now_us() < end) {
        ssize_t size = read(descriptor, buffer, sizeof buffer);
        if (size < 0) fail(file);
        if (size == 0 && lseek(descriptor, 0, SEEK_SET) != 0) fail(file);
    }
}

// Writes a file of `mib` from end to end, again and again, as fast as the disk takes it.
static void write_file(void) {
    static char buffer[128 << 10];
    fill(buffer, sizeof buffer);
    int64_t end = now_us() + seconds * 1000000;
    int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0) fail(file);
    for (off_t size = 0; now_us() < end; size += sizeof buffer) {
        if (size >= (off_t)mib * mib_bytes) {
            size = 0;
            if (lseek(descriptor, 0, SEEK_SET) != 0) fail(file);
        }
        if (write(descriptor, buffer, sizeof buffer) != sizeof buffer) fail(file);
    }
}

// Waits for the disk most of the time: random pages of a file, `threads` processes at once.
static void seek(void) {
    for (long child = 1; child < threads; child++) {
        if (fork() == 0) {
            become_child();
            break;
        }
    }
    char buffer[page_size];
    int64_t end = now_us() + seconds * 1000000;
    int descriptor = open(file, O_RDONLY);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) fail(file);
    if (posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM) != 0) fail(file);
    while (now_us() < end) {
        off_t at = (off_t)(next_random() % (uint64_t)(status.st_size / page_size)) * page_size;
        if (pread(descriptor, buffer, sizeof buffer, at) < 0) fail(file);
    }
}

// A real shell at its prompt. Its input never comes, because this process holds the other end of it as well.
__attribute__((noreturn)) static void shell(void) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[0], 0) < 0) fail("pipe");
    execl("/bin/shell", "sh", "-c", "read -r line", (char *)NULL);
    fail("/bin/shell");
}

// Appends a line every `gap` milliseconds.
__attribute__((noreturn)) static void log_lines(void) {
    int descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (descriptor < 0) fail(file);
    for (;;) {
        dprintf(descriptor, "%lld a line as logs have them, of no more than usual length\n", (long long)now_us());
        usleep((useconds_t)gap * 1000);
    }
}

// The critical service. Every 10 ms it touches memory of its own and pages of a file, and then beats.
__attribute__((noreturn)) static void service(void) {
    int descriptor = open(heartbeat_path, O_RDWR);
    if (descriptor < 0) fail(heartbeat_path);
    struct heartbeat *heart =
        mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (heart == MAP_FAILED) fail("mmap");
    size_t size = (size_t)mib * mib_bytes, file_size;
    mib = 0;
    const char *pages = map_file(&file_size, PROT_READ);
    char *memory = anonymous(size);
    fill(memory, size);
    for (size_t at = 0; at < file_size; at += page_size) (void)*(volatile const char *)(pages + at);
    int64_t due = now_us();
    for (;;) {
        touch_random(memory, size, 64, 1);
        touch_random((volatile char *)pages, file_size, 16, 0);
        heart_beats(heart, now_us());
        due += heartbeat_period_us;
        // Beats that were missed are not made up for.
        if (due < now_us()) due = now_us();
        sleep_until_us(due);
    }
}

static long number(const char *word, const char *value) {
    char *end;
    errno = 0;
    long result = strtol(value, &end, 10);
    if (errno != 0 || *value == '\0' || *end != '\0' || result < 0 || result > 1000000) {
        fprintf(stderr, "workload: '%s': a number from 0 to 1000000 is needed\n", word);
        exit(64);
    }
    return result;
}

static void read_word(const char *word) {
    static const struct {
        const char *key;
        long *number;
        const char **text;
    } keys[] = {
        {"name", NULL, &name},   {"file", NULL, &file},       {"kind", NULL, &kind},
        {"mib", &mib, NULL},     {"rate", &rate, NULL},       {"count", &count, NULL},
        {"gap", &gap, NULL},     {"seconds", &seconds, NULL}, {"threads", &threads, NULL},
        {"own", &own, NULL},     {"child", NULL, &child_name},
        {"stop", &stop_at_end, NULL},
        {"ignore_term", &ignore_term, NULL},
        {"leader_exits", &leader_exits, NULL},
    };
    const char *equals = strchr(word, '=');
    size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    for (size_t index = 0; equals != NULL && index < sizeof keys / sizeof *keys; index++) {
        if (strlen(keys[index].key) != length || strncmp(keys[index].key, word, length) != 0) continue;
        if (keys[index].number != NULL) *keys[index].number = number(word, equals + 1);
        else *keys[index].text = equals + 1;
        return;
    }
    fprintf(stderr, "workload: no key '%.*s'\n", (int)length, word);
    exit(64);
}

int main(int words, char **word) {
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"leak", leak},     {"database", database},   {"thrash", thrash}, {"text", text},     {"swarm", swarm},
        {"tree", tree},     {"fork-bomb", fork_bomb}, {"churn", churn},   {"compile", compile}, {"stream", stream},
        {"seek", seek},     {"log", log_lines},       {"service", service}, {"shell", shell},  {"write", write_file},
        {"prefork", prefork}, {"saver", saver},       {"orphans", orphans}, {"runner", runner},
    };
    mode = words > 1 ? word[1] : "";
    for (int index = 2; index < words; index++) read_word(word[index]);
    if (name != NULL && prctl(PR_SET_NAME, name) != 0) fail("prctl");
    if (ignore_term && signal(SIGTERM, SIG_IGN) == SIG_ERR) fail("signal");
    for (size_t index = 0; index < sizeof modes / sizeof *modes; index++) {
        if (strcmp(mode, modes[index].name) != 0) continue;
        modes[index].run();
        return 0;
    }
    fprintf(stderr, "workload: no mode '%s'\n", mode);
    return 64;
}
