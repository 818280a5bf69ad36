import GRDB
import MusterRecord

/// Why the coordinator's record could not be read or written.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    /// Kinds that callers tell apart.
    package enum Code: String, Sendable, Codable, CaseIterable {
        /// Somebody else holds the database; trying again helps.
        case busy
        /// The disk is full or fails; trying again helps once people made room.
        case disk
        /// The record has gone on meanwhile; look again and decide anew.
        case stale
        /// What is stored can't be understood or is not what was written.
        case corrupt
        /// Anything else that the database refuses.
        case failed
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Sorts what the database engine says.
    init(_ what: String, cause error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        if let error = error as? IncidentRecordError {
            self.init(error.code == .corrupt ? .corrupt : .failed, error.message, cause: error.cause)
            return
        }
        let code: Code
        let hint: String
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_BUSY?, .SQLITE_LOCKED?:
            (code, hint) = (.busy, "the database is locked by another process")
        case .SQLITE_FULL?: (code, hint) = (.disk, "the disk of the state directory is full")
        case .SQLITE_IOERR?, .SQLITE_READONLY?, .SQLITE_CANTOPEN?, .SQLITE_PERM?, .SQLITE_NOLFS?:
            (code, hint) = (.disk, "the database file can't be written")
        case .SQLITE_CORRUPT?, .SQLITE_NOTADB?: (code, hint) = (.corrupt, "the database file is damaged")
        default: (code, hint) = (.failed, "the database refused")
        }
        self.init(code, "could not \(what): \(hint)", cause: error)
    }

    package var description: String {
        cause.map { "\(message): \($0)" } ?? message
    }

    /// What a caller of the API is told: lost writes can be tried again.
    package var operation: OperationError {
        switch code {
        case .busy, .disk: OperationError(.busy, message, cause: self)
        case .stale, .corrupt, .failed: OperationError(.unavailable, message, cause: self)
        }
    }
}
