// Calls of Linux and glibc that Swift's Glibc module leaves out.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
// The kernel has a type of its own with a field of that name, which must keep it.
#include <linux/posix_types.h>
// Swift's Glibc is made without _GNU_SOURCE and knows this field of fd_set by its other name; two definitions
// of one type are an error.
#define fds_bits __fds_bits
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "scan_bytes.h"
#include "spawn_isolated.h"

// A macro too entangled for Swift's importer.
static const int muster_o_tmpfile = O_TMPFILE;

// How many files a process may have open; -1 when there is no limit or it can't be known. The types of glibc's own
// prlimit are Swift's Glibc's already, in another form.
static inline long muster_files_max(int pid) {
    unsigned long long limit[2];
    const int files = 7;  // RLIMIT_NOFILE
    if (syscall(SYS_prlimit64, pid, files, (void *)0, limit) != 0) return -1;
    return limit[0] > 0x7FFFFFFF ? -1 : (long)limit[0];
}
