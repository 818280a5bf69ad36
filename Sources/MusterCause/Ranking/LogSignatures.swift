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
    ]

    /// The kind of cause that a line speaks of; nil for most lines.
    package static func kind(of line: String) -> CauseKind? {
        let lower = line.lowercased()
        return known.first { lower.contains($0.text) }?.kind
    }
}
