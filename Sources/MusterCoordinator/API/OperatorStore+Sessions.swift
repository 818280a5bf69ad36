import FoundationEssentials
import GRDB
import MusterCore
import MusterIdentity
import MusterIncident

extension OperatorStore {
    /// Opens a session for whoever shows this token, and returns the text for the cookie; nil when the token is
    /// not accepted.
    func openSession(
        _ token: AccessToken,
        life: Duration,
        at now: Timestamp
    ) async throws(OperationError) -> String? {
        guard let record = try await authenticate(token, at: now) else { return nil }
        let secret = SecureRandom.bytes(32)
        let expires = min(now + life, record.expires)
        try await perform("open a session") {
            try await database.write { db in
                try db.execute(
                    sql: "DELETE FROM operators_session WHERE expires_ns <= ?",
                    arguments: [now.nanoseconds]
                )
                try db.execute(
                    sql:
                        "INSERT INTO operators_session (secret_sha256, token_id, expires_ns) VALUES (?, ?, ?)",
                    arguments: [Data(SHA256.hash(secret).bytes), record.id, expires.nanoseconds]
                )
            }
        }
        return Base64.urlText(secret)
    }

    /// The operator of a session; nil when it is unknown or over.
    ///
    /// Found by its hash, so the time of the search tells nothing about the secret.
    func session(_ text: String, at now: Timestamp) async throws(OperationError) -> OperatorRecord? {
        guard let hash = Self.sessionHash(text) else { return nil }
        return try await perform("look up a session") {
            try await database.read { db in
                try Row.fetchOne(
                    db,
                    sql: """
                        SELECT operators_token.* FROM operators_session
                        JOIN operators_token ON operators_token.id = operators_session.token_id
                        WHERE operators_session.secret_sha256 = ? AND operators_session.expires_ns > ?
                            AND operators_token.revoked = 0 AND operators_token.expires_ns > ?
                        """,
                    arguments: [hash, now.nanoseconds, now.nanoseconds]
                ).map(Self.record)
            }
        }
    }

    /// Ends a session.
    func closeSession(_ text: String) async throws(OperationError) {
        guard let hash = Self.sessionHash(text) else { return }
        try await perform("close a session") {
            try await database.write { db in
                try db.execute(
                    sql: "DELETE FROM operators_session WHERE secret_sha256 = ?",
                    arguments: [hash]
                )
            }
        }
    }

    private static func sessionHash(_ text: String) -> Data? {
        guard text.utf8.count <= 64, let secret = Base64.urlBytes(text), secret.count == 32 else {
            return nil
        }
        return Data(SHA256.hash(secret).bytes)
    }
}
