import Hummingbird
import Logging
import MusterCore
import MusterIncident
import NIOCore

/// What is known of one request besides the request itself.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who asks; nil where nobody has to say so.
    var caller: Caller?
    /// Where the connection comes from, without the port.
    let address: String

    init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.address = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }

    /// The caller, who may do this.
    ///
    /// - Throws: ``OperationError`` with the code `denied`, naming the roles that may.
    func caller(with permission: OperatorRole.Permission) throws(OperationError) -> Caller {
        guard let caller else { throw OperationError(.denied, "this call needs a token") }
        guard caller.role.allows(permission) else {
            logger.warning(
                "Call was refused to an operator's role",
                metadata: [
                    "operator.name": "\(caller.name)", "operator.role": "\(caller.role.rawValue)",
                    "permission": "\(permission.rawValue)", "client.address": "\(address)",
                ]
            )
            throw OperationError(
                .denied,
                "\(caller.name) has the role \(caller.role.rawValue); "
                    + "this needs \(OperatorRole.allowing(permission))"
            )
        }
        return caller
    }
}

/// Who makes a call.
package struct Caller: Hashable, Sendable {
    package var name: String
    package var role: OperatorRole
    /// Where the call comes from, without the port.
    package var address: String

    package init(name: String, role: OperatorRole, address: String) {
        self.name = name
        self.role = role
        self.address = address
    }
}
