import MusterCore
import SwiftProtobuf

/// Cuts an answer into messages that fit into frames and into the asker's budget.
///
/// An answer that is small enough is one chunk. Otherwise the first chunk holds the totals and each later one
/// rows of one list; what people read first (templates, listening sockets) goes first, so that the budget
/// cuts off the least. Rows are never cut in half.
package struct AnswerChunker {
    /// Largest chunk in bytes; only a single row may be larger, up to what a frame holds.
    package static let chunkBytesMax = 256 << 10
    /// Largest single row in bytes; larger ones are dropped.
    package static let rowBytesMax = Frame.bytesMax - 4096

    /// The chunks in order; empty only when the budget had room for nothing.
    package private(set) var chunks: [WireAnswerChunk] = []
    /// Rows that did not fit into the budget or into a frame.
    package private(set) var rowsDropped = 0
    /// Bytes of all chunks together.
    package private(set) var bytes = 0
    private let question: String
    private var bytesLeft: Int

    /// Cuts an answer; all chunks together have at most `bytesMax` bytes.
    package init(_ answer: Answer, to question: QuestionID, bytesMax: Int) {
        self.question = question.description
        self.bytesLeft = bytesMax
        let whole = WireAnswerChunk.OneOf_Body(answer)
        let bytes = size(of: whole)
        if bytes <= Self.chunkBytesMax, bytes <= bytesLeft {
            emit(whole, bytes: bytes)
        } else {
            cut(whole)
        }
    }

    private mutating func cut(_ whole: WireAnswerChunk.OneOf_Body) {
        switch whole {
        case .logs(var totals):
            let (templates, lines) = (totals.templates, totals.lines)
            (totals.templates, totals.lines) = ([], [])
            emit(.logs(totals))
            slice(templates) { rows in .logs(.with { $0.templates = rows }) }
            // The newest lines matter most when not all fit.
            sliceNewest(lines) { rows in .logs(.with { $0.lines = rows }) }
        case .requests(var totals):
            let endpoints = totals.endpoints
            totals.endpoints = []
            emit(.requests(totals))
            slice(endpoints) { rows in .requests(.with { $0.endpoints = rows }) }
        case .metrics(let body):
            slice(body.series) { rows in .metrics(.with { $0.series = rows }) }
        case .anomalies(var totals):
            let anomalies = totals.anomalies
            totals.anomalies = []
            emit(.anomalies(totals))
            slice(anomalies) { rows in .anomalies(.with { $0.anomalies = rows }) }
        case .processes(let serialised):
            guard var totals = try? WireProcessesAnswer(serializedBytes: serialised) else { return }
            let processes = totals.processes
            totals.processes = []
            emit(.init(totals))
            slice(processes) { rows in .init(.with { $0.processes = rows }) }
        case .sockets(var totals):
            let (listening, peers) = (totals.listening, totals.peers)
            (totals.listening, totals.peers) = ([], [])
            emit(.sockets(totals))
            slice(listening) { rows in .sockets(.with { $0.listening = rows }) }
            slice(peers) { rows in .sockets(.with { $0.peers = rows }) }
        case .dependencies(let body):
            slice(body.checks) { rows in .dependencies(.with { $0.checks = rows }) }
        case .changes(let body):
            slice(body.changes) { rows in .changes(.with { $0.changes = rows }) }
        case .facts(let body):
            for (name, value) in body.facts.sorted(by: { $0.key < $1.key }) {
                emit(.facts(.with { $0.facts = [name: value] }))
            }
        case .sql, .dryRun: emit(whole)
        case .ledger(let body):
            slice(body.entries) { rows in .ledger(.with { $0.entries = rows }) }
        }
    }

    /// Emits rows in order, as many to a chunk as fit.
    private mutating func slice<Row: Message>(
        _ rows: [Row],
        body: ([Row]) -> WireAnswerChunk.OneOf_Body
    ) {
        var held: [Row] = []
        var heldBytes = 0
        for row in rows {
            // Tag and length of the row in its list: at most 6 bytes.
            let bytes = size(of: row) + 6
            if heldBytes + bytes > min(Self.chunkBytesMax, bytesLeft), !held.isEmpty {
                emit(body(held), rows: held.count)
                held = []
                heldBytes = 0
            }
            held.append(row)
            heldBytes += bytes
        }
        if !held.isEmpty { emit(body(held), rows: held.count) }
    }

    /// Drops the oldest rows that the budget has no room for, then emits the rest in order.
    private mutating func sliceNewest<Row: Message>(
        _ rows: [Row],
        body: ([Row]) -> WireAnswerChunk.OneOf_Body
    ) {
        // Each chunk costs at most 64 bytes beside its rows.
        var room = bytesLeft - 64 * (2 * bytesLeft / Self.chunkBytesMax + 2)
        var first = rows.endIndex
        while first > rows.startIndex {
            room -= size(of: rows[first - 1]) + 6
            if room < 0 { break }
            first -= 1
        }
        rowsDropped += first
        slice(Array(rows[first...]), body: body)
    }

    private mutating func emit(_ body: WireAnswerChunk.OneOf_Body, rows: Int = 1) {
        emit(body, bytes: size(of: body), rows: rows)
    }

    private mutating func emit(_ body: WireAnswerChunk.OneOf_Body, bytes: Int, rows: Int = 1) {
        guard bytes <= bytesLeft, bytes <= Self.rowBytesMax else {
            rowsDropped += rows
            return
        }
        bytesLeft -= bytes
        self.bytes += bytes
        chunks.append(
            .with {
                $0.questionID = question
                $0.index = UInt32(chunks.count)
                $0.body = body
            }
        )
    }

    /// The size of a chunk with this body.
    private func size(of body: WireAnswerChunk.OneOf_Body) -> Int {
        size(
            of: WireAnswerChunk.with {
                $0.questionID = question
                $0.index = UInt32(chunks.count)
                $0.body = body
            }
        )
    }

    /// The size of a message; one that can't be serialised counts as too large for any frame.
    private func size(of message: some Message) -> Int {
        guard let bytes: [UInt8] = try? message.serializedBytes() else { return Int(Int32.max) }
        return bytes.count
    }
}
