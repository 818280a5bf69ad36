import MusterCore
import SwiftProtobuf

extension WireHealthDigest {
    /// Largest digest on the wire in bytes: it rides on every heartbeat of every host.
    package static let bytesMax = 512
    /// Most lines that a digest may have.
    static let linesMax = 8
    /// Largest name and subject in bytes.
    static let textMax = 64

    /// The message of a digest; lines for which there is no room are left out, the least of them first.
    package init(_ digest: HealthDigest) {
        self.init()
        open = Fields.small(digest.open)
        recent = Fields.small(digest.recent)
        watched = Fields.small(digest.watched)
        learning = Fields.small(digest.learning)
        refused = Fields.count(digest.refused)
        for line in digest.worst.prefix(Self.linesMax) {
            worst.append(WireHealthLine(line))
            guard let bytes: [UInt8] = try? serializedBytes(), bytes.count <= Self.bytesMax else {
                worst.removeLast()
                break
            }
        }
    }
}

extension WireHealthLine {
    init(_ line: HealthDigest.Line) {
        self.init()
        name = Fields.clipped(line.name, max: WireHealthDigest.textMax)
        subject = Fields.clipped(line.subject, max: WireHealthDigest.textMax)
        direction = WireAnomalyDirection(line.direction)
        score = Float(line.score)
        onsetAtNs = line.onset.nanoseconds
        value = Float(line.value)
        usual = Float(line.usual)
    }
}

extension HealthDigest {
    /// Reads a digest of a host; control characters are taken out of its texts.
    ///
    /// Throws `.tooLarge` when it is beyond the limits of the protocol.
    package init(_ wire: WireHealthDigest) throws(WireError) {
        try Fields.check(wire.worst.count, max: WireHealthDigest.linesMax, "health")
        self.init()
        for line in wire.worst {
            try Fields.check(line.name.utf8.count, max: WireHealthDigest.textMax, "health: name")
            try Fields.check(line.subject.utf8.count, max: WireHealthDigest.textMax, "health: subject")
            worst.append(
                Line(
                    name: Fields.plain(line.name),
                    subject: Fields.plain(line.subject),
                    direction: SeriesAnomaly.Direction(line.direction),
                    score: Fields.finite(Double(line.score)),
                    onset: Fields.time(line.onsetAtNs),
                    value: Fields.finite(Double(line.value)),
                    usual: Fields.finite(Double(line.usual))
                )
            )
        }
        open = Int(wire.open)
        recent = Int(wire.recent)
        watched = Int(wire.watched)
        learning = Int(wire.learning)
        refused = Fields.count(wire.refused)
    }
}
