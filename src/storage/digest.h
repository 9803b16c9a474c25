#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using base::Status;

/// SHA-256 of what is added piece by piece.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    ~Sha256();

    void add(std::string_view bytes);
    std::string take_hex(); ///< 64 lower-case digits. Ends the sum: add nothing afterwards.

    static std::string of(std::string_view bytes);

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

/// "sha256:<64 hex>" -> the hex.
/// Errors: invalid_argument - anything else, so that a digest can serve as a file name.
Result<std::string> parse_digest(std::string_view text);

bool is_sha256_hex(std::string_view text);

/// A foreign name for a message: in quotes, what is not printable ASCII as \xNN, cut at 200 bytes.
std::string in_quotes(std::string_view name);

} // namespace nova::storage
