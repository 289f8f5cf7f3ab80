// Saving bytes as a file of a folder, by a helper: see FileSaver.swift.
#ifndef CLINUX_SAVE_H
#define CLINUX_SAVE_H

#define CLINUX_SAVE_PIECES 16
#define CLINUX_SAVE_NAME 128
#define CLINUX_SAVE_REMOVALS 8
// Hidden, so that no listing takes it for a whole file.
#define CLINUX_SAVE_PARTIAL ".partial"

struct clinux_save_piece {
    const void *start;
    size_t length;
};

// The helper reads it while it is busy; the caller changes it otherwise.
struct clinux_save_job {
    int folder;
    // 0 or an error number, once it is over.
    int result;
    int count;
    struct clinux_save_piece pieces[CLINUX_SAVE_PIECES];
    // Empty where nothing is saved, and files are only removed.
    char name[CLINUX_SAVE_NAME];
    // Files that are removed first, to make room.
    int removals;
    char old[CLINUX_SAVE_REMOVALS][CLINUX_SAVE_NAME];
};

static inline struct clinux_save_job *clinux_save_job_make(int folder) {
    struct clinux_save_job *job = (struct clinux_save_job *)calloc(1, sizeof *job);
    if (job) job->folder = folder;
    return job;
}

static inline void clinux_save_job_begin(struct clinux_save_job *job) {
    job->count = job->removals = 0;
    job->name[0] = 0;
}

static inline int clinux_save_job_add(struct clinux_save_job *job, const void *start, size_t length) {
    if (job->count == CLINUX_SAVE_PIECES) return -1;
    job->pieces[job->count].start = start;
    job->pieces[job->count].length = length;
    job->count += 1;
    return 0;
}

// Copies a name that fits; the caller made sure of that.
static inline void clinux_save_job_set(char *name, const void *bytes, size_t length) {
    memcpy(name, bytes, length);
    name[length] = 0;
}

static inline void clinux_save_job_name(struct clinux_save_job *job, const void *bytes, size_t length) {
    clinux_save_job_set(job->name, bytes, length);
}

static inline int clinux_save_job_remove(struct clinux_save_job *job, const void *bytes, size_t length) {
    if (job->removals == CLINUX_SAVE_REMOVALS) return -1;
    clinux_save_job_set(job->old[job->removals], bytes, length);
    job->removals += 1;
    return 0;
}

static inline int clinux_save_write(int file, const struct clinux_save_piece *piece) {
    size_t done = 0;
    while (done < piece->length) {
        ssize_t count = write(file, (const char *)piece->start + done, piece->length - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        done += (size_t)count;
    }
    return 0;
}

static inline void clinux_save_run(void *argument) {
    struct clinux_save_job *job = (struct clinux_save_job *)argument;
    int file, failed = 0;
    for (int index = 0; index < job->removals; index += 1) unlinkat(job->folder, job->old[index], 0);
    if (!job->name[0]) {
        job->result = 0;
        return;
    }
    file = openat(job->folder, CLINUX_SAVE_PARTIAL, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        job->result = errno;
        return;
    }
    for (int index = 0; index < job->count && !failed; index += 1) failed = clinux_save_write(file, &job->pieces[index]);
    if (failed) job->result = errno;
    if (close(file) != 0 && !failed) {
        job->result = errno;
        failed = 1;
    }
    if (!failed && renameat(job->folder, CLINUX_SAVE_PARTIAL, job->folder, job->name) == 0) {
        job->result = 0;
        return;
    }
    if (!failed) job->result = errno;
    unlinkat(job->folder, CLINUX_SAVE_PARTIAL, 0);
}

static inline void clinux_helper_save(struct clinux_helper *helper, struct clinux_save_job *job) {
    helper->function = clinux_save_run;
    helper->argument = job;
    clinux_helper_post(helper, clinux_helper_call);
}

#endif
