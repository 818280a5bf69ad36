/// Rows of text in columns, for people.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    /// Titles that begin with `>` stand over numbers.
    init(_ titles: String...) {
        columns = titles.map { $0.hasPrefix(">") ? (String($0.dropFirst()), .right) : ($0, .left) }
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; its cells are cleaned of control characters.
    mutating func add(_ cells: String...) { rows.append(cells.map(Terminal.clean)) }

    /// Prints the titles and all rows; when there are none, `nothing` instead.
    func print(orElse nothing: String = "") {
        guard !rows.isEmpty else {
            if !nothing.isEmpty { Terminal.out(nothing) }
            return
        }
        var widths = columns.map(\.title.count)
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.count)
            }
        }
        Terminal.out(Terminal.paint(line(columns.map(\.title), widths), .dim))
        for row in rows { Terminal.out(line(row, widths)) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() where index < widths.count {
            let blanks = String(repeating: " ", count: max(0, widths[index] - cell.count))
            if index > 0 { text += "  " }
            // The last column is not filled up, so that lines don't wrap for nothing.
            switch columns[index].alignment {
            case .right: text += blanks + cell
            case .left: text += index == cells.count - 1 ? cell : cell + blanks
            }
        }
        return text
    }
}
