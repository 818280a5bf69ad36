/// One service calls another.
package struct ServiceCall: Hashable, Sendable, Codable {
    package var caller: String
    package var callee: String

    package init(caller: String, callee: String) {
        self.caller = caller
        self.callee = callee
    }
}
