extension HostPolicy {
    /// Reads `policy.yaml`.
    ///
    ///     observe_only: false            # true refuses every action; else false
    ///     labels: { role: db }           # what pre-approvals may be limited to
    ///     approvals_needed: 1            # 1 to 10; else 1
    ///     approvers:
    ///       - name: ana
    ///         key: <Ed25519 public key, 32 bytes in base64>
    ///         may: [approve, break_glass]    # else approve
    ///     break_glass: false             # true lets one who may set a plan going alone, whatever approvals it needs;
    ///                                    # hours, rates and "allow: never" hold all the same
    ///     approver_root: <base64>        # instead of approvers and signers: the key that signs approvers.yaml
    ///                                    # beside this file (see ``ApproverList``)
    ///     actions:
    ///       - name: rollback_shop
    ///         argv: ["/usr/local/bin/shop-deploy", "--to", "{to}"]
    ///         parameters:
    ///           to: { kind: version }    # version, word, integer (min, max), enum (values)
    ///         class: change              # observe: it only looks, and may verify what others did; else change
    ///         allow: approved            # never, approved, preapproved; else approved
    ///         user: shop                 # else the agent's own
    ///         timeout: 60s               # 1s to 1h; else 60s
    ///         output_max: 16384          # bytes, 0 to 16384; else 16384
    ///         rate_per_hour: 6           # 1 to 3600; else 6
    ///         hours: mon-fri 08:00-18:00 UTC   # when it may begin (see ``WeeklyHours``); else always. A rollback,
    ///                                    # even by this very action, may begin at any time
    ///         cwd: /srv/shop             # else /
    ///         env:                       # else only PATH and LANG
    ///           SHOP_MODE: { value: batch }   # as it stands here
    ///           SHOP_TOKEN: agent        # from the agent's own environment
    ///         rollback: deploy_shop      # the only action that may take it back; else any listed one
    ///         settled_by: shop_is_at     # an observing action that says, when the agent died meanwhile, whether this one
    ///                                    # took effect: by its exit status, 0 yes, 1 no, else nobody knows
    ///     sql:
    ///       - target: orders             # database target in agent.yaml; "" for the only one
    ///         allow: preapproved         # never, approved, preapproved
    ///         statements: [<SHA-256 in hexadecimal>]   # else any
    ///         timeout: 30s               # 1s to 1h; else 30s
    ///         rate_per_hour: 6           # 1 to 3600; else 6
    ///     runbooks:
    ///       preapproval: true            # else false
    ///       signers:                     # who may approve runbooks beforehand
    ///         - name: ana
    ///           key: <base64>
    ///       sha256: [<of each runbook file, in hexadecimal>]   # no other is taken, whoever signed it
    ///
    /// `decodeKey` reads base64.
    package init(document: Document, decodeKey: (String) -> [UInt8]?) throws(DocumentError) {
        self.init()
        let file = document.name
        var reader = try DocumentReader(document.root, in: file, expecting: "a host policy")
        observeOnly = try reader.bool("observe_only") ?? false
        labels = try reader.map("labels")
        approvalsNeeded = try reader.int("approvals_needed", in: 1...10) ?? 1
        approvers = try PolicyKey.list(
            try reader.list("approvers"),
            in: file,
            rights: [.approve, .breakGlass],
            decodeKey: decodeKey
        )
        allowsBreakGlass = try reader.bool("break_glass") ?? false
        if let root = try reader.approverRoot(decodeKey) {
            guard approvers.isEmpty else {
                throw reader.error(
                    at: reader.position(of: "approvers"),
                    "\"approvers\" come from the list that \"approver_root\" signs; leave out one of the two"
                )
            }
            approverSource = .root(root)
        } else if allowsBreakGlass, !approvers.contains(where: { $0.may.contains(.breakGlass) }) {
            throw reader.error(
                at: reader.position(of: "break_glass"),
                "\"break_glass: true\" needs an approver with \"may: [approve, break_glass]\""
            )
        }
        for node in try reader.list("actions") {
            let action = try PolicyAction(node, in: file)
            guard self.action(action.name) == nil else {
                throw reader.error(at: node.position, "there are two actions named \"\(action.name)\"")
            }
            actions.append(action)
        }
        for node in try reader.list("sql") {
            let rule = try PolicySQL(node, in: file)
            guard !sql.contains(where: { $0.target == rule.target }) else {
                throw reader.error(at: node.position, "there are two rules for target \"\(rule.target)\"")
            }
            sql.append(rule)
        }
        if let node = reader.node("runbooks") {
            var inner = try DocumentReader(node, in: file, expecting: "\"preapproval\" and \"signers\"")
            allowsPreApproval = try inner.bool("preapproval") ?? false
            runbookSigners = try PolicyKey.list(
                try inner.list("signers"),
                in: file,
                rights: [],
                decodeKey: decodeKey
            )
            if case .root = approverSource, !runbookSigners.isEmpty {
                throw inner.error(
                    at: inner.position(of: "signers"),
                    "\"signers\" come from the list that \"approver_root\" signs: those who may preapprove"
                )
            }
            preApprovedRunbooks = try inner.digests("sha256")
            guard !allowsPreApproval || !preApprovedRunbooks.isEmpty else {
                throw inner.error(
                    at: node.position,
                    "\"preapproval: true\" needs \"sha256\": the runbook files it holds for, as \"muster runbook sign\" prints it"
                )
            }
            try inner.finish()
        }
        for action in actions {
            guard let rollback = action.rollback, self.action(rollback) == nil else { continue }
            throw reader.error(
                at: reader.position(of: "actions"),
                "action \"\(action.name)\" names the rollback \"\(rollback)\", which is no action of this policy"
            )
        }
        for action in actions {
            guard let name = action.settledBy else { continue }
            let probe = self.action(name)
            guard let probe, probe.observes,
                probe.parameters.keys.allSatisfy({ action.parameters[$0] != nil })
            else {
                throw reader.error(
                    at: reader.position(of: "actions"),
                    "action \"\(action.name)\" is settled by \"\(name)\", which must be an action of the class observe with no other parameters than its own"
                )
            }
        }
        let mayApprove = approvers.count { $0.may.contains(.approve) }
        guard approvers.isEmpty || approvalsNeeded <= mayApprove else {
            throw reader.error(
                at: reader.position(of: "approvals_needed"),
                "\"approvals_needed\" is \(approvalsNeeded), but there are only \(mayApprove) approvers"
            )
        }
        try reader.finish()
    }
}

extension PolicyAction {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "an action")
        let name = try reader.requiredString("name")
        guard name.utf8.count <= 64 else {
            throw reader.error(at: reader.position(of: "name"), "\"name\" has at most 64 bytes")
        }
        self.init(name: name, argv: try reader.strings("argv"))
        guard let program = argv.first, program.hasPrefix("/"), !program.contains("{") else {
            throw reader.error(
                at: reader.position(of: "argv"),
                "\"argv\" must begin with the absolute path of a program, without parameters"
            )
        }
        guard argv.count <= 64, argv.allSatisfy({ $0.utf8.count <= 4096 && !$0.utf8.contains(0) }) else {
            throw reader.error(at: reader.position(of: "argv"), "\"argv\" has at most 64 elements of 4 KiB")
        }
        if let node = reader.node("parameters") {
            guard case .mapping(let entries) = node.value else {
                throw reader.error(at: node.position, "\"parameters\" must be \"name: {kind: …}\" lines")
            }
            for entry in entries { parameters[entry.key] = try PolicyParameter(entry.value, in: file) }
        }
        try checkPlaceholders(reader)
        switch try reader.string("class") {
        case nil, "change"?: break
        case "observe"?: observes = true
        case let other?:
            throw reader.error(
                at: reader.position(of: "class"),
                "\"class\" must be observe or change, found \"\(other)\""
            )
        }
        allow = try reader.choice("allow") ?? .approved
        user = try reader.string("user") ?? ""
        timeout = try reader.timeout() ?? timeout
        outputBytesMax = try reader.int("output_max", in: 0...16 << 10) ?? outputBytesMax
        ratePerHour = try reader.int("rate_per_hour", in: 1...3600) ?? ratePerHour
        rollback = try reader.string("rollback")
        settledBy = try reader.string("settled_by")
        if let text = try reader.string("hours") {
            guard let hours = WeeklyHours(text) else {
                throw reader.error(
                    at: reader.position(of: "hours"),
                    "\"hours\" must be like \"mon-fri 08:00-18:00 UTC, sat 10:00-12:00 UTC\", found \"\(text.prefix(80))\""
                )
            }
            self.hours = hours
        }
        surroundings = try reader.surroundings(in: file)
        try reader.finish()
    }

    /// A placeholder without a parameter, or a parameter without a placeholder, is a slip of the pen.
    private func checkPlaceholders(_ reader: DocumentReader) throws(DocumentError) {
        var used: Set<String> = []
        for piece in argv.flatMap({ Self.pieces(of: $0) }) {
            guard case .parameter(let name) = piece else { continue }
            guard parameters[name] != nil else {
                throw reader.error(
                    at: reader.position(of: "argv"),
                    "\"argv\" names {\(name)}, which is not under \"parameters\""
                )
            }
            used.insert(name)
        }
        if let idle = parameters.keys.sorted().first(where: { !used.contains($0) }) {
            throw reader.error(
                at: reader.position(of: "parameters"),
                "parameter \"\(idle)\" is not used: write {\(idle)} in \"argv\""
            )
        }
    }
}

extension PolicySQL {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "\"target\" and \"allow\"")
        let target = try reader.string("target") ?? ""
        guard let allow: PolicyPermission = try reader.choice("allow") else {
            throw reader.error(at: node.position, "missing key \"allow\": never, approved or preapproved")
        }
        self.init(target: target, allow: allow)
        statements = try reader.digests("statements")
        timeout = try reader.timeout() ?? timeout
        ratePerHour = try reader.int("rate_per_hour", in: 1...3600) ?? ratePerHour
        try reader.finish()
    }
}

extension DocumentReader {
    /// `approver_root`; nil when it is not there.
    fileprivate mutating func approverRoot(
        _ decodeKey: (String) -> [UInt8]?
    ) throws(DocumentError) -> [UInt8]? {
        guard let text = try string("approver_root") else { return nil }
        guard let key = decodeKey(text), key.count == 32 else {
            throw error(
                at: position(of: "approver_root"),
                "\"approver_root\" must be an Ed25519 public key: 32 bytes in base64 (44 characters)"
            )
        }
        return key
    }

    /// SHA-256 digests in hexadecimal; none when the key is not there.
    fileprivate mutating func digests(_ key: String) throws(DocumentError) -> Set<Digest> {
        var digests: Set<Digest> = []
        for text in try strings(key) {
            guard let digest = Digest(text) else {
                throw error(
                    at: position(of: key),
                    "\"\(key)\" lists SHA-256 digests of 64 hexadecimal digits, found \"\(text.prefix(80))\""
                )
            }
            digests.insert(digest)
        }
        return digests
    }
}

extension PolicyParameter {
    fileprivate init(_ node: DocumentNode, in file: String) throws(DocumentError) {
        var reader = try DocumentReader(node, in: file, expecting: "\"kind\" of a parameter")
        switch try reader.requiredString("kind") {
        case "version": self = .version
        case "word": self = .word
        case "integer":
            let low = try reader.int("min", in: 0...Int(Int32.max)) ?? 0
            let high = try reader.int("max", in: low...Int(Int32.max)) ?? Int(Int32.max)
            self = .integer(low...high)
        case "enum":
            let values = try reader.strings("values")
            guard !values.isEmpty, !values.contains(where: { $0.hasPrefix("-") || $0.utf8.contains(0) })
            else {
                throw reader.error(
                    at: reader.position(of: "values"),
                    "\"values\" must list at least one value, and none may begin with \"-\""
                )
            }
            self = .oneOf(values)
        case let other:
            throw reader.error(
                at: reader.position(of: "kind"),
                "unknown kind \"\(other)\"; expected one of version, word, integer, enum"
            )
        }
        try reader.finish()
    }
}

extension DocumentReader {
    /// `timeout`, from one second to one hour.
    fileprivate mutating func timeout() throws(DocumentError) -> Duration? {
        guard let timeout = try duration("timeout") else { return nil }
        guard timeout >= .seconds(1), timeout <= .seconds(3600) else {
            throw error(at: position(of: "timeout"), "\"timeout\" must be from 1s to 1h")
        }
        return timeout
    }
}
