import MusterCore
import MusterIdentity
import MusterYAML

/// A list of approvers that an offline root signs.
package struct ApproverListFile: Hashable, Sendable {
    package var path: String
    /// Key of the root, 32 bytes of Ed25519.
    package var root: [UInt8]

    package init(path: String, root: [UInt8]) {
        self.path = path
        self.root = root
    }

    /// The list as it stands now; throws a sentence when it does not count.
    ///
    /// No epoch is remembered here: hosts judge for themselves, this only tells people early.
    package func read(at now: Timestamp) throws(PolicyRefusal) -> ApproverList {
        let bytes: [UInt8]
        do throws(StateFileError) {
            bytes = try StateFile.read(path, bytesMax: ApproverList.bytesMax)
        } catch {
            throw PolicyRefusal(error.message)
        }
        guard let signed = SignedApprovers(file: bytes), signed.isSigned(by: root) else {
            throw PolicyRefusal("\(path) is not signed by the key approver_root of coordinator.yaml")
        }
        let list: ApproverList
        do throws(DocumentError) {
            list = try ApproverList(document: try YAMLReader.read(signed.content, name: path)) {
                Base64.bytes($0)
            }
        } catch {
            throw PolicyRefusal(error.description)
        }
        try list.checkTime(now)
        return list
    }
}

/// Whose signatures the coordinator knows, so that people hear early of one that no host would take.
package struct ApproverDirectory: Sendable {
    private let approvers: [String: [UInt8]]
    private let list: ApproverListFile?
    private let now: @Sendable () -> Timestamp

    package init(
        _ configuration: CoordinatorConfiguration = CoordinatorConfiguration(),
        now: @escaping @Sendable () -> Timestamp = FleetConfiguration.systemClock
    ) {
        approvers = configuration.approvers
        list = configuration.approverList
        self.now = now
    }

    /// Keys by name of those who may do this; nil when nobody is listed, and the hosts alone judge.
    ///
    /// Throws a sentence when there is a list that does not count.
    package func keys(of right: ApproverRight) throws(PolicyRefusal) -> [String: [UInt8]]? {
        guard let list else { return approvers.isEmpty ? nil : approvers }
        var keys: [String: [UInt8]] = [:]
        for approver in try list.read(at: now()).approvers where approver.may.contains(right) {
            keys[approver.name] = approver.key
        }
        return keys
    }

    /// Why its list does not count; nil when it does or there is none.
    package var problem: String? {
        do throws(PolicyRefusal) {
            _ = try keys(of: .approve)
            return nil
        } catch {
            return error.reason
        }
    }
}
