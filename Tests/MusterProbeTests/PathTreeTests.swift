import MusterTesting
import Testing

@testable import MusterProbe

@Suite struct PathTreeTests {
    /// Traffic of a shop whose routes are known.
    private struct Traffic {
        var random: SplitMix64
        let words: [String]
        let routes: Int

        init(seed: UInt64, routes: Int) {
            random = SplitMix64(seed: seed)
            self.routes = routes
            var letters = SplitMix64(seed: 1)
            words = (0..<20_000).map { index in
                String(
                    (0..<(4 + index % 6)).map { _ in Character(UnicodeScalar(UInt8(97 + letters.next() % 26)))
                    }
                )
            }
        }

        /// Few of them often, most of them seldom.
        private mutating func pick(_ count: Int, from first: Int) -> String {
            let unit = random.unit()
            return words[first + Int(Double(count) * unit * unit * unit)]
        }

        /// A path, the endpoint that it belongs to (nil for a scanner's guess).
        mutating func next() -> (path: String, endpoint: String?) {
            switch random.next() % 20 {
            case 0..<6:
                let route = pick(routes, from: 0)
                return ("/api/\(route)?page=\(random.next() % 9)", "/api/\(route)")
            case 6..<8:
                let route = pick(routes / 3, from: 1_000)
                return ("/\(route)", "/\(route)")
            case 8..<11: return ("/u/\(pick(5_000, from: 2_000))", "/u/:id")
            case 11: return ("/u/\(pick(5_000, from: 2_000))/settings", "/u/:id/settings")
            case 12..<15: return ("/products/\(pick(80, from: 8_000))-shoe", "/products/:id")
            case 15: return ("/products/search", "/products/search")
            case 16: return ("/blog/\(pick(400, from: 9_000))-\(pick(100, from: 0))", "/blog/:id")
            case 17: return ("/api/orders/\(random.next() % 10_000)/items", "/api/orders/:id/items")
            case 18: return ("/assets/js/app.\(random.next() % 1_000).js", "/assets/*.js")
            default: return ("/\(pick(8_000, from: 12_000)).php", nil)
            }
        }
    }

    private func told(
        _ tree: inout PathTree,
        _ path: String,
        isProof: Bool = true,
        service: String = ""
    ) -> String {
        var output: [UInt8] = []
        tree.append(Array(path.utf8)[...], service: Array(service.utf8)[...], isProof: isProof, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func known(_ tree: PathTree, _ path: String) -> String {
        var output: [UInt8] = []
        tree.appendKnown(Array(path.utf8)[...], service: [], to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test("Names become :id and routes stay, however many routes there are", arguments: [30, 60, 100, 150])
    func learns(routes: Int) {
        for seed in UInt64(1)...3 {
            var traffic = Traffic(seed: seed, routes: routes)
            var tree = PathTree(seed: seed)
            var wrong: [String: Int] = [:]
            for request in 0..<20_000 {
                let (path, endpoint) = traffic.next()
                let told = told(&tree, path, isProof: endpoint != nil)
                // Some hundred requests are needed to know.
                if request >= 2_000, let endpoint, told != endpoint { wrong[endpoint, default: 0] += 1 }
            }
            #expect(wrong.isEmpty, "seed \(seed): \(wrong)")
            #expect(tree.isLearnt(Array("/u/:id".utf8)[...], service: []))
            #expect(!tree.isLearnt(Array("/products/search".utf8)[...], service: []))
            #expect(!tree.isLearnt(Array("/api/orders/:id/items".utf8)[...], service: []))
        }
    }

    @Test("What a scanner guesses takes a few places, and makes no routes into names")
    func scanner() {
        var tree = PathTree(seed: 3)
        for _ in 0..<5 {
            for route in ["/login", "/cart", "/checkout"] { #expect(told(&tree, route) == route) }
        }
        var found: Set<String> = []
        for index in 0..<5_000 {
            let word =
                String(UnicodeScalar(UInt8(97 + index % 26)))
                + String(UnicodeScalar(UInt8(97 + index / 26 % 26)))
            found.insert(
                told(
                    &tree,
                    "/\(word)x\(String(index, radix: 26, uppercase: false).filter(\.isLetter))/a",
                    isProof: false
                )
            )
        }
        #expect(found.count <= 20, "\(found.count)")
        #expect(told(&tree, "/cart") == "/cart")
    }

    @Test("Memory is bounded, and a place that became :id stays so when the rest is forgotten")
    func bounded() {
        var random = SplitMix64(seed: 8)
        var tree = PathTree(seed: 4)
        func word() -> String {
            String((0..<8).map { _ in Character(UnicodeScalar(UInt8(97 + random.next() % 26))) })
        }
        for _ in 0..<200 { _ = told(&tree, "/users/\(word())") }
        #expect(told(&tree, "/users/someone") == "/users/:id")
        // Deep paths that never come again, as a program would make that answers everything.
        for _ in 0..<3_000 { _ = told(&tree, "/\(word())/\(word())/\(word())") }
        #expect(tree.nodesUsed <= 2_048)
        #expect(told(&tree, "/users/another") == "/users/:id")
    }

    @Test("Services are learnt apart")
    func services() {
        var tree = PathTree(seed: 5)
        for index in 0..<100 {
            let word = String(index, radix: 26).map { $0.isNumber ? "q\($0)" : "\($0)" }.joined()
            _ = told(&tree, "/users/\(word)a", service: "shop")
        }
        #expect(told(&tree, "/users/zed", service: "shop") == "/users/:id")
        #expect(told(&tree, "/users/zed", service: "wiki") == "/users/zed")
    }

    @Test(
        "Words alone tell identifiers and files",
        arguments: [
            ("/api/orders/4711?page=2", "/api/orders/:id"), ("https://shop.example.org/a/7#x", "/a/:id"),
            ("", "/"),
            ("/", "/"), ("//a//b/", "/a/b"), ("/favicon.ico", "/*.ico"),
            ("/assets/css/a/b/Site.CSS?v=3", "/assets/*.CSS"),
            ("/v2/oauth2/token", "/v2/oauth2/token"), ("/report.php", "/report.php"),
            ("/f/a@b.example", "/f/:id"),
            ("/x/550e8400-e29b-41d4-a716-446655440000", "/x/:id"), ("/.js", "/*.js"), ("*", "/*"),
            ("/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "/a/b/c/d/e/f/g/h/i/j/k/l/…"),
        ]
    )
    func words(path: String, endpoint: String) {
        #expect(EndpointPath.normalized(Array(path.utf8)[...]) == endpoint)
        var tree = PathTree(seed: 6)
        #expect(told(&tree, path) == endpoint)
        #expect(known(tree, path) == endpoint)
        // What was told is told as itself.
        #expect(known(tree, endpoint) == endpoint)
    }

    @Test("No path traps, whatever its bytes")
    func anyBytes() {
        var random = SplitMix64(seed: 10)
        var tree = PathTree(seed: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int(random.next() % 60)).map { _ in
                random.next() % 3 == 0 ? UInt8(ascii: "/") : UInt8.random(in: 0...255, using: &random)
            }
            var (learnt, known): ([UInt8], [UInt8]) = ([], [])
            tree.append(bytes[...], service: [], isProof: random.next() % 2 == 0, to: &learnt)
            tree.appendKnown(bytes[...], service: [], to: &known)
            #expect(learnt.first == EndpointPath.slash && known.first == EndpointPath.slash)
        }
    }
}
