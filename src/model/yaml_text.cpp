#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "model/description.h"
#include "model/registry.h"
#include "model/text_limits.h"

namespace nova::model {
namespace {

/// What is wrong with a document, thrown through the library's parser to stop it and caught in this file.
struct Refused {
    YAML::Mark mark;
    std::string message;
};

template <typename Number>
std::optional<Number> whole(std::string_view text, int base)
{
    Number number{};
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return failure == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

json to_number(const std::string& text)
{
    if (text.starts_with("0x") || text.starts_with("0o"))
        if (auto const number = whole<std::uint64_t>(std::string_view{text}.substr(2), text[1] == 'x' ? 16 : 8))
            return *number;
    std::string_view digits = text;
    if (digits.starts_with('+'))
        digits.remove_prefix(1);
    if (auto const number = whole<std::uint64_t>(digits, 10))
        return *number;
    if (auto const number = whole<std::int64_t>(digits, 10))
        return *number;
    double real = 0;
    auto const [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), real);
    // from_chars reads "inf" and "nan" too, which JSON can't write.
    if (failure == std::errc{} && end == digits.data() + digits.size() && std::isfinite(real) &&
        digits.find_first_of("0123456789") < 3)
        return real;
    return text;
}

/// A scalar without quotes, by the core schema of YAML 1.2.
json plain(const std::string& text)
{
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
        return nullptr;
    if (text == "true" || text == "True" || text == "TRUE")
        return true;
    if (text == "false" || text == "False" || text == "FALSE")
        return false;
    return text.find_first_of("0123456789") == std::string::npos ? json(text) : to_number(text);
}

/// Builds JSON from the parser's events. Aliases are copies, which are counted, so that a small text can't become a large value.
class Builder : public YAML::EventHandler {
public:
    json take() { return std::move(root_); }
    const YAML::Mark& start() const { return start_; }

    void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(mark, anchor, nullptr); }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        auto const found = anchors_.find(anchor);
        if (found == anchors_.end())
            throw Refused{mark, "an alias lies inside what it stands for"};
        count(mark, found->second.nodes);
        if (stack_.size() + found->second.depth > most_nested)
            throw Refused{mark, "is nested more than " + std::to_string(most_nested) + " levels deep"};
        if (!stack_.empty())
            stack_.back().depth_below = std::max(stack_.back().depth_below, found->second.depth);
        auto copy = found->second.value;
        put_value(mark, std::move(copy));
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override
    {
        if (find_no_utf8(value) != std::string::npos) // An escape can still make one: "\ud800".
            throw Refused{mark, "the string is no UTF-8"};
        if (tag == "?" || tag.empty())
            put(mark, anchor, awaits_key() ? json(value) : plain(value));
        else if (tag == "!" || tag == "tag:yaml.org,2002:str")
            put(mark, anchor, value);
        else
            throw Refused{mark, "the tag " + tag.substr(0, 60) + " is not known here"};
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override
    {
        begin(mark, anchor, json::array());
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override
    {
        begin(mark, anchor, json::object());
    }
    void OnMapEnd() override { end(); }

private:
    struct Level {
        YAML::Mark mark;
        YAML::anchor_t anchor;
        json value;
        std::optional<std::string> key; ///< Of a map: the key whose value comes next.
        std::size_t first_node;
        std::size_t depth_below = 0;
    };
    struct Anchor {
        json value;
        std::size_t nodes;
        std::size_t depth;
    };

    bool awaits_key() const { return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().key; }

    void count(const YAML::Mark& mark, std::size_t nodes)
    {
        nodes_ += nodes;
        if (nodes_ > most_nodes)
            throw Refused{mark, "has more than " + std::to_string(most_nodes) + " values"};
    }

    void put(const YAML::Mark& mark, YAML::anchor_t anchor, json value)
    {
        count(mark, 1);
        if (anchor != 0)
            anchors_[anchor] = {value, 1, 0};
        put_value(mark, std::move(value));
    }

    void put_value(const YAML::Mark& mark, json value)
    {
        if (stack_.empty()) {
            root_ = std::move(value);
            return;
        }
        auto& level = stack_.back();
        if (level.value.is_array()) {
            level.value.push_back(std::move(value));
        } else if (level.key) {
            level.value[*std::exchange(level.key, std::nullopt)] = std::move(value);
        } else {
            set_key(mark, level, value);
        }
    }

    static void set_key(const YAML::Mark& mark, Level& level, const json& key)
    {
        if (!key.is_string())
            throw Refused{mark, "a key must be a string"};
        if (level.value.contains(key.get_ref<const std::string&>()))
            throw Refused{mark, "the key \"" + key.get<std::string>().substr(0, 80) + "\" stands twice"};
        level.key = key.get<std::string>();
    }

    void begin(const YAML::Mark& mark, YAML::anchor_t anchor, json value)
    {
        if (awaits_key())
            throw Refused{mark, "a key must be a string"};
        if (stack_.size() >= most_nested)
            throw Refused{mark, "is nested more than " + std::to_string(most_nested) + " levels deep"};
        count(mark, 1);
        stack_.push_back({mark, anchor, std::move(value), std::nullopt, nodes_ - 1});
    }

    void end()
    {
        auto level = std::move(stack_.back());
        stack_.pop_back();
        auto const depth = level.depth_below + 1;
        if (level.anchor != 0)
            anchors_[level.anchor] = {level.value, nodes_ - level.first_node, depth};
        if (!stack_.empty())
            stack_.back().depth_below = std::max(stack_.back().depth_below, depth);
        put_value(level.mark, std::move(level.value));
    }

    json root_;
    YAML::Mark start_ = YAML::Mark::null_mark();
    std::vector<Level> stack_;
    std::map<YAML::anchor_t, Anchor> anchors_;
    std::size_t nodes_ = 0;
};

base::Error refused(const YAML::Mark& mark, std::string message, const std::string& file)
{
    return base::Error::invalid({{"", std::move(message), file, mark.line + 1, mark.column + 1}});
}

/// Whether a string, written without quotes, would be read as something else.
bool needs_quotes(const std::string& text)
{
    // YAML 1.1 takes these for booleans, and other tools still read it.
    for (auto const* word : {"y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"})
        if (text == word)
            return true;
    // Without quotes, line ends are folded, and these others count as line ends or as nothing: U+0085, U+2028, U+2029, U+FEFF.
    for (auto const* odd : {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf"})
        if (text.find(odd) != std::string::npos)
            return true;
    auto const is_control = [](char character) { return (character >= 0 && character < ' ') || character == 0x7f; };
    if (std::any_of(text.begin(), text.end(), is_control))
        return true;
    return !plain(text).is_string() || text == "<<" || text.find_first_of("0123456789") == 0;
}

void emit(YAML::Emitter& out, const json& value)
{
    if (value.is_object()) {
        out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
        for (const auto& [key, member] : value.items()) {
            out << YAML::Key;
            emit(out, json(key));
            out << YAML::Value;
            emit(out, member);
        }
        out << YAML::EndMap;
    } else if (value.is_array()) {
        out << (value.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
        for (const auto& element : value)
            emit(out, element);
        out << YAML::EndSeq;
    } else if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (needs_quotes(text))
            out << YAML::DoubleQuoted << text;
        else
            out << text;
    } else if (value.is_null()) {
        out << YAML::Null;
    } else {
        out << value.dump();
    }
}

} // namespace

Result<std::vector<json>> parse_yaml_documents(std::string_view text, const std::string& file)
{
    if (text.size() > most_text)
        return base::Error{base::Code::invalid_argument, "the text is larger than " + std::to_string(most_text >> 20) + " MiB"};
    if (auto const bad = find_bad_byte(text); bad != std::string_view::npos) {
        auto const before = text.substr(0, bad);
        YAML::Mark mark;
        mark.line = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
        mark.column = static_cast<int>(bad - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1));
        return refused(mark, "a control character, or no UTF-8", file);
    }
    std::vector<json> documents;
    try {
        std::istringstream stream{std::string{text}};
        YAML::Parser parser{stream};
        auto last_start = YAML::Mark::null_mark();
        while (true) {
            Builder builder;
            if (!parser.HandleNextDocument(builder))
                break;
            // The library's scanner can stop before the end and then finds the same document for ever.
            if (auto const start = builder.start(); start.pos <= last_start.pos)
                return refused(start, "what stands here is no YAML", file);
            else
                last_start = start;
            documents.push_back(builder.take());
        }
    } catch (const Refused& refusal) {
        return refused(refusal.mark, refusal.message, file);
    } catch (const YAML::Exception& failure) {
        return refused(failure.mark, failure.msg, file);
    } catch (const std::exception& failure) {
        return base::Error{base::Code::invalid_argument, std::string{"parse YAML: "} + failure.what()};
    }
    return documents;
}

Result<json> parse_yaml(std::string_view text, const std::string& file)
{
    auto documents = TRY(parse_yaml_documents(text, file));
    if (documents.size() > 1)
        return base::Error{base::Code::invalid_argument,
                           "there are " + std::to_string(documents.size()) + " documents; one is wanted"};
    return documents.empty() ? json{} : std::move(documents.front());
}

std::string to_yaml(const json& object)
{
    YAML::Emitter out;
    emit(out, object);
    return std::string{out.c_str()} + "\n";
}

} // namespace nova::model
