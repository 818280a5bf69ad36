import MusterCore
import MusterIdentity
import MusterWire
import Synchronization

/// Questions in flight: each gets exactly one outcome, by its deadline at the latest.
///
/// Answers are made on a small pool of threads. Lives on the loop's thread; nothing here waits.
final class QuestionDesk {
    static let runningMax = 4
    static let queuedMax = 32

    /// An answer as it comes back from its thread.
    struct Reply: Sendable {
        var ask: UInt64
        var outcome: Outcome
        var chunks: [WireAnswerChunk]
        var bytes: Int
        var signature: AnswerSignature?
    }

    /// What to send for a question.
    struct Ending {
        var question: QuestionID
        var outcome: Outcome
        var chunks: [WireAnswerChunk] = []
        var bytes = 0
        var signature: AnswerSignature?
    }

    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    private struct Open {
        var question: QuestionID
        var deadline: Duration
        var asked: Duration
        var cancelled: Flag
    }

    private let host: any ObservedHost
    private let mailbox: Mailbox<AgentMessage>
    private let key: TLSKey
    private let pool = WorkerPool(running: runningMax, queued: queuedMax)
    /// By a number of our own: a coordinator may use an id twice.
    private var open: [UInt64: Open] = [:]
    private var asks: UInt64 = 0
    /// Questions refused since the start because too many were in flight.
    private(set) var refused: UInt64 = 0

    /// `key` is the host's identity: it signs answers that may become evidence.
    init(host: any ObservedHost, mailbox: Mailbox<AgentMessage>, key: TLSKey) {
        self.host = host
        self.mailbox = mailbox
        self.key = key
    }

    var isEmpty: Bool { open.isEmpty }

    /// The earliest deadline; nil when nothing is in flight.
    var nextDeadline: Duration? { open.values.map(\.deadline).min() }

    /// Takes a question; returns its end when it can't be taken.
    func ask(_ question: Question, now: Duration) -> Ending? {
        asks += 1
        let ask = asks
        let flag = Flag()
        let taken = pool.submit { [host, mailbox, key] in
            guard !flag.isSet.load(ordering: .relaxed) else { return }
            var reply = Self.work(question, ask, host, flag)
            if question.isSealed { reply.seal(question.id, with: key) }
            mailbox.post(.answered(reply))
        }
        guard taken else {
            refused += 1
            return Ending(
                question: question.id,
                outcome: Outcome(
                    .refused,
                    reason:
                        "\(Self.runningMax) questions run and \(Self.queuedMax) wait on this host; ask again"
                )
            )
        }
        open[ask] = Open(
            question: question.id,
            deadline: now + question.budget.deadline,
            asked: now,
            cancelled: flag
        )
        return nil
    }

    /// An answer came back; nil when nobody waits for it any more.
    func answered(_ reply: Reply, now: Duration) -> Ending? {
        guard let asked = open.removeValue(forKey: reply.ask) else { return nil }
        var outcome = reply.outcome
        outcome.tookMilliseconds = Int((now - asked.asked).inMilliseconds)
        return Ending(
            question: asked.question,
            outcome: outcome,
            chunks: reply.chunks,
            bytes: reply.bytes,
            signature: reply.signature
        )
    }

    /// Ends what has passed its deadline.
    func overdue(_ now: Duration) -> [Ending] {
        open.filter { $0.value.deadline <= now }.map { ask, asked in
            end(ask, asked, Outcome(.timeout, reason: "the host did not finish within the deadline"), now)
        }
    }

    /// The asker no longer wants an answer.
    func cancel(_ question: QuestionID, now: Duration) -> [Ending] {
        open.filter { $0.value.question == question }.map { ask, asked in
            end(ask, asked, Outcome(.failed, reason: "cancelled by the asker"), now)
        }
    }

    /// Forgets everything: the connection that asked is gone.
    func forgetAll() {
        for asked in open.values { asked.cancelled.isSet.store(true, ordering: .relaxed) }
        open = [:]
    }

    /// Ends the threads.
    func stop() {
        forgetAll()
        pool.stop()
    }

    private func end(_ ask: UInt64, _ asked: Open, _ outcome: Outcome, _ now: Duration) -> Ending {
        open[ask] = nil
        asked.cancelled.isSet.store(true, ordering: .relaxed)
        var outcome = outcome
        outcome.tookMilliseconds = Int((now - asked.asked).inMilliseconds)
        return Ending(question: asked.question, outcome: outcome)
    }

    private static func work(
        _ question: Question,
        _ ask: UInt64,
        _ host: any ObservedHost,
        _ flag: Flag
    ) -> Reply {
        var (outcome, answer) = host.answer(question) { flag.isSet.load(ordering: .relaxed) }
        guard outcome.kind.hasAnswer, let answer else {
            return Reply(ask: ask, outcome: outcome, chunks: [], bytes: 0)
        }
        let chunker = AnswerChunker(answer, to: question.id, bytesMax: question.budget.bytesMax)
        if chunker.rowsDropped > 0 {
            outcome.kind = .partial
            outcome.rowsDropped += chunker.rowsDropped
            let reason = "\(chunker.rowsDropped) rows did not fit into \(question.budget.bytesMax) bytes"
            outcome.reason = outcome.reason.isEmpty ? reason : "\(outcome.reason); \(reason)"
        }
        return Reply(ask: ask, outcome: outcome, chunks: chunker.chunks, bytes: chunker.bytes)
    }
}

extension QuestionDesk.Reply {
    /// Makes the answer what may be kept as evidence; one that can't be signed goes as it is.
    fileprivate mutating func seal(_ question: QuestionID, with key: TLSKey) {
        guard !chunks.isEmpty,
            let sealed = try? SealedChunks(chunks, of: question, at: Moment.wall(), with: key)
        else { return }
        (chunks, signature) = (sealed.chunks, sealed.signature)
    }
}
