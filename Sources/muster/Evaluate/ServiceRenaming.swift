/// Gives the services of a case other names, wherever a file has one.
///
/// What is concluded must not depend on what things are called.
struct ServiceRenaming {
    /// Longest first: no name is taken for a part of another.
    private let pairs: [(old: [UInt8], new: [UInt8])]

    init(_ services: Set<String>, seed: UInt64) {
        let sorted = services.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
        pairs = sorted.enumerated().map { index, service in
            var random = (seed &+ UInt64(index + 1)) &* 0x9E37_79B9_7F4A_7C15
            random = (random ^ random >> 30) &* 0xBF58_476D_1CE4_E5B9
            random ^= random >> 27
            var name: [UInt8] = []
            for _ in 0..<8 {
                name.append(UInt8(97 + random % 26))
                random /= 26
            }
            // All are as long, so none is a part of another.
            return (Array(service.utf8), name + Array("-\(1000 + index)".utf8))
        }
    }

    func apply(to bytes: [UInt8]) -> [UInt8] {
        let starts = Set(pairs.compactMap(\.old.first))
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if starts.contains(bytes[index]),
                let pair = pairs.first(where: { bytes[index...].starts(with: $0.old) })
            {
                result += pair.new
                index += pair.old.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }
}
