/// Learns from traffic which places of paths hold names of things, such as users and products, and which hold routes.
///
/// A tree of the segments that were seen. Routes are few, and after a while all are known; of names new ones keep
/// coming. A place with many different names, of which the second half did not take many times as many requests to
/// turn up as the first, becomes `:id`, for good. How many it takes depends on what stands before it: after a plural
/// (`/users/`) or one letter (`/u/`) names are likely, at the start of a path or after `/api/` routes are.
///
/// Paths that were never answered with success or failure of the server (a scanner's guesses) teach nothing, and take
/// a few places only. Memory is bounded: with too many nodes everything is forgotten and learnt anew.
struct PathTree {
    private struct Node {
        var name: [UInt8]
        var parent: UInt16
        /// Requests that proved this segment, and those that proved any child.
        var met = 0
        var visits = 0
        /// Children that were proved, and the others.
        var names = 0
        var unproved = 0
        /// Visits when there were half as many names as at the next judgement.
        var visitsAtHalf = 0
        var isCollapsed = false
    }

    private static let nodesMax = 2_048
    private static let unprovedMax = 16
    /// A place is settled with so many names, whatever they are.
    private static let namesMax = 256
    private static let none = UInt16.max
    private static let placeholder = Array(EndpointPath.placeholder.utf8)

    private var nodes: [Node] = [Node(name: [], parent: 0)]
    /// Open addressing with at most half of the places in use.
    private var places = Array(repeating: none, count: 4_096)
    private let seed: UInt64
    /// How often a place became `:id`: paths told before may be told otherwise now.
    private(set) var revision = 0

    init(seed: UInt64) { self.seed = seed }

    var nodesUsed: Int { nodes.count }

    /// Appends the path as it is told, and learns from it.
    ///
    /// `service` keeps the trees of services apart; `isProof` when the server knew the path.
    mutating func append(
        _ path: ArraySlice<UInt8>,
        service: ArraySlice<UInt8>,
        isProof: Bool,
        to output: inout [UInt8]
    ) {
        if nodes.count > Self.nodesMax - EndpointPath.segmentsMax - 2 { forget() }
        var node = child(of: 0, named: service) ?? add(service, to: 0)
        let first = output.count
        EndpointPath.forEachSegment(of: path) { segment in
            output.append(EndpointPath.slash)
            guard output.count - first < EndpointPath.bytesMax,
                let next = step(from: node, segment, isProof: isProof, to: &output)
            else {
                output.append(contentsOf: EndpointPath.cut)
                return false
            }
            node = next
            return true
        }
        if output.count == first { output.append(EndpointPath.slash) }
    }

    /// Appends the path as it is told now, and learns nothing; what is not known stays as it is.
    func appendKnown(_ path: ArraySlice<UInt8>, service: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var node = child(of: 0, named: service)
        let first = output.count
        EndpointPath.forEachSegment(of: path) { segment in
            output.append(EndpointPath.slash)
            guard output.count - first < EndpointPath.bytesMax else {
                output.append(contentsOf: EndpointPath.cut)
                return false
            }
            var name = Self.placeholder[...]
            switch segment {
            case .identifier: break
            case .name(let bytes):
                let own = bytes.prefix(EndpointPath.bytesMax)
                let isName = node.map { nodes[Int($0)].isCollapsed && child(of: $0, named: own) == nil }
                if isName != true { name = own }
            case .files(let kind): name = [UInt8(ascii: "*")] + kind
            case .rest: name = EndpointPath.cut[...]
            }
            output.append(contentsOf: name)
            node = node.flatMap { child(of: $0, named: name) }
            return true
        }
        if output.count == first { output.append(EndpointPath.slash) }
    }

    /// Whether a path, as it is told, has a place that was learnt to hold names.
    func isLearnt(_ path: ArraySlice<UInt8>, service: ArraySlice<UInt8>) -> Bool {
        var node = child(of: 0, named: service)
        var isLearnt = false
        EndpointPath.forEachSegment(of: path) { segment in
            guard let here = node else { return false }
            switch segment {
            case .identifier:
                if nodes[Int(here)].isCollapsed { isLearnt = true }
                node = child(of: here, named: Self.placeholder[...])
            case .name(let bytes): node = child(of: here, named: bytes.prefix(EndpointPath.bytesMax))
            case .files, .rest: return false
            }
            return !isLearnt
        }
        return isLearnt
    }

    // MARK: Learning

    /// Goes on by one segment, and appends it as it is told; nil when there is no room to know it.
    private mutating func step(
        from node: UInt16,
        _ segment: EndpointPath.Segment,
        isProof: Bool,
        to output: inout [UInt8]
    ) -> UInt16? {
        let name: ArraySlice<UInt8>
        switch segment {
        case .files(let kind):
            output.append(UInt8(ascii: "*"))
            output.append(contentsOf: kind)
            return node
        case .rest: return nil
        case .identifier:
            output.append(contentsOf: Self.placeholder)
            return child(of: node, named: Self.placeholder[...]) ?? add(Self.placeholder[...], to: node)
        case .name(let bytes): name = bytes.prefix(EndpointPath.bytesMax)
        }
        var next = child(of: node, named: name)
        if next == nil {
            if nodes[Int(node)].isCollapsed {
                output.append(contentsOf: Self.placeholder)
                return child(of: node, named: Self.placeholder[...]) ?? add(Self.placeholder[...], to: node)
            }
            guard isProof || nodes[Int(node)].unproved < Self.unprovedMax else { return nil }
            next = add(name, to: node)
            nodes[Int(node)].unproved += 1
        }
        guard let found = next else { return nil }
        if isProof, !nodes[Int(node)].isCollapsed {
            if count(found, of: node) {
                // Its own number stays: only nodes below it go.
                collapse(node)
                return step(from: node, segment, isProof: isProof, to: &output)
            }
        }
        output.append(contentsOf: name)
        return found
    }

    /// Counts a request to a child; true when it shows that the children are names of things and no routes.
    private mutating func count(_ child: UInt16, of node: UInt16) -> Bool {
        nodes[Int(node)].visits += 1
        nodes[Int(child)].met += 1
        guard nodes[Int(child)].met == 1 else { return false }
        nodes[Int(node)].unproved -= 1
        nodes[Int(node)].names += 1
        let (names, visits) = (nodes[Int(node)].names, nodes[Int(node)].visits)
        if names >= Self.namesMax { return true }
        let (least, ratio) =
            switch expectation(of: node) {
            case .names: (20, 0.2)
            case .unknown: (48, 0.3)
            case .routes: (128, 0.4)
            }
        // Judged at so many, at twice as many, and so on.
        guard names == least / 2 || names % least == 0 && (names / least).nonzeroBitCount == 1 else {
            return false
        }
        defer { nodes[Int(node)].visitsAtHalf = visits }
        return names >= least && Double(nodes[Int(node)].visitsAtHalf) >= Double(visits) * ratio
    }

    private enum Expectation {
        case names
        case unknown
        case routes
    }

    /// What the word before a place says of it.
    private func expectation(of index: UInt16) -> Expectation {
        let node = nodes[Int(index)]
        // The first segment of a service.
        if node.parent == 0 { return .routes }
        let name = node.name
        if name.count == 1 { return .names }
        if Self.routeWords.contains(name) || name.count <= 3 && name[0] == UInt8(ascii: "v") {
            return .routes
        }
        let isPlural =
            name.count >= 4 && name.last == UInt8(ascii: "s") && name[name.count - 2] != UInt8(ascii: "s")
        return isPlural ? .names : .unknown
    }

    private static let routeWords = Set(
        ["api", "rest", "rpc", "internal", "public", "admin", "private", "service", "graphql", "web", "app"]
            .map {
                Array($0.utf8)
            }
    )

    /// Words that stay beside `:id`: they say what is done, not to what.
    private static let verbs = Set(
        [
            "search", "new", "login", "logout", "me", "self", "list", "all", "count", "export", "import",
            "health",
            "status", "batch", "bulk", "latest",
        ].map { Array($0.utf8) }
    )

    /// Makes a place `:id`; children that were met far more often than the rest stay, and so do verbs.
    private mutating func collapse(_ index: UInt16) {
        nodes[Int(index)].isCollapsed = true
        revision += 1
        let often = max(30, 8 * nodes[Int(index)].visits / max(1, nodes[Int(index)].names))
        var isGone = Array(repeating: false, count: nodes.count)
        // Parents stand before their children.
        for place in nodes.indices.dropFirst() {
            let node = nodes[place]
            if isGone[Int(node.parent)] {
                isGone[place] = true
            } else if node.parent == index, node.name != Self.placeholder {
                isGone[place] = node.met < often && !Self.verbs.contains(node.name)
            }
        }
        keep { !isGone[$0] }
    }

    /// Forgets everything but the places that are `:id`, and the ways to them.
    private mutating func forget() {
        var isKept = nodes.map(\.isCollapsed)
        for place in nodes.indices.reversed() where isKept[place] { isKept[Int(nodes[place].parent)] = true }
        // More than half of it again would soon be full again.
        let isTooMuch = isKept.count { $0 } > Self.nodesMax / 2
        keep { !isTooMuch && isKept[$0] }
        for place in nodes.indices where !nodes[place].isCollapsed {
            (nodes[place].visits, nodes[place].names, nodes[place].visitsAtHalf) = (0, 0, 0)
            (nodes[place].met, nodes[place].unproved) = (0, 0)
        }
        for place in nodes.indices.dropFirst() { nodes[Int(nodes[place].parent)].unproved += 1 }
    }

    // MARK: Nodes

    private func child(of parent: UInt16, named name: ArraySlice<UInt8>) -> UInt16? {
        let number = places[place(of: name, parent)]
        return number == Self.none ? nil : number
    }

    private mutating func add(_ name: ArraySlice<UInt8>, to parent: UInt16) -> UInt16 {
        let number = UInt16(nodes.count)
        nodes.append(Node(name: Array(name), parent: parent))
        places[place(of: name, parent)] = number
        return number
    }

    /// Removes all nodes but those; the numbers of nodes before the first of them stay.
    private mutating func keep(_ isKept: (Int) -> Bool) {
        var numbers = Array(repeating: Self.none, count: nodes.count)
        var kept: [Node] = []
        for place in nodes.indices where place == 0 || isKept(place) {
            numbers[place] = UInt16(kept.count)
            // Parents stand before their children.
            kept.append(nodes[place])
            kept[kept.count - 1].parent = numbers[Int(nodes[place].parent)]
        }
        nodes = kept
        places = Array(repeating: Self.none, count: places.count)
        for number in nodes.indices.dropFirst() {
            places[place(of: nodes[number].name[...], nodes[number].parent)] = UInt16(number)
        }
    }

    /// Where a child's number stands, or belongs.
    private func place(of name: ArraySlice<UInt8>, _ parent: UInt16) -> Int {
        var hash = (seed ^ UInt64(parent)) &* 0x9E37_79B9_7F4A_7C15
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash ^= hash >> 29
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != Self.none {
            let number = Int(places[place])
            if nodes[number].parent == parent, nodes[number].name[...] == name { break }
            place = (place + 1) & mask
        }
        return place
    }
}
