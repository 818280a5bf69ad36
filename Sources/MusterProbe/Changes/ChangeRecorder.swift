import Glibc
import MusterCore
import Synchronization

/// Notices changes on the host as they happen and keeps the newest: deploy markers, watched config files, packages and
/// the system's own settings.
///
/// One thread calls ``tick(now:)`` about once a second; questions come from any thread.
package final class ChangeRecorder: Sendable {
    private struct State {
        var markers: DeployMarkers?
        var watcher: ConfigWatcher
        var services: ServiceWatcher
        var system: SystemWatcher
        var packages: PackageWatcher
        /// When packages, which are looked at less often, are looked at next.
        var packagesDue = Timestamp(nanoseconds: .min)
        /// In the order in which they were learnt.
        var changes: [Change] = []
        var dropped = 0
    }

    /// A diff has at most 8 KiB, so all of them together a few MiB.
    private static let changesMax = 500

    private let host: String
    private let state: Mutex<State>
    /// Apart from the rest: a folder on a disk that hangs holds up a tick, and must hold up nothing else.
    private let newest = Mutex<[String: String]>([:])

    private static let packagesInterval = Duration.seconds(5)

    /// `host` is the name that changes are told under; `zoneOffsetSeconds` is of logs that name no zone.
    package init(
        files: HostFiles,
        host: String,
        markers: String?,
        watch: [ConfigWatcher.Input],
        zoneOffsetSeconds: Int = 0
    ) {
        self.host = host
        self.state = Mutex(
            State(
                markers: markers.map { DeployMarkers(files: files, directory: $0) },
                watcher: ConfigWatcher(files: files, inputs: watch),
                services: ServiceWatcher(files: files),
                system: SystemWatcher(files: files),
                packages: PackageWatcher(files: files, zoneOffsetSeconds: zoneOffsetSeconds)
            )
        )
    }

    /// Looks once at everything that is watched; `processes` are all that run, where somebody looked.
    package func tick(now: Timestamp, processes: [ProcessReading]? = nil) {
        state.withLock { state in
            var found = state.markers?.scan() ?? []
            found += state.watcher.scan(now: now)
            found += state.system.scan(now: now)
            if let processes {
                found += state.services.take(processes, now: now, uptime: Self.uptime)
            }
            // A clock that was set back must not stop it.
            if now >= state.packagesDue || state.packagesDue - now > Self.packagesInterval {
                state.packagesDue = now + Self.packagesInterval
                found += state.packages.scan(now: now)
            }
            for var change in found {
                change.hosts = [host]
                state.changes.append(change)
            }
            let excess = state.changes.count - Self.changesMax
            if excess > 0 {
                state.changes.removeFirst(excess)
                state.dropped += excess
            }
            if let versions = state.markers?.versions { newest.withLock { $0 = versions } }
        }
    }

    private static var uptime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec)
    }

    /// Changes of a window, oldest first; those of no known service are told with every service.
    package func changes(in window: TimeWindow, service: String) -> [Change] {
        let all = state.withLock { $0.changes }
        return all.filter { change in
            window.contains(change.at)
                && (service.isEmpty || change.service.isEmpty || change.service == service)
        }.sorted { $0.at < $1.at }
    }

    /// Changes that had to be forgotten, and markers that were not understood, since the start.
    package var losses: (forgotten: Int, malformed: Int) {
        state.withLock { ($0.dropped, $0.markers?.malformed ?? 0) }
    }

    /// Version that the newest deploy marker of each service names, as of the last tick; never waits.
    package var versions: [String: String] { newest.withLock { $0 } }

    /// Hash of each watched file that is there.
    package var configHashes: [String: String] { state.withLock { $0.watcher.hashes } }
}
