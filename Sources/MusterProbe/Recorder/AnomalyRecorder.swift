import MusterAnalysis
import MusterCore
import Synchronization

/// Watches what the host's recorders measure, and tells what is not itself.
///
/// Series are looked at every ten seconds: a tenth of the points costs a tenth of the time, and means of ten seconds
/// are what an incident of minutes is seen in. One thread feeds it; questions and heartbeats come from any.
final class AnomalyRecorder: Sendable {
    private struct State {
        var watch = AnomalyWatch()
        var requests = RequestSeries()
        /// The last tick of ten seconds whose logs were taken in.
        var logsTick: UInt32 = 0
    }

    private let state = Mutex(State())

    /// Lines are written a while after what they tell of: ticks that a tick's requests are waited for.
    private static let lateTicks: UInt32 = 2

    /// Takes in the means of ten seconds.
    func take(_ means: MetricsMeans) {
        let tick = AnomalyWatch.tick(of: means.at)
        state.withLock { state in
            for (key, value) in means.values {
                state.watch.add(value, name: key.name, subject: key.subject, tick: tick)
            }
        }
    }

    /// Takes in what the logs of the last ten seconds held, when they are over; does nothing before.
    func take(_ logs: LogRecorder, now: Timestamp) {
        let tick = AnomalyWatch.tick(of: now)
        let isDue = state.withLock { state in
            defer { state.logsTick = tick }
            return state.logsTick != tick && tick > Self.lateTicks
        }
        guard isDue else { return }
        let from = Timestamp(nanoseconds: Int64(tick - Self.lateTicks) * 10_000_000_000)
        let requests = logs.requests(in: TimeWindow(from: from, to: from + .seconds(10)))
        logs.takeTemplates { counts, text in
            state.withLock { state in
                state.requests.feed(requests, tick: tick - Self.lateTicks, to: &state.watch)
                for (id, count, level) in counts { state.watch.add(lines: count, of: id, level: level) }
                state.watch.endTick(tick, pattern: text)
            }
        }
    }

    /// How the host is; what series are of is masked.
    var digest: HealthDigest {
        var digest = state.withLock { $0.watch.digest }
        for index in digest.worst.indices {
            digest.worst[index].subject = SecretMask.mask(digest.worst[index].subject)
        }
        return digest
    }

    /// What goes on, and what was over inside the window; what series are of is masked.
    func answer(window: TimeWindow, prefix: String) -> AnomaliesAnswer {
        var answer = state.withLock { $0.watch.anomalies(window: window, prefix: prefix) }
        for index in answer.anomalies.indices {
            answer.anomalies[index].subject = SecretMask.mask(answer.anomalies[index].subject)
        }
        return answer
    }
}
