import Glibc
import Synchronization

/// A few threads that answer questions, with a short queue before them.
///
/// Threads start when they are needed. What does not fit is not taken: the caller says so to whoever asked.
///
/// `@unchecked Sendable`: `condition` and `lock` are made for use by several threads, and all other state is
/// touched only while `lock` is held.
final class WorkerPool: @unchecked Sendable {
    private let running: Int
    private let queued: Int
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [@Sendable () -> Void] = []
    private var threads: [AgentThread] = []
    private var busy = 0
    private var isStopped = false

    /// At most `running` jobs at a time, and `queued` that wait.
    init(running: Int, queued: Int) {
        self.running = running
        self.queued = queued
        lock = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    /// Takes a job; false when there is no room for it.
    func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !isStopped, jobs.count < queued + max(0, running - busy) else { return false }
        if busy + jobs.count >= threads.count, threads.count < running {
            guard let thread = try? AgentThread("question", { self.work() }) else { return false }
            threads.append(thread)
        }
        jobs.append(job)
        pthread_cond_signal(condition)
        return true
    }

    /// Forgets what waits and ends the threads after what they are doing.
    func stop() {
        pthread_mutex_lock(lock)
        isStopped = true
        jobs = []
        let ended = threads
        threads = []
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(lock)
        for thread in ended { thread.join() }
    }

    private func work() {
        while let job = next() {
            job()
            pthread_mutex_lock(lock)
            busy -= 1
            pthread_mutex_unlock(lock)
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while jobs.isEmpty, !isStopped { pthread_cond_wait(condition, lock) }
        guard !isStopped else { return nil }
        busy += 1
        return jobs.removeFirst()
    }
}
