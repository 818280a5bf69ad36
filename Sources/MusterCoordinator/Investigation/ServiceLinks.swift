import MusterCause
import MusterCore
import MusterIncident

/// Which service calls which, as far as connections, checks of dependencies and requests show it together.
///
/// Connections are known by unit or process, requests by the service that their log is of: where both have one name they are
/// one. A check names who needs what it checks; when the host at its other end serves requests of one service alone, that is
/// what it checks.
struct ServiceLinks: Sendable {
    private(set) var calls: [ServiceCall] = []
    /// Services of which it would have shown if they were unwell.
    private(set) var looked: [String] = []

    /// Kinds of checks that look at what others ask of it; a health check of a service is well while its requests fail.
    private static let tellsAll: Set<String> = ["postgres"]
    /// Requests in either window from which a service counts as looked at.
    private static let requestsMin = 20

    init(
        mapped: [ServiceCall],
        dependencies: [DependencyState],
        far: FarEnds,
        requests: [(service: String, hosts: Set<AgentID>, before: Int, since: Int)]
    ) {
        for service in requests where service.before >= Self.requestsMin && service.since > 0 {
            note(service.service)
        }
        for call in mapped { add(call) }
        var served: [AgentID: [String]] = [:]
        for service in requests {
            for host in service.hosts { served[host, default: []].append(service.service) }
        }
        let unwell = Set(dependencies.lazy.filter { !$0.healthy }.map(\.name))
        for state in dependencies {
            let services = far.host(of: state.target).flatMap { served[$0.id] } ?? []
            let callee = state.kind == "http" && services.count == 1 ? services[0] : state.name
            for caller in state.services { add(ServiceCall(caller: caller, callee: callee)) }
            if callee == state.name, Self.tellsAll.contains(state.kind), !unwell.contains(state.name) {
                note(callee)
            }
        }
    }

    private mutating func add(_ call: ServiceCall) {
        guard call.caller != call.callee, Self.isShort(call.caller), Self.isShort(call.callee),
            calls.count < Inquiry.callsMax, !calls.contains(call)
        else { return }
        calls.append(call)
    }

    /// Names come from hosts, and go into the record.
    private static func isShort(_ name: String) -> Bool { name.utf8.count <= 128 }

    private mutating func note(_ service: String) {
        guard Self.isShort(service), looked.count < Inquiry.callsMax, !looked.contains(service) else {
            return
        }
        looked.append(service)
    }
}
