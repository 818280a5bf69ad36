import MusterIdentity
import NIOCore
import Synchronization

/// Two connections with one identity: the older is challenged, and the newer waits for what comes of it.
///
/// If the older one answers, both are alive and the identity was copied. If it ends or says nothing in time, it was
/// half-open, as after a network that went away, and the newer takes its place. Settled once, from any thread.
final class Contest: Sendable {
    enum Result: Sendable {
        /// The older connection is dead.
        case halfOpen
        /// Both are alive.
        case cloned
    }

    /// What the older agent has to send back.
    let nonce = SecureRandom.bytes(16)
    private let promise: EventLoopPromise<Result>
    private let isSettled = Atomic(false)

    /// Settles itself as half-open after the time given.
    init(on loop: any EventLoop, within limit: TimeAmount) {
        promise = loop.makePromise()
        loop.scheduleTask(in: limit) { self.settle(.halfOpen) }
    }

    /// Comes on the newer connection's loop.
    var result: EventLoopFuture<Result> { promise.futureResult }

    func settle(_ result: Result) {
        guard isSettled.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        promise.succeed(result)
    }
}
