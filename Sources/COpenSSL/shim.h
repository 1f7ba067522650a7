// OpenSSL 3: TLS towards upstreams, SHA-256 of client keys.
// What OpenSSL spells as a macro is spelled here as an inline function, for Swift imports no macro with arguments.
#ifndef SLUICE_OPENSSL_SHIM_H
#define SLUICE_OPENSSL_SHIM_H
#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_Init and kin: the one-shot EVP call costs four times as much per key.
#include <openssl/err.h>
#include <openssl/opensslv.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline long sluice_ssl_set_server_name(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name);
}
static inline long sluice_ssl_ctx_set_min_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version);
}
static inline long sluice_ssl_ctx_set_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_mode(context, mode);
}
static inline long sluice_ssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline const char *sluice_openssl_version(void) { return OpenSSL_version(OPENSSL_VERSION); }
#endif
