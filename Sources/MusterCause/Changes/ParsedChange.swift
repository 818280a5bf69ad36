import MusterCore

/// A change in the form in which it is held against a symptom.
struct ParsedChange {
    enum Sign { case added, removed, context }

    struct Line {
        var sign: Sign
        var text: String

        /// Blank, or a comment in one of the usual languages.
        var isComment: Bool {
            let trimmed = text.drop { $0 == " " || $0 == "\t" }
            return trimmed.isEmpty
                || ["//", "#", "/*", "*", "--", "\"\"\"", "<!--", ";"].contains { trimmed.hasPrefix($0) }
        }

        /// Writes a log line or counts something, or has no words at all.
        var isTelemetry: Bool {
            let parts = ChangeWords.words(text)
            return parts.isEmpty || parts.contains(where: Self.telemetry.contains)
        }

        private static let telemetry: Set<String> = [
            "log", "logger", "slog", "println", "printf", "print", "console", "logging", "zap", "prometheus",
            "counter",
            "histogram", "metrics", "span", "otel",
        ]
    }

    static let linesMax = 5000

    let change: CodeChange
    let kinds: [ChangedFile]
    private(set) var hunks: [[Line]] = [[]]
    /// Added and removed lines that are no comments.
    private(set) var code: [Line] = []
    private(set) var changed: [Line] = []
    /// Terms with how often each came and went.
    private(set) var termsAdded: [String: Int] = [:]
    private(set) var termsRemoved: [String: Int] = [:]
    private(set) var termsContext: Set<String> = []
    private(set) var termsFiles: Set<String> = []
    private(set) var termsMessage: Set<String> = []
    /// Identifiers with how much more often they are there than before.
    private(set) var identifiers: [String: Int] = [:]
    private(set) var identifiersContext: Set<String> = []
    private(set) var identifiersFiles: Set<String> = []
    /// Stems of all words of code, with how much more often they are there than before.
    private(set) var stems: [String: Int] = [:]
    private(set) var trigrams: Set<[String]> = []

    init(_ change: CodeChange, names: ServiceNames) {
        self.change = change
        let files = change.files.map(names.masked)
        kinds = files.map(ChangedFile.init(path:))
        for line in ChangeWords.lines(names.masked(change.diff)).prefix(Self.linesMax) { take(line) }
        changed = hunks.joined().filter { $0.sign != .context }
        code = changed.filter { !$0.isComment }
        for line in changed {
            for term in ChangeWords.terms(line.text) {
                if line.sign == .added {
                    termsAdded[term, default: 0] += 1
                } else {
                    termsRemoved[term, default: 0] += 1
                }
            }
            for name in ChangeWords.identifiers(line.text) {
                identifiers[name, default: 0] += line.sign == .added ? 1 : -1
            }
        }
        for line in code {
            let words = ChangeWords.words(line.text)
            for word in words { stems[ChangeWords.stem(word), default: 0] += line.sign == .added ? 1 : -1 }
            for start in words.indices.dropLast(2) { trigrams.insert(Array(words[start..<start + 3])) }
        }
        for file in files {
            termsFiles.formUnion(ChangeWords.terms(file))
            identifiersFiles.formUnion(ChangeWords.identifiers(file))
        }
        termsMessage = Set(ChangeWords.terms(names.masked(change.message)))
    }

    private mutating func take(_ line: Substring) {
        if line.hasPrefix("+++") || line.hasPrefix("---") { return }
        if line.hasPrefix("@@") {
            hunks.append([])
            note(line)
        } else if line.hasPrefix("+") {
            hunks[hunks.count - 1].append(Line(sign: .added, text: String(line.dropFirst())))
        } else if line.hasPrefix("-") {
            hunks[hunks.count - 1].append(Line(sign: .removed, text: String(line.dropFirst())))
        } else if !line.allSatisfy({ $0 == " " || $0 == "\t" }) {
            hunks[hunks.count - 1].append(Line(sign: .context, text: String(line)))
            note(line)
        }
    }

    private mutating func note(_ context: Substring) {
        termsContext.formUnion(ChangeWords.terms(context))
        identifiersContext.formUnion(ChangeWords.identifiers(context))
    }

    var hasDiff: Bool { !change.diff.isEmpty }

    /// Terms by which changes of a window are told apart.
    var terms: Set<String> {
        Set(termsAdded.keys).union(termsRemoved.keys).union(termsFiles).union(termsMessage)
    }

    /// How much of a change a term is, 0 to 1.
    func share(ofTerm term: String) -> Double {
        let added = termsAdded[term] ?? 0
        let removed = termsRemoved[term] ?? 0
        // What went out as often as it came in was moved, not changed.
        if added != removed { return 1 }
        if termsFiles.contains(term) { return 0.5 }
        if added > 0 || termsMessage.contains(term) { return 0.4 }
        return termsContext.contains(term) ? 0.35 : 0
    }

    func share(ofIdentifier name: String) -> Double {
        if let net = identifiers[name], net != 0 { return 1 }
        if identifiersFiles.contains(name), identifiers[name] == nil, !identifiersContext.contains(name) {
            return 0.5
        }
        return identifiers[name] != nil || identifiersContext.contains(name) ? 0.4 : 0
    }
}

extension ParsedChange {
    /// Why a change can hardly matter in production, going by its files and lines; nil when it may.
    enum Nature {
        case inertFiles([ChangedFile])
        case elsewhere
        case comments
        case telemetry
        case formatting
        case unseen
        case effective
    }

    var nature: Nature {
        if !kinds.isEmpty, kinds.allSatisfy(\.isInert) { return .inertFiles(kinds) }
        if !kinds.isEmpty, kinds.allSatisfy({ $0.isInert || $0 == .elsewhere }) { return .elsewhere }
        guard hasDiff else { return .unseen }
        guard !changed.isEmpty else { return .effective }
        if code.isEmpty { return .comments }
        if code.allSatisfy(\.isTelemetry) { return .telemetry }
        func plain(_ sign: Sign) -> [String] {
            code.filter { $0.sign == sign }.map { $0.text.filter { $0 != " " && $0 != "\t" } }.sorted()
        }
        return plain(.added) == plain(.removed) ? .formatting : .effective
    }

    /// Whether nothing but the looks of the code changed.
    var isCosmetic: Bool {
        switch nature {
        case .inertFiles, .comments, .formatting: true
        case .elsewhere, .telemetry, .unseen, .effective: false
        }
    }
}
