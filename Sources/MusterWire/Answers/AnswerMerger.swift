import MusterCore

/// Puts the chunks of one answer together again.
///
/// Chunks must come in order; the number of chunks is bounded by the budget that was given to the host, so a
/// host can't make it hold more than it was asked for.
package struct AnswerMerger: Sendable {
    /// What has come so far; nil before the first chunk.
    package private(set) var answer: Answer?
    /// Chunks taken.
    package private(set) var chunks = 0
    private let chunksMax: Int

    /// A merger for an answer of at most `bytesMax` bytes.
    package init(bytesMax: Int = QuestionBudget().bytesMax) {
        // Two neighbouring chunks of a list are together larger than one may be.
        self.chunksMax = 2 * (max(0, bytesMax) / AnswerChunker.chunkBytesMax) + 260
    }

    /// Takes the next chunk.
    package mutating func add(_ chunk: WireAnswerChunk) throws(WireError) {
        guard Int(chunk.index) == chunks else {
            throw WireError(.sequence, "expected chunk \(chunks) of the answer, got \(chunk.index)")
        }
        try Fields.check(chunks + 1, max: chunksMax, "the answer's chunks")
        let part = try Answer(chunk.body)
        if answer == nil {
            answer = part
        } else {
            try answer?.append(part)
        }
        chunks += 1
    }
}

extension Answer {
    /// Adds the rows and totals of another part of the same answer.
    ///
    /// Throws when it answers another kind of question.
    mutating func append(_ part: Answer) throws(WireError) {
        switch (consume self, part) {
        case (.logs(var value), .logs(let part)):
            value.lines += part.lines
            value.templates += part.templates
            value.matched += part.matched
            value.scanned += part.scanned
            value.summary.merge(part.summary)
            self = .logs(value)
        case (.requests(var value), .requests(let part)):
            value.endpoints += part.endpoints
            value.unparsed += part.unparsed
            self = .requests(value)
        case (.metrics(var value), .metrics(let part)):
            value.series += part.series
            self = .metrics(value)
        case (.anomalies(var value), .anomalies(let part)):
            value.anomalies += part.anomalies
            value.watched += part.watched
            value.learning += part.learning
            self = .anomalies(value)
        case (.processes(var value), .processes(let part)):
            value.processes += part.processes
            value.total += part.total
            self = .processes(value)
        case (.sockets(var value), .sockets(let part)):
            value.listening += part.listening
            value.peers += part.peers
            value.states.merge(part.states) { $0 + $1 }
            self = .sockets(value)
        case (.dependencies(var value), .dependencies(let part)):
            value.checks += part.checks
            self = .dependencies(value)
        case (.changes(var value), .changes(let part)):
            value.changes += part.changes
            self = .changes(value)
        case (.facts(var value), .facts(let part)):
            value.facts.merge(part.facts) { _, later in later }
            self = .facts(value)
        case (.ledger(var value), .ledger(let part)):
            value.entries += part.entries
            self = .ledger(value)
        case (let value, _):
            self = value
            throw WireError(.malformed, "a chunk answers another kind of question than the one before it")
        }
    }
}
