// Runs one scenario inside a guest: starts the actors at their times, watches, and reports on a serial line.
//
// usage: referee PLAN REPORT
//
// PLAN has one instruction a line, its fields separated by tabs:
//   settle MS | duration MS | quiet MS          how long before the scene, at most in it, and without trouble to end it
//   agent CGROUP                                whose processor time is told
//   flights FOLDER                              where the agent saves its flights; the newest is told
//   actor NAME ROLE START UID ADJ RESTART CGROUP PATH [ARGUMENT]...
// CGROUP is - where PATH sees to that itself.
// ROLE is agent, critical, innocent or culprit. START is in ms of the scene; below 0, that long before it begins.
//
// REPORT gets one event a line, its first word the kind; `arena/report.py` reads them.
//
// Two threads, so that one always gets on: the watcher holds all it needs from the start and runs before everything
// else; the launcher forks, which may have to wait for memory.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "heartbeat.h"

enum { most_actors = 64, most_words = 32, sample_us = 100000, restart_us = 1000000, probe_limit_us = 10000000,
       stop_limit_us = 10000000 };

struct actor {
    char *name, *role, *cgroup, *path, *words[most_words];
    long start_ms, uid, adjustment, restart;
    pid_t pid;
    int64_t start_again_us;
    int started;
};

static struct actor actors[most_actors];
static size_t actor_count;
static long settle_ms, duration_ms, quiet_ms;
static char agent_cgroup[256], flights[256];

static int report = -1;
static struct heartbeat *heart;
// When the scene began, and before that, when it should.
static int64_t scene_us, curtain_us;
static _Atomic int culprits_left = 1, scene_over;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dprintf(report >= 0 ? report : 2, "failed %s: %s\n", text, strerror(errno));
    sleep(1);
    if (getpid() == 1) reboot(RB_AUTOBOOT);
    exit(1);
}

// One line at a time, whichever thread it comes from.
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static char line[16 << 10];
    pthread_mutex_lock(&mutex);
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof line - 1) size = sizeof line - 2;
    line[size++] = '\n';
    for (int done = 0; done < size;) {
        ssize_t part = write(report, line + done, (size_t)(size - done));
        if (part < 0 && errno != EINTR) break;
        if (part > 0) done += (int)part;
    }
    pthread_mutex_unlock(&mutex);
}

static long scene_ms(int64_t moment) { return (long)((moment - scene_us) / 1000); }

static void put(const char *path, const char *text) {
    int descriptor = open(path, O_WRONLY | O_CREAT, 0644);
    if (descriptor < 0 || write(descriptor, text, strlen(text)) < 0) fail("%s", path);
    close(descriptor);
}

// MARK: the plan

static long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0') fail("the plan has '%s' for a number", text);
    return value;
}

static void read_actor(char **field, int count) {
    if (actor_count == most_actors || count < 8 || count - 7 >= most_words) fail("the plan has too much, or too little");
    struct actor *actor = &actors[actor_count++];
    *actor = (struct actor){
        .name = field[0], .role = field[1], .start_ms = number(field[2]), .uid = number(field[3]),
        .adjustment = number(field[4]), .restart = number(field[5]), .cgroup = field[6], .path = field[7],
    };
    for (int index = 7; index < count; index++) actor->words[index - 7] = field[index];
}

static void read_plan(const char *path) {
    static char text[64 << 10];
    FILE *stream = fopen(path, "r");
    if (stream == NULL) fail("%s", path);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *field[most_words + 8];
        int count = 0;
        for (char *part; count < most_words + 8 && (part = strsep(&line, "\t")) != NULL;) field[count++] = part;
        if (count < 2) continue;
        if (strcmp(field[0], "settle") == 0) settle_ms = number(field[1]);
        else if (strcmp(field[0], "duration") == 0) duration_ms = number(field[1]);
        else if (strcmp(field[0], "quiet") == 0) quiet_ms = number(field[1]);
        else if (strcmp(field[0], "agent") == 0) snprintf(agent_cgroup, sizeof agent_cgroup, "%s", field[1]);
        else if (strcmp(field[0], "flights") == 0) snprintf(flights, sizeof flights, "%s", field[1]);
        else if (strcmp(field[0], "actor") == 0) read_actor(field + 1, count - 1);
        else fail("the plan has a line '%s'", field[0]);
    }
}

// MARK: actors

static void become(const struct actor *actor) {
    char path[512], text[32];
    snprintf(path, sizeof path, "/run/log/%s", actor->name);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666), null = open("/dev/null", O_RDONLY);
    if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(126);
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cgroup.procs", actor->cgroup);
    if (strcmp(actor->cgroup, "-") != 0) put(path, "0");
    snprintf(text, sizeof text, "%ld", actor->adjustment);
    put("/proc/self/oom_score_adj", text);
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &unlimited) != 0) fail("setrlimit");
    if (setsid() < 0) fail("setsid");
    if (actor->uid != 0 && (setgid((gid_t)actor->uid) != 0 || setuid((uid_t)actor->uid) != 0)) fail("setuid");
    execv(actor->path, actor->words);
    dprintf(2, "%s: %s\n", actor->path, strerror(errno));
    _exit(127);
}

static void start(struct actor *actor) {
    pid_t pid = fork();
    if (pid == 0) become(actor);
    if (pid < 0) {
        tell("unstarted %ld %s %s", scene_ms(now_us()), actor->name, strerror(errno));
        actor->start_again_us = now_us() + restart_us;
        return;
    }
    actor->pid = pid;
    actor->started = 1;
    actor->start_again_us = 0;
    tell("started %ld %s %d %s", scene_ms(now_us()), actor->name, pid, actor->role);
}

static void ended(struct actor *actor, int status) {
    int64_t now = now_us();
    tell("ended %ld %s %d %s %d", scene_ms(now), actor->name, actor->pid, WIFSIGNALED(status) ? "signal" : "exit",
         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    actor->pid = 0;
    if (actor->restart) actor->start_again_us = now + restart_us;
}

static void reap(void) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t index = 0; index < actor_count; index++) {
            if (actors[index].pid == pid) ended(&actors[index], status);
        }
    }
}

static void start_what_is_due(int64_t now) {
    int left = 0, any = 0;
    for (size_t index = 0; index < actor_count; index++) {
        struct actor *actor = &actors[index];
        int due = now >= curtain_us + actor->start_ms * 1000;
        if (actor->pid == 0 && !actor->started && due && now >= actor->start_again_us) start(actor);
        if (actor->pid == 0 && actor->start_again_us != 0 && now >= actor->start_again_us) start(actor);
        if (strcmp(actor->role, "culprit") != 0) continue;
        any = 1;
        if (actor->pid != 0 || !actor->started) left = 1;
    }
    // Where there is none, nothing is ever over before its time.
    culprits_left = left || !any;
}

static void launch_until(int64_t moment) {
    for (int64_t now; !scene_over && (now = now_us()) < moment;) {
        reap();
        start_what_is_due(now);
        sleep_until_us(now + 10000);
    }
}

// MARK: watching

static int meminfo, vmstat, pressure, trace_pipe;

// The value that follows `key` in a file that was read into `text`; 0 where the kernel has none.
static unsigned long long value_of(const char *text, const char *key) {
    for (const char *at = text; (at = strstr(at, key)) != NULL; at++) {
        if (at != text && !isspace((unsigned char)at[-1])) continue;
        return strtoull(at + strlen(key), NULL, 10);
    }
    return 0;
}

static const char *reread(int descriptor) {
    static char text[32 << 10];
    ssize_t size = pread(descriptor, text, sizeof text - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    return text;
}

// Whatever signals were sent since the last look, as the tracer tells them, whoever sent them.
static void pass_on_signals(void) {
    static char text[8192], line[512];
    static size_t used;
    ssize_t size;
    while ((size = read(trace_pipe, text, sizeof text)) > 0) {
        for (ssize_t index = 0; index < size; index++) {
            if (text[index] != '\n' && used < sizeof line - 1) {
                line[used++] = text[index];
                continue;
            }
            line[used] = '\0';
            used = 0;
            if (strstr(line, "signal_generate") != NULL) tell("signal %lld %s", (long long)scene_us, line);
        }
    }
}

// Tells one sample; whether the machine is in trouble.
static int sample(int64_t due, unsigned long long *full_before) {
    int64_t now = now_us();
    const char *text = reread(meminfo);
    unsigned long long total = value_of(text, "MemTotal:"), available = value_of(text, "MemAvailable:");
    unsigned long long unused = value_of(text, "MemFree:"), swap = value_of(text, "SwapFree:");
    unsigned long long anonymous = value_of(text, "AnonPages:");
    text = reread(pressure);
    const char *full_line = strstr(text, "full");
    unsigned long long some = value_of(text, "total="), full = full_line ? value_of(full_line, "total=") : 0;
    text = reread(vmstat);
    int64_t last = heart->last_us, longest = heart->longest_us, waiting = last == 0 ? 0 : now - last;
    heart->longest_us = 0;
    if (waiting > longest) longest = waiting;
    int trouble = available * 20 < total || full - *full_before > sample_us / 5 || longest > 100000;
    *full_before = full;
    tell("sample %ld %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %lld %lld %lld %d", scene_ms(now), available, unused,
         anonymous, swap, some, full, value_of(text, "oom_kill "), value_of(text, "pgscan_direct "),
         value_of(text, "workingset_restore_file "), value_of(text, "pgmajfault "),
         (long long)(heart->lost_us + heartbeat_lateness(last, now)), (long long)longest, (long long)(now - due), trouble);
    return trouble;
}

static void *watch(void *unused) {
    int64_t due = now_us(), calm_since = scene_us;
    unsigned long long full_before = 0;
    for (int64_t end = scene_us + duration_ms * 1000; due < end; due += sample_us) {
        sleep_until_us(due);
        pass_on_signals();
        int trouble = sample(due, &full_before);
        int64_t now = now_us();
        if (trouble || culprits_left) calm_since = now;
        if (now - calm_since >= quiet_ms * 1000) break;
        // After a standstill go on from here.
        if (due + sample_us < now) due = now - sample_us;
    }
    pass_on_signals();
    scene_over = 1;
    return unused;
}

static int open_to_read(const char *path, int flags) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (descriptor < 0) fail("%s", path);
    return descriptor;
}

static void prepare_to_watch(void) {
    put("/sys/kernel/tracing/trace_clock", "mono");
    put("/sys/kernel/tracing/buffer_size_kb", "256");
    put("/sys/kernel/tracing/events/signal/signal_generate/filter", "sig == 9 || sig == 15");
    put("/sys/kernel/tracing/events/signal/signal_generate/enable", "1");
    trace_pipe = open_to_read("/sys/kernel/tracing/trace_pipe", O_NONBLOCK);
    meminfo = open_to_read("/proc/meminfo", 0);
    vmstat = open_to_read("/proc/vmstat", 0);
    pressure = open_to_read("/proc/pressure/memory", 0);

    int descriptor = open(heartbeat_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0 || fchmod(descriptor, 0666) != 0 || ftruncate(descriptor, 4096) != 0) fail("%s", heartbeat_path);
    heart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (heart == MAP_FAILED) fail("mmap");

    put("/proc/self/oom_score_adj", "-1000");
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) fail("mlockall");
}

static void start_watcher(pthread_t *watcher) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &(struct sched_param){.sched_priority = 50});
    errno = pthread_create(watcher, &attributes, watch, NULL);
    if (errno != 0) fail("pthread_create");
}

// MARK: the end

// Whether a program can still be started, as somebody who logs in would.
static void probe(void) {
    int64_t begun = now_us();
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/busybox", "true", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (pid > 0 && now_us() - begun < probe_limit_us && waitpid(pid, &status, WNOHANG) == 0) usleep(1000);
    tell("probe %lld %d", (long long)(now_us() - begun) / 1000, pid > 0 && status == 0);
}

static unsigned long long agent_cpu_us(void) {
    if (agent_cgroup[0] == '\0') return 0;
    char path[512], text[1024];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.stat", agent_cgroup);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("%s", path);
    ssize_t size = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    text[size < 0 ? 0 : size] = '\0';
    return value_of(text, "usage_usec ");
}

static void tell_log(const char *name) {
    static char line[15 << 10];
    char path[512];
    snprintf(path, sizeof path, "/run/log/%s", name);
    FILE *stream = fopen(path, "r");
    if (stream == NULL) return;
    for (int lines = 0; lines < 400 && fgets(line, sizeof line, stream) != NULL; lines++) {
        line[strcspn(line, "\n")] = '\0';
        tell("log %s %s", name, line);
    }
    fclose(stream);
}

// Stops the agent as a service manager would, so that it saves what it saw up to here. No scene is left to disturb.
static void stop_agent(void) {
    for (size_t index = 0; index < actor_count; index++) {
        pid_t pid = actors[index].pid;
        if (pid == 0 || strcmp(actors[index].role, "agent") != 0 || kill(pid, SIGTERM) != 0) continue;
        int64_t begun = now_us();
        while (now_us() - begun < stop_limit_us && waitpid(pid, NULL, WNOHANG) == 0) usleep(1000);
    }
}

// The path of the flight of a folder that was written last; empty if there is none.
static void find_newest(const char *folder, char *newest, size_t size) {
    DIR *stream = opendir(folder);
    newest[0] = '\0';
    if (stream == NULL) return;
    struct timespec last = {0};
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        const char *suffix = strrchr(entry->d_name, '.');
        char path[512];
        struct stat status;
        snprintf(path, sizeof path, "%.200s/%s", folder, entry->d_name);
        // What is being saved has another suffix.
        if (suffix == NULL || strcmp(suffix, ".flight") != 0 || stat(path, &status) != 0) continue;
        struct timespec changed = status.st_mtim;
        if (changed.tv_sec < last.tv_sec || (changed.tv_sec == last.tv_sec && changed.tv_nsec < last.tv_nsec)) continue;
        last = changed;
        snprintf(newest, size, "%s", path);
    }
    closedir(stream);
}

// The newest flight in hexadecimal digits, since the report is text.
static void tell_flight(void) {
    char path[512];
    find_newest(flights, path, sizeof path);
    FILE *stream = fopen(path, "r");
    if (stream == NULL) return;
    unsigned char bytes[4096];
    static char digits[2 * sizeof bytes + 1];
    for (size_t count; (count = fread(bytes, 1, sizeof bytes, stream)) > 0;) {
        for (size_t index = 0; index < count; index++) sprintf(digits + 2 * index, "%02x", bytes[index]);
        tell("flight %s", digits);
    }
    fclose(stream);
}

int main(int words, char **word) {
    if (words != 3) {
        fprintf(stderr, "usage: referee PLAN REPORT\n");
        return 64;
    }
    report = open(word[2], O_WRONLY | O_NOCTTY | O_CLOEXEC);
    struct termios terminal;
    if (report < 0 || tcgetattr(report, &terminal) != 0) fail("%s", word[2]);
    cfmakeraw(&terminal);
    cfsetspeed(&terminal, B115200);
    if (tcsetattr(report, TCSANOW, &terminal) != 0) fail("%s", word[2]);
    // Where systemd is process 1, orphans come here all the same.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");

    read_plan(word[1]);
    prepare_to_watch();
    curtain_us = now_us() + settle_ms * 1000;
    launch_until(curtain_us);
    int64_t patience = now_us() + 60000000;
    while (heart->last_us == 0 && now_us() < patience) {
        curtain_us = now_us() + 500000;
        launch_until(now_us() + 100000);
    }
    if (heart->last_us == 0) fail("the critical service has not begun to work");

    unsigned long long agent_before = agent_cpu_us();
    heart->lost_us = heart->longest_us = 0;
    scene_us = curtain_us = now_us();
    tell("scene %s", value_of(reread(meminfo), "SwapTotal:") != 0 ? "swap" : "no-swap");
    tell("sizes %llu %llu", value_of(reread(meminfo), "MemTotal:"), value_of(reread(meminfo), "SwapTotal:"));
    pthread_t watcher;
    start_watcher(&watcher);
    launch_until(scene_us + duration_ms * 1000 + 1000000);
    pthread_join(watcher, NULL);
    reap();
    put("/sys/kernel/tracing/tracing_on", "0");

    tell("agent %llu", agent_cpu_us() - agent_before);
    for (size_t index = 0; index < actor_count; index++) {
        if (actors[index].pid != 0) tell("alive %s %d", actors[index].name, actors[index].pid);
    }
    probe();
    for (size_t index = 0; index < actor_count; index++) tell_log(actors[index].name);
    tell_log("record");
    if (flights[0] != '\0') {
        stop_agent();
        tell_flight();
    }
    tell("end");
    tcdrain(report);
    reboot(RB_AUTOBOOT);
    return 0;
}
