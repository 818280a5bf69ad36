import MusterCore
import MusterPostgres

extension DependencyTarget {
    /// Reads one entry of `dependencies` in `agent.yaml`; its keys stand at ``ObservationConfiguration``.
    init(_ node: DocumentNode, in outer: DocumentReader, services all: [String]) throws(DocumentError) {
        var reader = try outer.reader(of: node, expecting: "a dependency")
        name = try reader.requiredString("name")
        let word = try reader.requiredString("kind")
        switch word {
        case "tcp":
            let host = try reader.requiredString("host")
            guard let port = try reader.int("port", in: 1...65_535) else {
                throw reader.error(at: node.position, "missing key \"port\"")
            }
            kind = .tcp(host: host, port: port)
        case "http":
            let url = try reader.requiredString("url")
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
                throw reader.error(
                    at: reader.position(of: "url"),
                    "\"url\" must begin with http:// or https://"
                )
            }
            kind = .http(url: url, caFile: try reader.string("ca_file"))
        case "postgres":
            kind = .postgres(
                PostgresEndpoint(
                    host: try reader.requiredString("host"),
                    port: try reader.int("port", in: 1...65_535) ?? 5432,
                    database: try reader.requiredString("database"),
                    look: try Self.role(try reader.required("look"), in: reader),
                    act: try reader.node("act").map { (node) throws(DocumentError) in
                        try Self.role(node, in: reader)
                    },
                    tls: try Self.tls(&reader)
                )
            )
        default:
            throw reader.error(
                at: reader.position(of: "kind"),
                "\"kind\" must be tcp, http or postgres, found \"\(word)\""
            )
        }
        let named = try reader.strings("services")
        services = named.isEmpty ? all : named
        timeout = try reader.duration("timeout") ?? .seconds(3)
        guard timeout >= .milliseconds(100), timeout <= .seconds(30) else {
            throw reader.error(at: reader.position(of: "timeout"), "\"timeout\" must be from 100ms to 30s")
        }
        // A held session must not be idle for long; other checks cost their target more than us.
        interval = try reader.duration("every") ?? (word == "postgres" ? .seconds(5) : .seconds(15))
        guard interval >= .seconds(1), interval <= .seconds(3600) else {
            throw reader.error(at: reader.position(of: "every"), "\"every\" must be from 1s to 1h")
        }
        try reader.finish()
    }

    private static func tls(_ reader: inout DocumentReader) throws(DocumentError) -> PostgresTLS {
        let caFile = try reader.string("ca_file")
        switch (try reader.string("tls") ?? "prefer", caFile) {
        case ("prefer", nil): return .preferred
        case ("require", nil): return .required
        case ("verify", let caFile?): return .verified(caFile: caFile)
        default:
            throw reader.error(
                at: reader.position(of: "tls"),
                "\"tls\" must be prefer, require, or verify; verify needs a \"ca_file\", the others take none"
            )
        }
    }

    private static func role(
        _ node: DocumentNode,
        in outer: DocumentReader
    ) throws(DocumentError) -> PostgresEndpoint.Role {
        var reader = try outer.reader(of: node, expecting: "a database role")
        let role = PostgresEndpoint.Role(
            user: try reader.requiredString("user"),
            passwordFile: try reader.string("password_file")
        )
        try reader.finish()
        return role
    }
}
