/// The endpoints that a host serves, by small numbers.
///
/// A value: a question keeps a copy of its own while the recorder goes on. Paths are told as ``PathTree`` learnt them. Not more than a bound is known; what comes
/// after that is counted together under ``others``. Looking one up allocates nothing.
struct EndpointTable {
    /// What a request went to.
    struct Endpoint: Equatable {
        var service: String
        var method: String
        var path: String
    }

    /// Number of the endpoint that stands for all that found no place.
    static let others: UInt16 = 0

    private let endpointsMax: Int
    /// The place of a number that is free is nil.
    private var endpoints: [Endpoint?] = [Endpoint(service: "", method: "", path: "(others)")]
    /// Service, a zero, method, a blank and path of each.
    private var keys: [[UInt8]] = [[]]
    private var free: [UInt16] = []
    /// Open addressing with at most half of the places in use; the largest number stands for none.
    private var places: [UInt16]
    private let seed: UInt64
    private var scratch: [UInt8] = []
    private var tree: PathTree
    private var treeRevision = 0
    /// Numbers of endpoints that are told as another now, and of which; empty most of the time.
    private(set) var aliases: [UInt16: UInt16] = [:]

    private static let none = UInt16.max

    init(endpointsMax: Int) {
        self.endpointsMax = max(1, min(endpointsMax, Int(Self.none) - 1))
        var size = 64
        while size < 2 * self.endpointsMax { size *= 2 }
        places = Array(repeating: Self.none, count: size)
        // Whoever chooses paths must not choose where they fall.
        seed = UInt64.random(in: .min ... .max)
        tree = PathTree(seed: seed)
    }

    /// Numbers ever given are below this.
    var numbersEnd: Int { endpoints.count }

    var count: Int { endpoints.count - free.count }

    subscript(number: Int) -> Endpoint? { number < endpoints.count ? endpoints[number] : nil }

    /// The number of the endpoint that a request went to, a new one when there is room.
    ///
    /// Learns from the path unless the status says that the client was wrong.
    mutating func number(service: ArraySlice<UInt8>, request: ParsedRequest) -> UInt16 {
        let name = service.prefix(Self.serviceMax)
        let pathStart = begin(name, request.method)
        let isProof = request.status / 100 != 4
        tree.append(request.path, service: name, isProof: isProof, to: &scratch)
        let number = number(name, request.method, pathStart)
        if tree.revision != treeRevision { findAliases() }
        return number
    }

    /// The number of the endpoint that a request went to, when it is known.
    mutating func known(service: ArraySlice<UInt8>, request: ParsedRequest) -> UInt16 {
        let name = service.prefix(Self.serviceMax)
        _ = begin(name, request.method)
        tree.appendKnown(request.path, service: name, to: &scratch)
        let number = places[place(of: scratch)]
        return number == Self.none ? Self.others : number
    }

    /// Whether a number's path has a place that was learnt to hold names.
    func isLearnt(_ number: Int) -> Bool {
        guard number < keys.count, let end = keys[number].firstIndex(of: 0),
            let blank = keys[number][end...].firstIndex(of: 0x20)
        else { return false }
        return tree.isLearnt(keys[number][(blank + 1)...], service: keys[number][..<end])
    }

    /// Forgets the endpoints that are told as others now; nothing may be counted under their numbers any more.
    mutating func dropAliases() {
        let gone = aliases
        aliases = [:]
        keep { gone[UInt16($0)] == nil }
    }

    /// Forgets all endpoints but those: a scanner's paths must not take the places for ever.
    mutating func keep(_ isUsed: (Int) -> Bool) {
        free = []
        places = Array(repeating: Self.none, count: places.count)
        for number in endpoints.indices.dropFirst() {
            guard endpoints[number] != nil, isUsed(number) else {
                endpoints[number] = nil
                keys[number] = []
                free.append(UInt16(number))
                continue
            }
            places[place(of: keys[number])] = UInt16(number)
        }
    }

    // MARK: Parts

    private static let methodMax = 16
    /// Bytes of a service's name that count.
    private static let serviceMax = 128

    /// Begins a key; returns where the path belongs in it.
    private mutating func begin(_ service: ArraySlice<UInt8>, _ method: ArraySlice<UInt8>) -> Int {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: service)
        scratch.append(0)
        scratch.append(contentsOf: method.prefix(Self.methodMax))
        scratch.append(0x20)
        return scratch.count
    }

    /// The number of the key that was made.
    private mutating func number(
        _ service: ArraySlice<UInt8>,
        _ method: ArraySlice<UInt8>,
        _ pathStart: Int
    ) -> UInt16 {
        let place = place(of: scratch)
        if places[place] != Self.none { return places[place] }
        guard count < endpointsMax else { return Self.others }
        let number = free.popLast() ?? UInt16(endpoints.count)
        let endpoint = Endpoint(
            service: String(decoding: service, as: UTF8.self),
            method: String(decoding: method.prefix(Self.methodMax), as: UTF8.self),
            path: String(decoding: scratch[pathStart...], as: UTF8.self)
        )
        if Int(number) == endpoints.count {
            endpoints.append(endpoint)
            keys.append(scratch)
        } else {
            endpoints[Int(number)] = endpoint
            keys[Int(number)] = scratch
        }
        places[place] = number
        return number
    }

    /// Looks which endpoints are told as others since the tree learnt more.
    private mutating func findAliases() {
        treeRevision = tree.revision
        for number in endpoints.indices.dropFirst() {
            guard endpoints[number] != nil, aliases[UInt16(number)] == nil else { continue }
            let key = keys[number]
            guard let end = key.firstIndex(of: 0), let blank = key[end...].firstIndex(of: 0x20) else {
                continue
            }
            let (service, method) = (key[..<end], key[(end + 1)..<blank])
            let pathStart = begin(service, method)
            tree.appendKnown(key[(blank + 1)...], service: service, to: &scratch)
            guard scratch != key else { continue }
            aliases[UInt16(number)] = self.number(service, method, pathStart)
        }
        // One that was told as another may itself be told as a third.
        for (number, other) in aliases {
            var last = other
            while let next = aliases[last], next != last { last = next }
            aliases[number] = last
        }
    }

    /// Where a key's number stands, or belongs.
    private func place(of key: [UInt8]) -> Int {
        var hash = seed
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash ^= hash >> 29
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != Self.none, keys[Int(places[place])] != key { place = (place + 1) & mask }
        return place
    }
}
