import MusterCause
import MusterCore
import Testing

@Suite struct LogSignaturesTests {
    @Test(
        "Well-known messages speak of their cause, in any case and anywhere in the line",
        arguments: [
            ("FATAL:  sorry, too many clients already", .poolExhausted),
            ("remaining connection slots are reserved for roles with SUPERUSER", .poolExhausted),
            ("QueuePool limit of size 5 overflow 10 reached", .poolExhausted),
            ("write /var/log/app.log: no space left on device", .disk),
            ("Out of memory: Killed process 4711 (java)", .oomKill),
            ("Memory cgroup out of memory: Killed process 4711 (java)", .oomKill),
            ("accept: Too many open files", .fileDescriptors),
            ("java.lang.OutOfMemoryError: Java heap space", .memory),
            ("x509: certificate has expired or is not yet valid", .certificate),
            ("EXT4-fs error: I/O error while writing superblock", .io),
            ("connect: No route to host", .network),
            ("dial tcp 10.0.0.7:5432: connect: connection refused", .dependencyDown),
            ("getaddrinfo: Temporary failure in name resolution", .dns),
            ("dial tcp: lookup pay.internal on 10.0.0.2:53: no such host", .dns),
            ("curl: (6) Could not resolve host: pay.internal", .dns),
            ("recv() failed (104: Connection reset by peer) while reading response header", .network),
            ("no live upstreams while connecting to upstream, client: 10.0.0.9", .dependencyDown),
            ("upstream timed out (110: Connection timed out) while reading", .dependencyHung),
            ("HikariPool-1 - Connection is not available, request timed out after 30000ms", .poolExhausted),
            ("java.lang.OutOfMemoryError: unable to create native thread", .poolExhausted),
            ("768 worker_connections are not enough while connecting to upstream", .poolExhausted),
            ("WARNING: [pool www] server reached pm.max_children setting (5)", .poolExhausted),
            ("open /data/wal: read-only file system", .io),
            ("x509: certificate is valid for shop.internal, not pay.internal", .certificate),
            ("nf_conntrack: nf_conntrack: table full, dropping packet", .networkLoss),
            ("igb 0000:01:00.0 eth0: igb: eth0 NIC Link is Down", .network),
            ("ERROR:  canceling statement due to statement timeout", .slowQuery),
            ("FATAL:  password authentication failed for user \"shop\"", .badConfig),
            ("sqlite3.OperationalError: database is locked", .lockWait),
            ("KRB5KRB_AP_ERR_SKEW: Clock skew too great", .clockSkew),
            ("<Code>RequestTimeTooSkewed</Code>", .clockSkew),
            (
                "The difference between the request time and the current time is too large.", .clockSkew
            ),
            ("Signature not yet current: 20261128T071000Z is still later than 20261128T070500Z", .clockSkew),
            ("token is invalid: token used before issued", .clockSkew),
            ("jwt.exceptions.ImmatureSignatureError: The token is not yet valid (nbf)", .clockSkew),
            (#"JWTClaimValidationFailed: "iat" claim timestamp check failed"#, .clockSkew),
            ("the clock difference against peer 8211f1d0 is too high [1m3s > 1s]", .clockSkew),
            ("ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction", .lockWait),
        ] as [(String, CauseKind)]
    )
    func known(line: String, kind: CauseKind) {
        #expect(LogSignatures.kind(of: line) == kind)
    }

    @Test(
        "Other lines speak of no cause",
        arguments: [
            "", #"JWTExpired: "exp" claim timestamp check failed"#, "the session expired",
            "GET /api/orders 200", "memory", "out of  memory", "space left on device", "error",
        ]
    )
    func unknown(line: String) {
        #expect(LogSignatures.kind(of: line) == nil)
    }

    @Test("A full pool is told from a database that is gone, even when a line says both")
    func both() {
        let line = "connection refused: FATAL: sorry, too many clients already"
        #expect(LogSignatures.kind(of: line) == .poolExhausted)
    }
}
