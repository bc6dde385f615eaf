// Certificate: what a DTLS endpoint shows its peers: a self-signed ECDSA P-256 certificate and its key, made
// anew at each start (RFC 8827 section 6.5 asks for no longer life). Its fingerprint travels by signaling.
#pragma once
#include <memory>

#include "base/result.h"
#include "transport/sdp.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace everframe::transport {

class Certificate {
 public:
  static Result<std::shared_ptr<const Certificate>> make();
  ~Certificate();

  const Fingerprint& fingerprint() const { return fingerprint_; }
  SSL_CTX* server_context() const { return server_; }
  SSL_CTX* client_context() const { return client_; }

 private:
  Certificate() = default;
  SSL_CTX* server_ = nullptr;
  SSL_CTX* client_ = nullptr;
  Fingerprint fingerprint_{};
};

}  // namespace everframe::transport
