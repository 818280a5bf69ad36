import FoundationEssentials
import MusterCore
import MusterYAML
import Testing

@testable import MusterCoordinator

@Suite("API: its description")
struct OpenAPITests {
    @Test("Protocols/openapi.yaml lists exactly the calls there are, each with its permission")
    func calls() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let path = "/\(root)/Protocols/openapi.yaml"
        let bytes = try #require(Self.read(path))
        let document = try YAMLReader.read(bytes, name: "openapi.yaml")
        let paths = try #require(Self.entries(document.root).first { $0.key == "paths" }?.value)
        var described: Set<String> = []
        for path in Self.entries(paths) {
            for method in Self.entries(path.value) where ["get", "post", "delete"].contains(method.key) {
                let permission = Self.entries(method.value).first { $0.key == "x-permission" }?.value
                guard path.key.hasPrefix("/api/v1/"), let permission,
                    case .scalar(let word, _) = permission.value
                else {
                    continue
                }
                let short = path.key.dropFirst(8).split(separator: "/").map {
                    $0.hasPrefix("{") ? "*" : String($0)
                }
                described.insert("\(method.key.uppercased()) \(short.joined(separator: "/")) \(word)")
            }
        }
        let known = APIAccessTests.calls.map { call in
            let short = call.path.split(separator: "/").map { $0.count == 1 ? "*" : String($0) }
            return "\(call.method) \(short.joined(separator: "/")) \(call.permission.rawValue)"
        }
        #expect(described == Set(known))
    }

    private static func entries(_ node: DocumentNode) -> [DocumentEntry] {
        if case .mapping(let entries) = node.value { entries } else { [] }
    }
}

extension OpenAPITests {
    private static func read(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { Array($0) }
    }
}
