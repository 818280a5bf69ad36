import MusterTesting
import Testing

/// `Protocols/refusals.md` says what is refused and which test shows it: every test in it is one.
@Suite("The list of what is refused") struct RefusalListTests {
    private static var root: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    private let page = TemporaryDirectory.read("\(Self.root)/Protocols/refusals.md")

    /// A link ``[`Suite.test`](../file)``.
    private struct Link: Hashable {
        var suite: String
        var test: String
        var file: String
    }

    private func links(in text: Substring) -> [Link] {
        text.split(separator: "[`", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            let sides = part.split(separator: "`](../", maxSplits: 1)
            guard sides.count == 2, let end = sides[1].firstIndex(of: ")") else { return nil }
            let names = sides[0].split(separator: ".")
            guard names.count == 2 else { return nil }
            return Link(suite: "\(names[0])", test: "\(names[1])", file: "\(sides[1][..<end])")
        }
    }

    /// The suites and tests of a source file: `struct` lines, and each `func` after a `@Test`.
    private func names(in file: String) -> (suites: Set<Substring>, tests: Set<Substring>) {
        var (suites, tests) = (Set<Substring>(), Set<Substring>())
        var isTest = false
        for line in TemporaryDirectory.read("\(Self.root)/\(file)").split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "(" || $0 == "{" || $0 == ":" }
            if words.contains(where: { $0 == "@Test" }) { isTest = true }
            if let place = words.firstIndex(of: "struct"), place + 1 < words.count {
                suites.insert(words[place + 1])
            }
            if let place = words.firstIndex(of: "func"), place + 1 < words.count {
                if isTest { tests.insert(words[place + 1]) }
                isTest = false
            }
        }
        return (suites, tests)
    }

    @Test("every test that it names exists, in the suite and the file that it says")
    func tests() {
        let links = Set(page.split(separator: "\n").flatMap { self.links(in: $0) })
        #expect(links.count > 80)
        for (file, links) in Dictionary(grouping: links, by: \.file) {
            let found = names(in: file)
            for link in links {
                #expect(found.suites.contains(link.suite[...]), "\(file) holds no suite \(link.suite)")
                #expect(found.tests.contains(link.test[...]), "\(file) holds no test \(link.test)")
            }
        }
    }

    @Test("each line of its tables has an attack, what refuses it, where that is audited, and a test")
    func rows() {
        var rows = 0
        for line in page.split(separator: "\n") where line.hasPrefix("| ") && !line.hasPrefix("| attack |") {
            rows += 1
            let cells = line.split(separator: "|")
            let links = links(in: cells.last ?? "")
            #expect(cells.count == 4 && cells.allSatisfy { $0.count > 2 } && !links.isEmpty, "\(line)")
            // No link is written in a way that the search above misses.
            #expect(cells.last?.count { $0 == "(" } == links.count, "\(line)")
        }
        #expect(rows > 40)
    }
}
