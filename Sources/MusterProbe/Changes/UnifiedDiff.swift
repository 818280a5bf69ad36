/// The difference of two texts in the unified format, bounded in size and time.
package enum UnifiedDiff {
    private static let contextLines = 3
    /// Largest number of cells of the comparison; beyond it the middle counts as replaced as a whole.
    private static let cellsMax = 1 << 20

    private enum Edit {
        case keep(ArraySlice<UInt8>)
        case remove(ArraySlice<UInt8>)
        case add(ArraySlice<UInt8>)

        var isChange: Bool { if case .keep = self { false } else { true } }
    }

    /// Empty when the texts are equal; at most `bytesMax` bytes, cut at a line with a note.
    package static func text(before: [UInt8], after: [UInt8], path: String, bytesMax: Int = 8192) -> String {
        let edits = edits(lines(before), lines(after))
        guard edits.contains(where: \.isChange) else { return "" }
        let note = "… (cut)\n"
        var output = Array("--- \(path)\n+++ \(path)\n".utf8)
        for hunk in hunks(edits) {
            for line in hunk {
                guard output.count + line.count + note.utf8.count <= bytesMax else {
                    return String(decoding: output, as: UTF8.self) + note
                }
                output += line
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private static func edits(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [Edit] {
        var head = 0
        while head < old.count, head < new.count, old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < old.count - head, tail < new.count - head,
            old[old.count - 1 - tail] == new[new.count - 1 - tail]
        { tail += 1 }
        let middle = middleEdits(
            Array(old[head..<(old.count - tail)]),
            Array(new[head..<(new.count - tail)])
        )
        return old[..<head].map(Edit.keep) + middle + old[(old.count - tail)...].map(Edit.keep)
    }

    /// Longest common subsequence by the textbook table.
    private static func middleEdits(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [Edit] {
        guard old.count > 0, new.count > 0, (old.count + 1) * (new.count + 1) <= cellsMax else {
            return old.map(Edit.remove) + new.map(Edit.add)
        }
        let width = new.count + 1
        var table = [Int32](repeating: 0, count: (old.count + 1) * width)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                table[i * width + j] =
                    old[i] == new[j]
                    ? table[(i + 1) * width + j + 1] + 1
                    : max(table[(i + 1) * width + j], table[i * width + j + 1])
            }
        }
        var edits: [Edit] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                edits.append(.keep(old[i]))
                (i, j) = (i + 1, j + 1)
            } else if j == new.count
                || i < old.count && table[(i + 1) * width + j] >= table[i * width + j + 1]
            {
                edits.append(.remove(old[i]))
                i += 1
            } else {
                edits.append(.add(new[j]))
                j += 1
            }
        }
        return edits
    }

    /// Lines of each hunk with its heading.
    private static func hunks(_ edits: [Edit]) -> [[[UInt8]]] {
        var hunks: [[[UInt8]]] = []
        var index = 0
        var (oldLine, newLine) = (1, 1)
        while let change = edits[index...].firstIndex(where: \.isChange) {
            let start = max(index, change - contextLines)
            oldLine += start - index
            newLine += start - index
            var end = change + 1
            while let next = edits[end...].prefix(2 * contextLines + 1).firstIndex(where: \.isChange) {
                end = next + 1
            }
            end = min(end + contextLines, edits.count)

            var body: [[UInt8]] = []
            var (oldCount, newCount) = (0, 0)
            for edit in edits[start..<end] {
                switch edit {
                case .keep(let line):
                    body.append([0x20] + line + [0x0A])
                    (oldCount, newCount) = (oldCount + 1, newCount + 1)
                case .remove(let line):
                    body.append([UInt8(ascii: "-")] + line + [0x0A])
                    oldCount += 1
                case .add(let line):
                    body.append([UInt8(ascii: "+")] + line + [0x0A])
                    newCount += 1
                }
            }
            let heading = "@@ -\(oldLine),\(oldCount) +\(newLine),\(newCount) @@\n"
            hunks.append([Array(heading.utf8)] + body)
            oldLine += oldCount
            newLine += newCount
            index = end
        }
        return hunks
    }
}
