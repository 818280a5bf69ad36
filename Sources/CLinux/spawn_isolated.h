// Starts a program with nothing of ours but its arguments: posix_spawn can't change the user.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct muster_spawn_options {
    // Both outputs of the program.
    int output;
    // Of a control group's cgroup.procs, or -1.
    int group;
    // Its folder, entered as the user that it runs as.
    const char *_Nonnull folder;
    int change_user;
    uid_t uid;
    gid_t gid;
    const gid_t *_Nullable groups;
    int group_count;
};

// Only calls that are safe between fork and exec in a process with threads.
static inline void muster_spawn_child(const char *path, char *const argv[], char *const envp[],
                                      const struct muster_spawn_options *options, int status) {
    struct sigaction plain = {0};
    sigset_t none;
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // Without it the program still runs, only less is certain to end with it.
    if (options->group >= 0 && write(options->group, "0", 1) < 0) errno = 0;
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0 && setsid() >= 0 && dup2(nothing, 0) >= 0 && dup2(options->output, 1) >= 0 &&
        dup2(options->output, 2) >= 0 && dup2(status, 3) >= 0 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0 &&
        close_range(4, ~0U, 0) == 0) {
        status = 3;
        umask(022);
        if ((!options->change_user ||
             (setgroups((size_t)options->group_count, options->groups) == 0 && setgid(options->gid) == 0 &&
              setuid(options->uid) == 0)) &&
            chdir(options->folder) == 0)
            execve(path, argv, envp);
    }
    int reason = errno;
    ssize_t ignored = write(status, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
}

// Returns 0 and the process id, or the errno of what failed; then nothing runs.
static inline int muster_spawn(pid_t *_Nonnull pid, const char *_Nullable path,
                               char *_Nullable const *_Nonnull argv, char *_Nullable const *_Nonnull envp,
                               const struct muster_spawn_options *_Nonnull options) {
    int status[2];
    if (path == NULL) return EINVAL;
    if (pipe2(status, O_CLOEXEC) != 0) return errno;
    // dup2 onto 3 must not close what it still needs.
    int output = fcntl(options->output, F_DUPFD_CLOEXEC, 10);
    int report = fcntl(status[1], F_DUPFD_CLOEXEC, 10);
    close(status[1]);
    if (output < 0 || report < 0) {
        int reason = errno;
        if (output >= 0) close(output);
        if (report >= 0) close(report);
        close(status[0]);
        return reason;
    }
    struct muster_spawn_options moved = *options;
    moved.output = output;
    // Signals stay blocked until the child has dropped our handlers.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) muster_spawn_child(path, argv, envp, &moved, report);
    int reason = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(output);
    close(report);
    if (child > 0) {
        ssize_t count;
        do count = read(status[0], &reason, sizeof reason);
        while (count < 0 && errno == EINTR);
        if (count != sizeof reason) reason = 0;
        if (reason != 0) while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        *pid = child;
    }
    close(status[0]);
    return reason;
}
