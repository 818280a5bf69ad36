import Glibc

/// Where a database is and as whom to ask it.
package struct PostgresTarget: Hashable, Sendable, CustomStringConvertible {
    /// A name, an address, or the folder of a Unix socket, which starts with `/`.
    package var host: String
    package var port: Int
    package var user: String
    package var database: String
    /// A file whose first line is the password; nobody but its owner and group may have access to it.
    ///
    /// Nil when the server needs none, or when libpq finds it in `~/.pgpass`.
    package var passwordFile: String?
    package var tls: PostgresTLS

    package init(
        host: String,
        port: Int = 5432,
        user: String,
        database: String,
        passwordFile: String? = nil,
        tls: PostgresTLS = .preferred
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.database = database
        self.passwordFile = passwordFile
        self.tls = tls
    }

    /// `orders on db-1:5432`.
    package var description: String { "\(database) on \(host):\(port)" }

    private static let passwordBytesMax = 4096

    /// Reads the password; nil when no file is named.
    func password() throws(PostgresError) -> String? {
        guard let path = passwordFile else { return nil }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw PostgresError(.configuration, "password file \(path) can't be read: \(reason)")
        }
        defer { close(descriptor) }
        var state = stat()
        guard fstat(descriptor, &state) == 0, state.st_mode & S_IFMT == S_IFREG else {
            throw PostgresError(.configuration, "password file \(path) is no regular file")
        }
        guard state.st_mode & 0o007 == 0 else {
            throw PostgresError(
                .configuration,
                "password file \(path) is open to everybody; take that away with chmod 600"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Self.passwordBytesMax + 1)
        let count = read(descriptor, &bytes, bytes.count)
        let line = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard count <= Self.passwordBytesMax, !line.isEmpty, !line.contains(0) else {
            throw PostgresError(
                .configuration,
                "password file \(path) does not hold a password in its first line"
            )
        }
        return String(decoding: line, as: UTF8.self)
    }
}

/// How a connection to a database is protected, in libpq's terms of `sslmode`.
package enum PostgresTLS: Hashable, Sendable {
    /// TLS where the server has it; protects from nobody who stands between.
    case preferred
    /// TLS or nothing; the server's certificate is not checked.
    case required
    /// TLS with a certificate of these authorities (a file in PEM), for the name that is dialled.
    case verified(caFile: String)

    var settings: [(String, String)] {
        switch self {
        case .preferred: [("sslmode", "prefer")]
        case .required: [("sslmode", "require")]
        case .verified(let caFile): [("sslmode", "verify-full"), ("sslrootcert", caFile)]
        }
    }
}
