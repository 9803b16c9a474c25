#include "base/websocket_frame.h"

#include <array>
#include <bit>

namespace nova::base {
namespace {

constexpr std::size_t short_payload = 125; // Longer ones carry a 16 or 64 bit length.
constexpr std::size_t medium_payload = 65535;

void append_number(std::string& text, std::uint64_t number, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        text += static_cast<char>(number >> shift);
}

std::uint64_t read_number(std::string_view text)
{
    std::uint64_t number = 0;
    for (unsigned char const byte : text)
        number = number << 8 | byte;
    return number;
}

void apply_mask(std::string& payload, std::string_view mask)
{
    for (std::size_t i = 0; i < payload.size(); ++i)
        payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
}

Error bad_frame(const char* what) { return Error{Code::invalid_argument, std::string{"bad WebSocket frame: "} + what}; }

bool known(unsigned type) { return type <= 2 || (type >= 8 && type <= 10); }

/// One round's function and constant of SHA-1.
std::uint32_t mix(int round, std::uint32_t b, std::uint32_t c, std::uint32_t d)
{
    if (round < 20)
        return ((b & c) | (~b & d)) + 0x5A827999;
    if (round < 40)
        return (b ^ c ^ d) + 0x6ED9EBA1;
    if (round < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
    return (b ^ c ^ d) + 0xCA62C1D6;
}

void sha1_block(std::array<std::uint32_t, 5>& state, std::string_view block)
{
    std::array<std::uint32_t, 80> words{};
    for (std::size_t i = 0; i < 16; ++i)
        words[i] = static_cast<std::uint32_t>(read_number(block.substr(i * 4, 4)));
    for (std::size_t i = 16; i < 80; ++i)
        words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    auto [a, b, c, d, e] = state;
    for (int round = 0; round < 80; ++round) {
        auto const next = std::rotl(a, 5) + mix(round, b, c, d) + e + words[static_cast<std::size_t>(round)];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

/// SHA-1, which RFC 6455 demands for the handshake; it protects nothing there. Own, so that a client needs no crypto library.
std::string sha1(std::string_view text)
{
    std::string padded{text};
    padded += '\x80';
    padded.append((120 - padded.size() % 64) % 64, '\0');
    append_number(padded, text.size() * 8, 8);
    std::array<std::uint32_t, 5> state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (std::size_t at = 0; at < padded.size(); at += 64)
        sha1_block(state, std::string_view{padded}.substr(at, 64));
    std::string digest;
    for (auto const word : state)
        append_number(digest, word, 4);
    return digest;
}

struct FrameHead {
    std::size_t size = 2; ///< Of the head itself, with length and mask.
    std::uint64_t payload = 0;
};

/// Empty: more bytes are needed.
std::optional<FrameHead> read_head(std::string_view buffer)
{
    if (buffer.size() < 2)
        return std::nullopt;
    FrameHead head;
    head.payload = static_cast<unsigned char>(buffer[1]) & 0x7fu;
    bool const masked = static_cast<unsigned char>(buffer[1]) & 0x80u;
    std::size_t const extra = head.payload == 127 ? 8 : head.payload == 126 ? 2 : 0;
    head.size = 2 + extra + (masked ? 4 : 0);
    if (buffer.size() < head.size)
        return std::nullopt;
    if (extra > 0)
        head.payload = read_number(buffer.substr(2, extra));
    return head;
}

} // namespace

std::string encode_frame(FrameType type, std::string_view payload, Masking masking, std::uint32_t mask)
{
    std::string frame;
    frame.reserve(payload.size() + 14);
    frame += static_cast<char>(0x80u | static_cast<unsigned>(type));
    unsigned const mask_bit = masking == Masking::client ? 0x80u : 0;
    if (payload.size() <= short_payload) {
        frame += static_cast<char>(mask_bit | payload.size());
    } else if (payload.size() <= medium_payload) {
        frame += static_cast<char>(mask_bit | 126u);
        append_number(frame, payload.size(), 2);
    } else {
        frame += static_cast<char>(mask_bit | 127u);
        append_number(frame, payload.size(), 8);
    }
    if (masking == Masking::server)
        return frame.append(payload);
    std::string key;
    append_number(key, mask, 4);
    std::string masked{payload};
    apply_mask(masked, key);
    return frame + key + masked;
}

Result<std::optional<WebSocketFrame>> take_frame(std::string& buffer, Masking sender, std::size_t most)
{
    if (buffer.size() < 2)
        return std::optional<WebSocketFrame>{};
    auto const first = static_cast<unsigned char>(buffer[0]);
    bool const masked = static_cast<unsigned char>(buffer[1]) & 0x80u;
    unsigned const type = first & 0xfu;
    if ((first & 0x70u) != 0)
        return bad_frame("reserved bits are set");
    if (!known(type))
        return bad_frame("unknown type");
    if (masked != (sender == Masking::client))
        return bad_frame("masking is not as this side must do it");
    auto const head = read_head(buffer);
    if (!head)
        return std::optional<WebSocketFrame>{};
    bool const last = first & 0x80u;
    if (type >= 8 && (!last || head->payload > short_payload))
        return bad_frame("a control frame is long or in parts");
    if (head->payload > most)
        return bad_frame("too long");
    if (buffer.size() - head->size < head->payload)
        return std::optional<WebSocketFrame>{};
    WebSocketFrame frame{static_cast<FrameType>(type), last, buffer.substr(head->size, head->payload)};
    if (masked)
        apply_mask(frame.payload, std::string_view{buffer}.substr(head->size - 4, 4));
    buffer.erase(0, head->size + head->payload);
    return std::optional{std::move(frame)};
}

std::string websocket_accept(std::string_view key)
{
    return to_base64(sha1(std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

std::string to_base64(std::string_view bytes)
{
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        auto const piece = bytes.substr(i, 3);
        auto const number = read_number(piece) << (8 * (3 - piece.size()));
        for (std::size_t digit = 0; digit < 4; ++digit)
            text += digit <= piece.size() ? digits[number >> (18 - 6 * digit) & 0x3f] : '=';
    }
    return text;
}

} // namespace nova::base
