internal import CPostgres
import Glibc

/// libpq, loaded on first use: a host that asks no database maps nothing of it.
///
/// `@unchecked Sendable`: the table of functions is filled once and only read after.
struct PostgresLibrary: @unchecked Sendable {
    let api: muster_postgres

    /// Loads once for the whole process; what it found then stays so until the next start.
    private static let loaded = Result { () throws(PostgresError) in try load() }

    /// The library; throws when the host does not have it.
    static func shared() throws(PostgresError) -> PostgresLibrary { try loaded.get() }

    private static func load() throws(PostgresError) -> PostgresLibrary {
        guard let handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL) else {
            let cause = dlerror().map { String(cString: $0) } ?? ""
            throw PostgresError(
                .libraryMissing,
                "PostgreSQL can't be asked: libpq.so.5 is not installed; Debian's package is libpq5",
                cause: cause
            )
        }
        var api = muster_postgres()
        if let missing = muster_postgres_load(handle, &api) {
            throw PostgresError(
                .libraryMissing,
                "PostgreSQL can't be asked: libpq.so.5 has no \(String(cString: missing)); it is older than 9.2"
            )
        }
        return PostgresLibrary(api: api)
    }
}
