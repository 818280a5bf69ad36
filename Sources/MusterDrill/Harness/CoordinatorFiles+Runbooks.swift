extension CoordinatorFiles {
    /// The runbooks that Muster brings along, byte for byte as they lie in `Deploy/runbooks`: a drill may run where
    /// that folder is not, and a test holds the two against each other.
    static let runbooks = [
        "bad-deploy.yaml": #"""
        # A deploy made a part of the requests fail: put back the release that ran before, on the hosts that got it.
        #
        # The hosts' policy must list the action rollback_release with a parameter "to" (see ../examples/policy.yaml).
        # A person approves each run; how it is taken back stands below and is carried out by the host itself when
        # the error ratio does not come down.
        name: bad-deploy
        trigger:
          cause: bad-deploy
          confidence: high
        steps:
          - action: verify_hypothesis
            check: "Error ratio > 2%"
          - action: mitigate
            run: rollback_release
            with:
              to: "{change.before}"
            hosts: culprit
            rollback:
              run: rollback_release
              with:
                to: "{change.after}"
            requires_approval: true
          - action: verify_resolution
            check: "Error ratio < 2%"
            timeout: 2m
          - action: notify
            message: "{service} runs the release from before {cause} again; the error ratio is down to {value}."

        """#,
        "postgresql-connection-pool.yaml": #"""
        trigger:
          alert: "PostgreSQL connection pool > 90%"
          confidence: high
        steps:
          - action: verify_hypothesis
            check: "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle'"
            threshold: "> max_connections * 0.8"
          - action: mitigate
            command: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND query_start < now() - interval '10 minutes'"
            requires_approval: false # Pre-approved for this runbook
          - action: verify_resolution
            check: "Connection pool utilization < 60%"
            timeout: 5m
          - action: notify
            message: "Connection pool exhaustion resolved. Terminated {count} idle connections."

        """#,
    ]
}
