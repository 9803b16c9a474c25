#pragma once

#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::model {

using base::Result;

class JsonDocument;

/// One value of a JSON text: a handle into its document, which must outlive it. Cheap to copy.
class JsonValue {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

    Kind kind() const;
    std::string_view text() const;   ///< A string's decoded content; a number's or boolean's literal. Else empty.
    std::string_view key() const;    ///< Its name in the object that holds it. Else empty.
    std::string_view source() const; ///< The text it was read from, exactly.
    bool is_known() const;           ///< An object whose text was known (KnownText), and whose children are not here.

    bool has_children() const;
    JsonValue first() const; ///< Only where has_children().
    bool has_next() const;
    JsonValue next() const; ///< Only where has_next().

private:
    friend class JsonDocument;
    JsonValue(const JsonDocument& document, std::uint32_t index) : document_(&document), index_(index) {}

    const JsonDocument* document_;
    std::uint32_t index_;
};

/// A member of a member of the root that need not be read where somebody knows its very text from before: it is passed over.
struct KnownText {
    std::string_view above;                              ///< The root's member.
    std::string_view key;                                ///< In that one.
    std::function<bool(std::string_view text)> is_known; ///< Of an object's text, with its braces. Empty: none is.
    static constexpr int most_asked = 4;                 ///< Times that it is asked, for texts that have a key more than once.
};

/// A parsed JSON text in one flat table. Made for the start of a container, where a DOM of maps and strings costs more than
/// all system calls: one allocation for the table, none per value.
class JsonDocument {
public:
    static constexpr int most_depth = 64;
    static constexpr std::size_t most_values = 1u << 20;

    /// RFC 8259, strictly; UTF-8 is passed through unchecked. Where an object has a key twice, both are kept.
    /// Errors: invalid_argument - with line and column; deeper than most_depth; more values than most_values.
    /// `text` is borrowed, and must outlive the document.
    static Result<JsonDocument> parse(std::string_view text, const KnownText& known = {});
    template <std::same_as<std::string> Text>
    static void parse(Text&& text, const KnownText& known = {}) = delete; ///< It would be gone before the document.

    JsonDocument(JsonDocument&&) = default;
    JsonDocument& operator=(JsonDocument&&) = default;

    JsonValue root() const { return JsonValue{*this, 0}; }

private:
    friend class JsonValue;
    friend class JsonParser;

    static constexpr std::uint32_t none = 0xffffffff;
    struct Slice {
        std::uint32_t begin = 0;
        std::uint32_t size = 0;
    };
    struct Node {
        JsonValue::Kind kind = JsonValue::Kind::null;
        bool decoded = false;     ///< text.begin is an index into decoded_, since it had escapes.
        bool key_decoded = false; ///< The same for the key.
        bool known = false;       ///< Its children were passed over.
        Slice text;
        Slice key;
        Slice source;
        std::uint32_t child = none;
        std::uint32_t next = none;
    };

    JsonDocument() = default;
    std::string_view view(Slice slice, bool decoded) const;

    std::string_view text_;
    std::vector<Node> nodes_;
    std::deque<std::string> decoded_;
};

} // namespace nova::model
