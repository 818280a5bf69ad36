import MusterCore

#if canImport(Glibc)
import Glibc
#endif

/// A symptom in the form in which many changes are held against it.
struct SymptomIndex {
    /// The greatest weight of a text that has the term.
    private(set) var terms: [String: Double] = [:]
    /// A word as it is written, for each term.
    private(set) var words: [String: String] = [:]
    private(set) var identifiers: [String: Double] = [:]
    /// Three words in a row of what was logged.
    private(set) var trigrams: Set<[String]> = []
    /// Names of source files, from stacks.
    private(set) var files: Set<String> = []
    private(set) var newQuantities: [Quantity] = []
    private(set) var oldQuantities: [Quantity] = []
    private(set) var steps: [(metric: String, before: Quantity, after: Quantity)] = []
    /// How much is said of each of ``SymptomKind/all``, 0 to 1.
    private(set) var kinds: [Double] = []
    /// Texts that count at least a half, in the form of ``ChangeWords/says(_:_:)``.
    private(set) var lines: [(line: String, weight: Double)] = []

    /// Most quantities of either sort.
    private static let quantitiesMax = 2000

    init(_ symptom: Symptom, names: ServiceNames) {
        var stems: [String: Double] = [:]
        for text in symptom.texts.prefix(Symptom.textsMax) {
            let masked = names.masked(text.text)
            let weight = text.weight
            for term in Set(ChangeWords.terms(masked)) { terms[term] = max(terms[term] ?? 0, weight) }
            for name in ChangeWords.identifiers(masked) {
                identifiers[name] = max(identifiers[name] ?? 0, weight)
            }
            let words = ChangeWords.words(masked)
            for word in words {
                let stem = ChangeWords.stem(word)
                stems[stem] = max(stems[stem] ?? 0, weight)
                if self.words[stem] == nil { self.words[stem] = word }
            }
            for code in ChangeWords.parts(masked) where Self.isStatus(code) {
                stems[code] = max(stems[code] ?? 0, weight)
            }
            if weight >= 0.8 {
                for start in words.indices.dropLast(2) { trigrams.insert(Array(words[start..<start + 3])) }
            }
            if weight >= 0.5 { lines.append((ChangeWords.line(masked), weight)) }
            files.formUnion(Self.sourceFiles(in: text.text))
            newQuantities += Quantity.all(in: masked).map(\.quantity)
        }
        for (key, values) in symptom.newValues.sorted(by: { $0.key < $1.key }) {
            newQuantities += values.sorted().flatMap { Quantity.all(in: $0, keyed: key).map(\.quantity) }
        }
        for (key, values) in symptom.oldValues.sorted(by: { $0.key < $1.key }) {
            oldQuantities += values.sorted().flatMap { Quantity.all(in: $0, keyed: key).map(\.quantity) }
        }
        newQuantities = Array(newQuantities.prefix(Self.quantitiesMax))
        oldQuantities = Array(oldQuantities.prefix(Self.quantitiesMax))
        steps = symptom.steps.map { step in
            let factor = Quantity.factor(ofKey: ChangeWords.parts(step.metric))
            func quantity(_ value: Double) -> Quantity {
                Quantity(value: value * (factor ?? 1), dimension: factor == nil ? .plain : .time)
            }
            return (step.metric, quantity(step.before), quantity(step.after))
        }
        kinds = SymptomKind.all.map { kind in
            let said = stems.filter { stem, _ in kind.symptom.contains { ChangeWords.matches($0, stem) } }
            return 1 - exp(-said.values.sorted().reduce(0, +) / 1.2)
        }
    }

    /// The most that is said of any kind of trouble whose code has one of these words.
    func kind(ofWords words: some Collection<String>) -> Double {
        zip(SymptomKind.all, kinds).filter { ChangeWords.matches(any: $0.0.change, words) }.map(\.1).max()
            ?? 0
    }

    func kind(_ name: String) -> Double {
        SymptomKind.all.firstIndex { $0.name == name }.map { kinds[$0] } ?? 0
    }

    /// A three-digit number, as of an answer's status.
    private static func isStatus(_ word: String) -> Bool {
        word.utf8.count == 3 && word.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    private static let endings: Set<String> = [
        "go", "py", "java", "kt", "js", "ts", "tsx", "rb", "rs", "cpp", "cc", "c", "cs", "php", "scala",
        "swift", "ex",
        "erl",
    ]

    /// `charge.go` of `at pay/charge.go:88`.
    private static func sourceFiles(in text: String) -> [String] {
        text.split { !($0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "-") }.compactMap {
            word in
            guard let dot = word.lastIndex(of: "."), dot != word.startIndex,
                endings.contains(String(word[word.index(after: dot)...]))
            else { return nil }
            return String(word)
        }
    }
}
