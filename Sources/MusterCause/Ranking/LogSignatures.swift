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
        ("too many open files", .fileDescriptors),
        ("emfile", .fileDescriptors),
        ("oom-kill", .oomKill),
        ("out of memory: kill", .oomKill),
        ("memory cgroup out of memory", .oomKill),
        ("out of memory", .memory),
        ("cannot allocate memory", .memory),
        ("outofmemoryerror", .memory),
        ("certificate has expired", .certificate),
        ("certificate expired", .certificate),
        ("certificate is not yet valid", .certificate),
        ("certificate verify failed", .certificate),
        ("input/output error", .io),
        ("i/o error", .io),
        ("network is unreachable", .network),
        ("no route to host", .network),
        ("connection reset by peer", .network),
        ("econnreset", .network),
        ("temporary failure in name resolution", .dns),
        ("name or service not known", .dns),
        ("could not resolve host", .dns),
        ("host not found in upstream", .dns),
        ("could not be resolved", .dns),
        ("could not translate host name", .dns),
        ("no such host", .dns),
        ("getaddrinfo enotfound", .dns),
        ("getaddrinfo eai_again", .dns),
        ("unknownhostexception", .dns),
        ("connection refused", .dependencyDown),
        ("econnrefused", .dependencyDown),
        ("no live upstreams", .dependencyDown),
        ("upstream timed out", .dependencyHung),
        ("lock wait timeout exceeded", .lockWait),
        ("canceling statement due to lock timeout", .lockWait),
        ("deadlock detected", .lockWait),
        // Kerberos, Ceph, make.
        ("clock skew", .clockSkew),
        // Signed requests: S3 and its kin, AWS, Azure.
        ("requesttimetooskewed", .clockSkew),
        ("request time too skewed", .clockSkew),
        ("request time and the current time is too large", .clockSkew),
        ("request time and the server's time is too large", .clockSkew),
        ("signature not yet current", .clockSkew),
        ("request date header too old", .clockSkew),
        // Tokens: the JWT libraries of Go, Node, Python and Java; Google; SAML, and Kerberos again.
        ("token used before issued", .clockSkew),
        ("token is not valid yet", .clockSkew),
        ("not yet valid", .clockSkew),
        ("jwt not active", .clockSkew),
        ("issued in the future", .clockSkew),
        ("\"iat\" claim timestamp check failed", .clockSkew),
        ("\"nbf\" claim timestamp check failed", .clockSkew),
        ("in a reasonable timeframe", .clockSkew),
        // etcd and CockroachDB, which measure it themselves.
        ("clock difference against peer", .clockSkew),
        ("clock synchronization error", .clockSkew),
    ]

    /// The kind of cause that a line speaks of; nil for most lines.
    package static func kind(of line: String) -> CauseKind? {
        let lower = line.lowercased()
        return known.first { lower.contains($0.text) }?.kind
    }
}
