// What only the operator's tool calls, and the resident agent never does.
#ifndef SPILLWAY_CLINUX_TOOL_H
#define SPILLWAY_CLINUX_TOOL_H

// pipe2(2), close-on-exec; reading waits. Returns 0.
static inline int clinux_waiting_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

// Starts a program whose standard input and output are these descriptors, and whose standard error is dropped. Returns 0
// or an error number.
static inline int clinux_spawn_between(const char *program, char *const *words, int input, int output, pid_t *child) {
    posix_spawn_file_actions_t actions;
    int result = posix_spawn_file_actions_init(&actions);

    if (result != 0) return result;
    result = posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (result == 0) result = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (result == 0) result = clinux_spawn_by(program, words, &actions, child);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

// Seconds that local time is east of UTC at a moment, in seconds since 1970 (localtime_r(3)); 0 beyond the calendar.
static inline long clinux_local_offset(int64_t seconds) {
    time_t moment = (time_t)seconds;
    struct tm local;
    tzset();
    return localtime_r(&moment, &local) ? local.tm_gmtoff : 0;
}

#endif
