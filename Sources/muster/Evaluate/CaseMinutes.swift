import MusterAnalysis
import MusterCause

/// Spans of a case of which only the number in each minute is known.
struct CaseMinutes {
    private(set) var counts = CallCounts()
    private(set) var services: [String] = []
    private(set) var operations: [String] = []
    private var serviceNumbers: [String: Int] = [:]
    private var operationNumbers: [String: Int] = [:]
    private let alertAt: Double
    private let hiddenFrom: Double?

    init(alertAt: Double, hiddenFrom: Double?) {
        self.alertAt = alertAt
        self.hiddenFrom = hiddenFrom
    }

    mutating func add(_ table: CSVTable, isReference: Bool) throws(CLIError) {
        let minute = try table.column("minute")
        let parent = try table.column("parent")
        let service = try table.column("service")
        let operation = try table.column("operation")
        let count = try table.column("count")
        for row in 0..<table.count {
            guard let time = table.number(row, minute), let calls = table.number(row, count), calls >= 0,
                calls < 1e12
            else { throw CLIError(.failed, "\(table.path): row \(row + 2) has no minute or count") }
            guard let isNow = isNow(time, isReference: isReference) else { continue }
            let name = table.text(row, service)
            let place = Self.number(of: name, &services, &serviceNumbers)
            if table.text(row, parent) == name {
                let step = Self.number(of: table.text(row, operation), &operations, &operationNumbers)
                counts.add(Int(calls), operation: step, of: place, isNow: isNow)
            } else {
                counts.add(entriesOf: place, Int(calls), isNow: isNow)
            }
        }
    }

    /// Whether a minute is of now or of before; nil when it is of no use.
    private func isNow(_ start: Double, isReference: Bool) -> Bool? {
        guard !isReference else { return abs(start - alertAt) < 400 ? nil : false }
        if let hiddenFrom, start + 60 > hiddenFrom { return nil }
        if start + 30 >= alertAt { return start > alertAt + 170 ? nil : true }
        // A minute that holds the alert belongs to neither side.
        return start + 60 > alertAt + 5 ? nil : false
    }

    private static func number(
        of name: String,
        _ names: inout [String],
        _ numbers: inout [String: Int]
    ) -> Int {
        if let known = numbers[name] { return known }
        numbers[name] = names.count
        names.append(name)
        return names.count - 1
    }
}
