import MusterCore

/// What a line that has a level must hold somewhere: for finding lines of a level without reading every line.
///
/// Every way in which ``LogLineParser`` comes to a level is here; whatever holds none of these words has no such
/// level. Lines that do are then parsed, so a word too many only costs time, and a word too few would lose lines.
enum LevelWords {
    /// Words of the lines that may have at least a level.
    static func atLeast(_ level: LogLevel) -> [ScanWord] {
        let levels = LogLevel.allCases.filter { $0 >= level }
        let names = levels.flatMap { LogLevel.words($0) }
        // A word that begins with another one is found with it.
        var words = names.filter { name in !names.contains { $0 != name && name.hasPrefix($0) } }
            .map { ScanWord($0, .level) }
        // Levels as numbers, as pino and bunyan write them; `050` is 50 too.
        let numbers = ScanWord.Surroundings.digit(digits(levels.map { LogLevel.numbersFirstDigits($0) }))
        words += ["level", "lvl", "severity"].map { ScanWord($0, numbers) }
        // A request's status stands in a field, or behind the quoted request with any blanks between.
        let statuses = levels.flatMap { LogLevel.statusFirstDigits($0) }
        words += ["status", "_code"].map { ScanWord($0, .digit(digits([statuses]))) }
        words.append(ScanWord("\"  "))
        for digit in statuses + [0] {
            words.append(ScanWord("\"\(digit)"))
            words.append(ScanWord("\" \(digit)"))
        }
        // Syslog's priority stands before its version, and has too many values to look for each.
        words.append(ScanWord(">1 2"))
        // Any letter may be written so in JSON; no other escape makes one.
        words.append(ScanWord("\\u00"))
        return words
    }

    private static func digits(_ sets: [[Int]]) -> UInt16 {
        sets.joined().reduce(1) { $0 | 1 << UInt16($1) }
    }
}

extension LogLevel {
    /// First digits of the numbers that ``LogFields`` reads as this level.
    fileprivate static func numbersFirstDigits(_ level: LogLevel) -> [Int] {
        switch level {
        case .debug: [1, 2]
        case .info: [3]
        case .warning: [4]
        case .error: [5]
        case .fatal: [6]
        }
    }

    /// First digits of the HTTP statuses that stand for this level.
    fileprivate static func statusFirstDigits(_ level: LogLevel) -> [Int] {
        switch level {
        case .debug, .fatal: []
        case .info: [1, 2, 3]
        case .warning: [4]
        case .error: [5]
        }
    }
}
