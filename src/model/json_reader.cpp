#include "model/json_reader.h"

namespace nova::model {

using base::Code;
using base::Error;

JsonValue::Kind JsonValue::kind() const { return document_->nodes_[index_].kind; }

std::string_view JsonValue::text() const
{
    const auto& node = document_->nodes_[index_];
    return document_->view(node.text, node.decoded);
}

std::string_view JsonValue::key() const
{
    const auto& node = document_->nodes_[index_];
    return document_->view(node.key, node.key_decoded);
}

std::string_view JsonValue::source() const { return document_->view(document_->nodes_[index_].source, false); }

bool JsonValue::is_known() const { return document_->nodes_[index_].known; }

bool JsonValue::has_children() const { return document_->nodes_[index_].child != JsonDocument::none; }

JsonValue JsonValue::first() const { return JsonValue{*document_, document_->nodes_[index_].child}; }

bool JsonValue::has_next() const { return document_->nodes_[index_].next != JsonDocument::none; }

JsonValue JsonValue::next() const { return JsonValue{*document_, document_->nodes_[index_].next}; }

std::string_view JsonDocument::view(Slice slice, bool decoded) const
{
    if (decoded)
        return decoded_[slice.begin];
    return text_.substr(slice.begin, slice.size);
}

/// Recursive descent over the text; the first problem stops it.
class JsonParser {
public:
    JsonParser(JsonDocument& document, const KnownText& known) : document_(document), text_(document.text_), known_(known) {}

    Result<bool> parse()
    {
        document_.nodes_.reserve(text_.size() / 12 + 16);
        if (!value(0))
            return failure();
        skip_space();
        if (at_ != text_.size()) {
            (void)fail("text after the end of the value");
            return failure();
        }
        return true;
    }

private:
    using Node = JsonDocument::Node;
    using Kind = JsonValue::Kind;

    bool fail(const char* problem)
    {
        problem_ = problem;
        return false;
    }

    Error failure() const
    {
        std::size_t line = 1;
        std::size_t column = 1;
        for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
            column = text_[i] == '\n' ? 1 : column + 1;
            line += text_[i] == '\n';
        }
        return Error{Code::invalid_argument,
                     "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + problem_};
    }

    void skip_space()
    {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
    }

    bool take(char wanted)
    {
        if (at_ >= text_.size() || text_[at_] != wanted)
            return false;
        ++at_;
        return true;
    }

    bool value(int depth)
    {
        if (depth > JsonDocument::most_depth)
            return fail("nested too deeply");
        if (document_.nodes_.size() >= JsonDocument::most_values)
            return fail("too many values");
        skip_space();
        if (at_ >= text_.size())
            return fail("ends too early");
        auto const index = document_.nodes_.size();
        auto const begin = at_;
        document_.nodes_.emplace_back();
        bool const good = value_of(text_[at_], index, depth);
        document_.nodes_[index].source = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_ - begin)};
        return good;
    }

    bool value_of(char first, std::size_t index, int depth)
    {
        switch (first) {
        case '{': return children(index, Kind::object, '}', depth);
        case '[': return children(index, Kind::array, ']', depth);
        case '"': {
            document_.nodes_[index].kind = Kind::string;
            JsonDocument::Slice slice;
            bool decoded = false;
            bool const good = string(slice, decoded);
            document_.nodes_[index].text = slice;
            document_.nodes_[index].decoded = decoded;
            return good;
        }
        case 't': return literal(index, "true", Kind::boolean);
        case 'f': return literal(index, "false", Kind::boolean);
        case 'n': return literal(index, "null", Kind::null);
        default: return number(index);
        }
    }

    bool literal(std::size_t index, std::string_view word, Kind kind)
    {
        if (text_.substr(at_, word.size()) != word)
            return fail("no JSON value");
        document_.nodes_[index].kind = kind;
        document_.nodes_[index].text = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(word.size())};
        at_ += word.size();
        return true;
    }

    bool digits()
    {
        auto const begin = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9')
            ++at_;
        return at_ > begin;
    }

    bool number(std::size_t index)
    {
        auto const begin = at_;
        (void)take('-');
        bool const zero = at_ < text_.size() && text_[at_] == '0';
        if (zero)
            ++at_;
        else if (!digits())
            return fail("no JSON value");
        if (take('.') && !digits())
            return fail("a number ends with its point");
        if (take('e') || take('E')) {
            if (!take('+'))
                (void)take('-');
            if (!digits())
                return fail("a number has no exponent");
        }
        document_.nodes_[index].kind = Kind::number;
        document_.nodes_[index].text = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_ - begin)};
        return true;
    }

    bool children(std::size_t index, Kind kind, char end, int depth)
    {
        document_.nodes_[index].kind = kind;
        ++at_;
        skip_space();
        if (take(end))
            return true;
        std::size_t last = 0;
        while (true) {
            auto const child = document_.nodes_.size();
            if (!(kind == Kind::object ? member(depth) : value(depth + 1)))
                return false;
            if (last == 0)
                document_.nodes_[index].child = static_cast<std::uint32_t>(child);
            else
                document_.nodes_[last].next = static_cast<std::uint32_t>(child);
            last = child;
            skip_space();
            if (take(end))
                return true;
            if (!take(','))
                return fail(at_ >= text_.size() ? "ends too early" : "',' or the end of the list is missing");
        }
    }

    bool member(int depth)
    {
        skip_space();
        if (at_ >= text_.size())
            return fail("ends too early");
        if (text_[at_] != '"')
            return fail("a key must be a string");
        JsonDocument::Slice key;
        bool decoded = false;
        if (!string(key, decoded))
            return false;
        skip_space();
        if (!take(':'))
            return fail("':' is missing after a key");
        auto const child = document_.nodes_.size();
        auto const name = decoded ? std::string_view{} : document_.view(key, false);
        if (depth == 0)
            may_be_below_ = name == known_.above;
        bool const asks = depth == 1 && may_be_below_ && name == known_.key && known_.is_known && asked_ < KnownText::most_asked;
        if (!(asks && pass_over()) && !value(depth + 1))
            return false;
        document_.nodes_[child].key = key;
        document_.nodes_[child].key_decoded = decoded;
        return true;
    }

    /// An object whose text is known. Anything else is left as it is.
    bool pass_over()
    {
        ++asked_;
        skip_space();
        auto const end = end_of_object();
        if (end == at_ || !known_.is_known(text_.substr(at_, end - at_)))
            return false;
        auto& node = document_.nodes_.emplace_back();
        node.kind = Kind::object;
        node.known = true;
        node.source = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(end - at_)};
        at_ = end;
        return true;
    }

    /// Behind the brace that closes the one here; here, where there is none.
    std::size_t end_of_object() const
    {
        int open = 0;
        for (auto at = at_; at < text_.size(); ++at) {
            open += (text_[at] == '{') - (text_[at] == '}');
            if (open == 0)
                return text_[at] == '}' ? at + 1 : at_;
            if (text_[at] == '"')
                for (++at; at < text_.size() && text_[at] != '"'; ++at)
                    at += text_[at] == '\\';
        }
        return at_;
    }

    bool string(JsonDocument::Slice& slice, bool& decoded)
    {
        auto const begin = ++at_;
        for (; at_ < text_.size(); ++at_) {
            auto const character = static_cast<unsigned char>(text_[at_]);
            if (character == '"') {
                slice = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_ - begin)};
                ++at_;
                return true;
            }
            if (character < 0x20)
                return fail("a control character in a string");
            if (character == '\\') {
                decoded = true;
                at_ = begin;
                return escaped_string(slice);
            }
        }
        return fail("ends too early");
    }

    bool escaped_string(JsonDocument::Slice& slice)
    {
        std::string text;
        while (at_ < text_.size()) {
            auto const character = static_cast<unsigned char>(text_[at_++]);
            if (character == '"') {
                slice = {static_cast<std::uint32_t>(document_.decoded_.size()), 0};
                document_.decoded_.push_back(std::move(text));
                return true;
            }
            if (character < 0x20)
                return fail("a control character in a string");
            if (character != '\\')
                text += static_cast<char>(character);
            else if (!escape(text))
                return false;
        }
        return fail("ends too early");
    }

    bool escape(std::string& text)
    {
        if (at_ >= text_.size())
            return fail("ends too early");
        switch (text_[at_++]) {
        case '"': text += '"'; return true;
        case '\\': text += '\\'; return true;
        case '/': text += '/'; return true;
        case 'b': text += '\b'; return true;
        case 'f': text += '\f'; return true;
        case 'n': text += '\n'; return true;
        case 'r': text += '\r'; return true;
        case 't': text += '\t'; return true;
        case 'u': return unicode(text);
        default: return fail("an unknown escape in a string");
        }
    }

    bool hex4(std::uint32_t& code)
    {
        code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            char const c = at_ < text_.size() ? text_[at_] : '\0';
            auto const digit = c >= '0' && c <= '9'   ? c - '0'
                               : c >= 'a' && c <= 'f' ? c - 'a' + 10
                               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                      : -1;
            if (digit < 0)
                return fail("\\u needs four hexadecimal digits");
            code = code * 16 + static_cast<std::uint32_t>(digit);
        }
        return true;
    }

    bool unicode(std::string& text)
    {
        std::uint32_t code = 0;
        if (!hex4(code))
            return false;
        if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
            at_ += 2;
            std::uint32_t low = 0;
            if (!hex4(low))
                return false;
            if (low < 0xdc00 || low > 0xdfff)
                return fail("half a surrogate pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xd800 && code < 0xe000) {
            return fail("half a surrogate pair");
        }
        append_utf8(text, code);
        return true;
    }

    static void append_utf8(std::string& text, std::uint32_t code)
    {
        auto const put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xc0 | code >> 6);
            put(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            put(0xe0 | code >> 12);
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        } else {
            put(0xf0 | code >> 18);
            put(0x80 | (code >> 12 & 0x3f));
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        }
    }

    JsonDocument& document_;
    std::string_view text_;
    const KnownText& known_;
    bool may_be_below_ = false; ///< What is read belongs to the root's member that known_ names.
    int asked_ = 0;
    std::size_t at_ = 0;
    const char* problem_ = "";
};

Result<JsonDocument> JsonDocument::parse(std::string_view text, const KnownText& known)
{
    if (text.size() >= none)
        return Error{Code::invalid_argument, "larger than 4 GiB"};
    JsonDocument document;
    document.text_ = text;
    TRY(JsonParser(document, known).parse());
    return document;
}

} // namespace nova::model
