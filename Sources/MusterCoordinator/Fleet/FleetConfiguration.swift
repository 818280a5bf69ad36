import Glibc
import MusterCore

/// How the agents' port behaves.
package struct FleetConfiguration: Sendable {
    /// Address to listen on.
    package var address = "0.0.0.0"
    /// 0 takes any free port.
    package var port = 7443
    /// Told to agents, for their logs.
    package var version = "0.1.0"
    /// How often agents send a sign of life; after two intervals of silence they are gone.
    package var heartbeatInterval: Duration = .seconds(15)
    /// From the TCP connection to the end of Hello.
    package var helloMax: Duration = .seconds(5)
    /// How long an agent has to show that it still reads, when another one comes with its identity.
    package var challengeMax: Duration = .seconds(2)
    /// How long an agent may leave its socket unread while more than ``writeBufferBytesMax`` waits for it.
    package var stallMax: Duration = .seconds(5)
    /// How long the handing over of a ticket may take.
    package var deliveryMax: Duration = .seconds(5)
    /// Added to a question's deadline for the way there and back.
    package var deadlineGrace: Duration = .milliseconds(200)
    /// Connections at once, agents and newcomers together.
    package var connectionsMax = 12_000
    /// Connections at once that have not been welcomed; more wait in the kernel's queue.
    package var newcomersMax = 1_000
    /// Of these, how many may come from one address.
    package var newcomersPerAddressMax = 200
    /// Bytes waiting for one agent above which it counts as not reading.
    package var writeBufferBytesMax = 2 << 20
    /// Questions that one agent may have open.
    package var questionsPerHostMax = 32
    /// Requests for certificates that may wait.
    package var certificateRequestsMax = 256
    /// Events that may wait for the consumer.
    package var eventsMax = 4_096
    /// Life of an agent's certificate.
    package var certificateLife: Duration = .seconds(7 * 86_400)
    /// How long after its end a certificate may still be renewed, by a host that was away.
    package var renewalGrace: Duration = .seconds(30 * 86_400)
    /// Time between two renewals when the whole fleet has to renew because an authority is being replaced.
    package var renewalSpacing: Duration = .milliseconds(20)
    /// How long agents have to finish when the coordinator stops.
    package var drainGrace: Duration = .milliseconds(500)
    /// The wall clock.
    package var now: @Sendable () -> Timestamp = FleetConfiguration.systemClock

    package init() {}

    /// The system's wall clock.
    package static func systemClock() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    var linkLimits: LinkEngine.Limits {
        LinkEngine.Limits(helloMax: helloMax, silenceMax: heartbeatInterval * 2)
    }

    var fanOutLimits: FanOutEngine.Limits {
        FanOutEngine.Limits(perHostMax: questionsPerHostMax)
    }
}
