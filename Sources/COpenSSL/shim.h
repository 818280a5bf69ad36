// Headers of the distribution's OpenSSL, and its macros and variadic functions that Swift can't call.
#pragma once
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *muster_generate_p256(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"); }

static inline EVP_PKEY *muster_generate_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

// Writes the key as encrypted PKCS #8: PBES2 with scrypt (N 2^14, r 8, p 5: 16 MiB, as much as a reader of OpenSSL's
// defaults takes, repeated five times) and AES-256-CBC. 1 when done.
static inline int muster_write_encrypted(BIO *bio, const EVP_PKEY *key, const char *passphrase, int length) {
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    if (plain == NULL) return 0;
    X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 16, NULL, 1 << 14, 8, 5);
    X509_SIG *sealed = algorithm == NULL ? NULL : PKCS8_set0_pbe(passphrase, length, plain, algorithm);
    PKCS8_PRIV_KEY_INFO_free(plain);
    if (sealed == NULL) {
        X509_ALGOR_free(algorithm);
        return 0;
    }
    int written = PEM_write_bio_PKCS8(bio, sealed);
    X509_SIG_free(sealed);
    return written;
}

// Hands the passphrase, a counted text behind `user`, to a reader of PEM; -1 when it does not fit.
typedef struct {
    const char *bytes;
    int length;
} muster_passphrase;

static inline int muster_give_passphrase(char *buffer, int size, int writing, void *user) {
    (void)writing;
    const muster_passphrase *passphrase = user;
    if (passphrase->length > size) return -1;
    memcpy(buffer, passphrase->bytes, (size_t)passphrase->length);
    return passphrase->length;
}

static inline EVP_PKEY *muster_read_encrypted(BIO *bio, const char *passphrase, int length) {
    muster_passphrase given = {passphrase, length};
    return PEM_read_bio_PrivateKey(bio, NULL, muster_give_passphrase, &given);
}

// The bytes written to a memory BIO; they belong to it.
static inline long muster_memory_bytes(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

// Adds the extension to `certificate`, in the syntax of x509v3_config(5). 1 when done.
static inline int muster_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static inline int muster_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

// Length of the URI at `index`, whose bytes belong to `names`; -1 when that name is no URI.
static inline int muster_uri(const GENERAL_NAMES *names, int index, const unsigned char **bytes) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name == NULL || name->type != GEN_URI) return -1;
    *bytes = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
    return ASN1_STRING_length(name->d.uniformResourceIdentifier);
}

static inline int muster_certificates_count(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *muster_certificate(const STACK_OF(X509) *stack, int index) { return sk_X509_value(stack, index); }
static inline STACK_OF(X509) *muster_certificates_new(void) { return sk_X509_new_null(); }
static inline int muster_certificates_push(STACK_OF(X509) *stack, X509 *one) { return sk_X509_push(stack, one); }
// Frees the list, not what it lists.
static inline void muster_certificates_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline int muster_require_tls13(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
        && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}

// Partial and moving writes suit a queue of bytes; idle connections give their buffers back.
static inline void muster_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(
        context,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
    );
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline long muster_set_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

// The alert that the peer sent, from an error of the queue; -1 when the error is none.
static inline int muster_alert(unsigned long error) {
    if (ERR_SYSTEM_ERROR(error) || ERR_GET_LIB(error) != ERR_LIB_SSL) return -1;
    int reason = ERR_GET_REASON(error);
    return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256 ? reason - SSL_AD_REASON_OFFSET : -1;
}

static inline int muster_is_unexpected_eof(unsigned long error) {
    return !ERR_SYSTEM_ERROR(error) && ERR_GET_LIB(error) == ERR_LIB_SSL
        && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the peer is gone.
static inline int muster_socket_write(BIO *bio, const char *bytes, int count) {
    int descriptor = -1;
    BIO_get_fd(bio, &descriptor);
    errno = 0;
    int sent = (int)send(descriptor, bytes, (size_t)count, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (sent <= 0 && BIO_sock_should_retry(sent)) BIO_set_retry_write(bio);
    return sent;
}

// A method like BIO_s_socket() that never raises SIGPIPE; NULL without memory.
static inline BIO_METHOD *muster_socket_method(void) {
    const BIO_METHOD *socket = BIO_s_socket();
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    if (method == NULL) return NULL;
    BIO_meth_set_write(method, muster_socket_write);
    BIO_meth_set_read(method, BIO_meth_get_read(socket));
    BIO_meth_set_puts(method, BIO_meth_get_puts(socket));
    BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(socket));
    BIO_meth_set_create(method, BIO_meth_get_create(socket));
    BIO_meth_set_destroy(method, BIO_meth_get_destroy(socket));
    return method;
}

// Gives the connection a descriptor, which stays the caller's to close. 1 when done.
static inline int muster_attach(SSL *ssl, const BIO_METHOD *method, int descriptor) {
    BIO *bio = BIO_new(method);
    if (bio == NULL) return 0;
    BIO_set_fd(bio, descriptor, BIO_NOCLOSE);
    SSL_set_bio(ssl, bio, bio);
    return 1;
}
