#include "storage/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/must.h"

namespace nova::storage {

struct Sha256::Context {
    EVP_MD_CTX* md = EVP_MD_CTX_new();
    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>())
{
    base::must(context_->md != nullptr && EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) == 1, "OpenSSL has no SHA-256");
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes)
{
    base::must(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
}

std::string Sha256::take_hex()
{
    std::array<unsigned char, 32> sum{};
    base::must(EVP_DigestFinal_ex(context_->md, sum.data(), nullptr) == 1, "SHA-256 failed");
    std::string hex;
    for (unsigned char const byte : sum) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 0xf];
    }
    return hex;
}

std::string Sha256::of(std::string_view bytes)
{
    Sha256 sum;
    sum.add(bytes);
    return sum.take_hex();
}

bool is_sha256_hex(std::string_view text)
{
    return text.size() == 64 &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<std::string> parse_digest(std::string_view text)
{
    constexpr std::string_view prefix = "sha256:";
    if (!text.starts_with(prefix) || !is_sha256_hex(text.substr(prefix.size())))
        return base::Error{base::Code::invalid_argument, "no digest of the form sha256:<64 hex digits>: " + in_quotes(text)};
    return std::string{text.substr(prefix.size())};
}

std::string in_quotes(std::string_view name)
{
    constexpr std::size_t most = 200;
    std::string text = "\"";
    for (char const c : name.substr(0, most)) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            text += '\\';
        if (byte >= 0x20 && byte < 0x7f) {
            text += c;
        } else {
            text += "\\x";
            text += "0123456789abcdef"[byte >> 4];
            text += "0123456789abcdef"[byte & 0xf];
        }
    }
    return text + (name.size() > most ? "…\"" : "\"");
}

} // namespace nova::storage
