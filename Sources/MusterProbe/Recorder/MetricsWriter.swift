import Glibc

/// Hands blocks to the disk on a thread of its own, so that a disk that hangs holds up nobody else.
///
/// What waits is bounded; past the bound new blocks are not stored, and counted. The thread ends with this object,
/// after what it is doing.
final class MetricsWriter: Sendable {
    /// Bytes that wait at most.
    private static let waitingBytesMax = 1 << 20

    let store: MetricsStore
    private let queue = Queue()

    /// Starts the thread; throws when the system gives none.
    init(_ store: MetricsStore) throws(ProbeError) {
        self.store = store
        let queue = queue
        let started = DetachedThread.start {
            while let output = queue.next() {
                switch output {
                case .tail(let resolution, let block): store.append(tail: block, resolution)
                case .closed(let resolution, let block): store.append(block, resolution)
                case .frozen(let window): store.freeze(window)
                }
                queue.finished()
            }
        }
        guard started else { throw ProbeError(.unavailable, "the system gives no thread for the recorder") }
    }

    deinit { queue.stop() }

    /// Blocks that found no room since the start.
    var dropped: Int { queue.dropped }

    func write(_ outputs: [MetricsHistory.Output]) {
        for output in outputs { queue.add(output, bytesMax: Self.waitingBytesMax) }
    }

    /// Waits until everything that was handed over before is written.
    func finish() { queue.waitUntilEmpty() }

    /// `@unchecked Sendable`: the lock and the condition are made for use by several threads, and everything else is
    /// touched only while the lock is held.
    private final class Queue: @unchecked Sendable {
        private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        private var waiting: [MetricsHistory.Output] = []
        private var waitingBytes = 0
        private var isBusy = false
        private var isStopped = false
        private var droppedCount = 0

        init() {
            pthread_mutex_init(lock, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            pthread_cond_destroy(changed)
            pthread_mutex_destroy(lock)
            changed.deallocate()
            lock.deallocate()
        }

        private func locked<Value>(_ work: () -> Value) -> Value {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return work()
        }

        var dropped: Int { locked { droppedCount } }

        func add(_ output: MetricsHistory.Output, bytesMax: Int) {
            locked {
                guard waitingBytes + output.bytes <= bytesMax else {
                    droppedCount += 1
                    return
                }
                waiting.append(output)
                waitingBytes += output.bytes
                pthread_cond_broadcast(changed)
            }
        }

        /// Waits for the next; nil at the end.
        func next() -> MetricsHistory.Output? {
            locked {
                while waiting.isEmpty, !isStopped { pthread_cond_wait(changed, lock) }
                guard !waiting.isEmpty else { return nil }
                let output = waiting.removeFirst()
                waitingBytes -= output.bytes
                isBusy = true
                return output
            }
        }

        func finished() {
            locked {
                isBusy = false
                if waiting.isEmpty { pthread_cond_broadcast(changed) }
            }
        }

        func waitUntilEmpty() {
            locked {
                while !waiting.isEmpty || isBusy { pthread_cond_wait(changed, lock) }
            }
        }

        func stop() {
            locked {
                isStopped = true
                pthread_cond_broadcast(changed)
            }
        }
    }
}

extension MetricsHistory.Output {
    fileprivate var bytes: Int {
        switch self {
        case .tail(_, let block), .closed(_, let block): block.body.count
        case .frozen: 64
        }
    }
}
