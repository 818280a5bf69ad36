internal import CCurl
import Glibc

/// libcurl, loaded on first use: it brings some thirty libraries along, which a host that asks no URL never maps.
///
/// `@unchecked Sendable`: the table of functions is filled once and only read after.
struct CurlLibrary: @unchecked Sendable {
    let api: muster_curl

    private static let loaded = Result { () throws(HTTPError) in try load() }

    /// The library; throws when the host does not have it.
    static func shared() throws(HTTPError) -> CurlLibrary { try loaded.get() }

    private static func load() throws(HTTPError) -> CurlLibrary {
        guard let handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL) else {
            throw HTTPError(.libraryMissing, "libcurl.so.4 is not installed; Debian's package is libcurl4")
        }
        var api = muster_curl()
        if let missing = muster_curl_load(handle, &api) {
            throw HTTPError(.libraryMissing, "libcurl.so.4 has no \(String(cString: missing))")
        }
        guard api.global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
            throw HTTPError(.libraryMissing, "libcurl can't be initialised")
        }
        return CurlLibrary(api: api)
    }
}
