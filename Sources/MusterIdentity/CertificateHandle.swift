internal import COpenSSL
import Glibc
import MusterCore

/// Owns one certificate of OpenSSL.
///
/// `@unchecked Sendable`: it is never changed after it was read or issued, and OpenSSL locks what it caches
/// inside it.
final class CertificateHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes ownership.
    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    /// Shares ownership with whoever holds it already.
    init(sharing pointer: OpaquePointer) {
        X509_up_ref(pointer)
        self.pointer = pointer
    }

    deinit { X509_free(pointer) }

    var der: [UInt8]? { Encoding.der { i2d_X509(pointer, $0) } }

    /// SubjectPublicKeyInfo in DER, as it stands in the certificate.
    var publicKeyDER: [UInt8]? {
        guard let key = X509_get_X509_PUBKEY(pointer) else { return nil }
        return Encoding.der { i2d_X509_PUBKEY(key, $0) }
    }

    var uris: [String] {
        guard let extensionValue = X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let names = OpaquePointer(extensionValue)
        defer { GENERAL_NAMES_free(names) }
        return (0..<max(0, muster_names_count(names))).compactMap { index in
            var start: UnsafePointer<UInt8>?
            let count = muster_uri(names, index, &start)
            guard let start, count >= 0 else { return nil }
            let bytes = UnsafeBufferPointer(start: start, count: Int(count))
            // A NUL inside would show another name than the one compared.
            guard bytes.allSatisfy({ $0 >= 0x21 && $0 < 0x7F }) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    var serial: String {
        guard let number = X509_get0_serialNumber(pointer) else { return "" }
        let count = Int(ASN1_STRING_length(number))
        guard let start = ASN1_STRING_get0_data(number) else { return "" }
        return Hex.text(of: UnsafeBufferPointer(start: start, count: count))
    }

    static func timestamp(_ time: UnsafePointer<ASN1_TIME>?) -> Timestamp? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        let days = Timestamp.daysSinceEpoch(
            year: Int(parts.tm_year) + 1900,
            month: Int(parts.tm_mon) + 1,
            day: Int(parts.tm_mday)
        )
        let seconds = Int64(parts.tm_hour) * 3600 + Int64(parts.tm_min) * 60 + Int64(parts.tm_sec)
        // Saturates for the years that X.509 can write and a timestamp can't: 9999 means "never".
        return Timestamp.zero + .seconds(days * 86_400 + seconds)
    }
}
