import MusterCore

/// What well-known messages of kernels, runtimes and databases speak of.
///
/// Only texts that mean the same wherever they appear; nothing of any one application.
package enum LogSignatures {
    private static let known: [(text: String, kind: CauseKind)] = [
        ("too many clients already", .poolExhausted),
        ("remaining connection slots are reserved", .poolExhausted),
        ("too many connections", .poolExhausted),
        ("all connection slots are taken", .poolExhausted),
        ("connection pool exhausted", .poolExhausted),
        ("connection pool is exhausted", .poolExhausted),
        ("timed out waiting for a connection", .poolExhausted),
        ("queuepool limit", .poolExhausted),
        ("no space left on device", .disk),
        ("disk quota exceeded", .disk),
        ("out of memory", .memory),
        ("cannot allocate memory", .memory),
        ("outofmemoryerror", .memory),
        ("certificate has expired", .certificate),
        ("certificate is not yet valid", .certificate),
        ("certificate verify failed", .certificate),
        ("input/output error", .io),
        ("i/o error", .io),
        ("network is unreachable", .network),
        ("no route to host", .network),
        ("connection refused", .dependencyDown),
        ("name or service not known", .dependencyDown),
        ("temporary failure in name resolution", .dependencyDown),
    ]

    /// The kind of cause that a line speaks of; nil for most lines.
    package static func kind(of line: String) -> CauseKind? {
        let lower = line.lowercased()
        return known.first { lower.contains($0.text) }?.kind
    }
}
