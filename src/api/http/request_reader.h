#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/limits.h"
#include "api/message.h"

namespace nova::api::http {

/// Turns bytes into one request. No input or output: tests and fuzzers feed it as they like.
class RequestReader {
public:
    explicit RequestReader(const Limits& limits);
    RequestReader(RequestReader&&) noexcept;
    RequestReader& operator=(RequestReader&&) noexcept;
    ~RequestReader();

    /// Takes what it understands off the front of `buffer`. A refusal means: answer it and close, nothing after it can be
    /// trusted.
    std::optional<Response> feed(std::string& buffer);

    bool started() const; ///< At least the head is complete.
    bool done() const;
    bool wants_continue(); ///< True once, when the client waits for "100 Continue" before it sends the body.
    bool keep_alive() const;
    Request take(); ///< Once, when done. Without an identity.

private:
    struct Parser;
    std::optional<Response> check_head();

    Limits limits_;
    std::unique_ptr<Parser> parser_;
    bool head_checked_ = false;
    bool continued_ = false;
};

/// "HTTP/1.1 200 OK" and the headers, with the empty line.
std::string response_head(const Response& response, std::optional<std::size_t> length, bool keep_alive);

const char* reason_phrase(int status);

} // namespace nova::api::http
