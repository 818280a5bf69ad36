import FoundationEssentials
import GRDB
import MusterCause
import MusterCore
import MusterIncident
import Synchronization

/// What was learned from closed incidents: on disk first, then here for every new incident.
package final class KnowledgeDesk: Sendable {
    private let database: any DatabaseWriter
    private let book: Mutex<KnowledgeBook>

    /// Reads what is known, from a database that ``migrate(_:)`` was applied to.
    package init(database: any DatabaseWriter, policy: KnowledgePolicy = KnowledgePolicy()) throws(StoreError)
    {
        self.database = database
        do {
            let items = try database.read { db in
                try Row.fetchAll(db, sql: "SELECT body FROM knowledge").map { row in
                    try JSONDecoder().decode(KnowledgeItem.self, from: Data((row["body"] as Blob).bytes))
                }
            }
            book = Mutex(KnowledgeBook(items, policy: policy))
        } catch {
            throw StoreError("read the knowledge of past incidents", cause: error)
        }
    }

    /// Registers the tables; call it before the database is opened for work.
    ///
    /// An incident stands in `knowledge_case` once it was learned from, also when what it taught was forgotten since.
    package static func migrate(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("knowledge-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE knowledge (
                        id TEXT NOT NULL PRIMARY KEY,
                        last_ns INTEGER NOT NULL,
                        body BLOB NOT NULL
                    ) STRICT;
                    CREATE TABLE knowledge_case (
                        incident TEXT NOT NULL PRIMARY KEY,
                        learned_ns INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """
            )
        }
    }

    // MARK: Looking

    /// What past incidents like this one turned out to be; nil when nothing is known at all.
    func recall(_ signature: IncidentSignature, at now: Timestamp) -> Recollection? {
        let known = book.withLock { $0 }
        return known.isEmpty ? nil : known.recall(signature, at: now)
    }

    /// Seen last first.
    package var all: [KnowledgeItem] { book.withLock { $0 }.all }

    /// One piece of knowledge.
    ///
    /// - Throws: `notFound`.
    package func item(_ id: KnowledgeID) throws(OperationError) -> KnowledgeItem {
        guard let item = book.withLock({ $0[id] }) else { throw Self.missing(id) }
        return item
    }

    /// The incidents that were learned from.
    func learned() async throws(StoreError) -> Set<IncidentID> {
        do {
            let texts = try await database.read { db in
                try String.fetchAll(db, sql: "SELECT incident FROM knowledge_case")
            }
            return Set(texts.compactMap(IncidentID.init))
        } catch {
            throw StoreError("read which incidents were learned from", cause: error)
        }
    }

    // MARK: Changing

    /// Learns from a closed incident, once; nothing when it teaches nothing.
    func learn(_ incident: Incident, at now: Timestamp) async throws(OperationError) {
        guard let lesson = incident.lesson else { return }
        try await change { book, db in
            try db.execute(
                sql: "INSERT OR IGNORE INTO knowledge_case VALUES (?, ?)",
                arguments: [lesson.incident.description, now.nanoseconds]
            )
            guard db.changesCount == 1 else { return KnowledgeBook.Change() }
            return book.learn(lesson, at: now)
        }
    }

    /// Changes a piece of knowledge by hand.
    ///
    /// - Throws: `malformed`; `notFound`.
    package func edit(
        _ id: KnowledgeID,
        _ edit: KnowledgeEdit,
        by operatorName: String,
        at now: Timestamp
    ) async throws(OperationError) -> KnowledgeItem {
        guard !edit.isEmpty else {
            throw OperationError(.malformed, "give at least one of cause, text and fix")
        }
        try await change { book, _ in
            guard var item = book[id] else { throw Self.missing(id) }
            if let cause = edit.cause { item.cause = cause }
            if let text = edit.text { item.text = text }
            if let fix = edit.fix { item.fix = fix.isEmpty ? nil : fix }
            item.editor = operatorName
            if let problem = item.problem { throw OperationError(.malformed, problem) }
            return book.replace(item, at: now)
        }
        return try item(id)
    }

    /// Takes a piece of knowledge out; its incidents are not learned from again.
    ///
    /// - Throws: `notFound`.
    package func forget(_ id: KnowledgeID) async throws(OperationError) {
        try await change { book, _ in
            guard book.forget(id) else { throw Self.missing(id) }
            return KnowledgeBook.Change(removed: [id])
        }
    }

    /// Takes in knowledge of another coordinator, all of it or nothing.
    ///
    /// - Throws: `malformed`, naming the piece.
    package func take(
        _ wanted: KnowledgeImport,
        at now: Timestamp
    ) async throws(OperationError) -> KnowledgeReceipt {
        guard wanted.file.version == KnowledgeFile.version else {
            throw OperationError(
                .malformed,
                "the file has version \(wanted.file.version); this coordinator reads \(KnowledgeFile.version)"
            )
        }
        let limit = book.withLock { $0.policy.itemsMax }
        guard wanted.file.items.count <= limit else {
            throw OperationError(.malformed, "the file has more than \(limit) pieces of knowledge")
        }
        for item in wanted.file.items {
            if let problem = item.problem { throw OperationError(.malformed, "\(item.id): \(problem)") }
        }
        return try await change { book, _ in
            var all = KnowledgeBook.Change()
            var receipt = KnowledgeReceipt()
            for item in wanted.file.items {
                let isKnown = book[item.id] != nil
                guard !isKnown || wanted.replace else {
                    receipt.kept += 1
                    continue
                }
                if isKnown { receipt.replaced += 1 } else { receipt.added += 1 }
                let change = book.replace(item, at: now)
                all.stored += change.stored
                all.removed += change.removed
            }
            return (all, receipt)
        }
    }

    /// Changes the book within one transaction; what is read afterwards is what is on disk.
    private func change(
        _ work: @escaping @Sendable (inout KnowledgeBook, Database) throws -> KnowledgeBook.Change
    ) async throws(OperationError) {
        try await change { book, db in (try work(&book, db), ()) }
    }

    private func change<Value: Sendable>(
        _ work: @escaping @Sendable (inout KnowledgeBook, Database) throws -> (KnowledgeBook.Change, Value)
    ) async throws(OperationError) -> Value {
        do {
            return try await database.write { [self] db in
                // One writer at a time, and the new book is up before the next one begins.
                var next = book.withLock { $0 }
                let (change, value) = try work(&next, db)
                for item in change.stored { try Self.store(item, in: db) }
                for id in change.removed {
                    try db.execute(sql: "DELETE FROM knowledge WHERE id = ?", arguments: [id.description])
                }
                let made = next
                db.afterNextTransaction { [self] _ in book.withLock { $0 = made } }
                return value
            }
        } catch let error as OperationError {
            throw error
        } catch {
            throw StoreError("store knowledge", cause: error).operation
        }
    }

    private static func store(_ item: KnowledgeItem, in db: Database) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try db.execute(
            sql: "INSERT OR REPLACE INTO knowledge VALUES (?, ?, ?)",
            arguments: [
                item.id.description, item.last.nanoseconds, Blob([UInt8](try encoder.encode(item))),
            ]
        )
    }

    private static func missing(_ id: KnowledgeID) -> OperationError {
        OperationError(.notFound, "nothing known has the id \(id); see muster knowledge list")
    }
}
