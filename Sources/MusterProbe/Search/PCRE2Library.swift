internal import CPCRE2
import Glibc

/// libpcre2-8, loaded on first use: a host that is never asked with a regular expression maps nothing of it.
///
/// `@unchecked Sendable`: the table of functions is filled once and only read after.
struct PCRE2Library: @unchecked Sendable {
    let api: muster_pcre2

    private static let loaded = Result { () throws(ProbeError) in try load() }

    /// The library; throws when the host does not have it.
    static func shared() throws(ProbeError) -> PCRE2Library { try loaded.get() }

    private static func load() throws(ProbeError) -> PCRE2Library {
        guard let handle = dlopen("libpcre2-8.so.0", RTLD_NOW | RTLD_LOCAL) else {
            throw ProbeError(
                .refused,
                "regular expressions need libpcre2-8.so.0, which this host does not have; "
                    + "Debian's package is libpcre2-8-0"
            )
        }
        var api = muster_pcre2()
        if let missing = muster_pcre2_load(handle, &api) {
            throw ProbeError(.refused, "libpcre2-8.so.0 has no \(String(cString: missing))")
        }
        return PCRE2Library(api: api)
    }
}
