import Glibc

/// The CPU time that the calling thread has used.
enum ThreadTime {
    /// In seconds; only differences mean anything.
    static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
