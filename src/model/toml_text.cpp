#include "model/toml_text.h"

// toml++ asserts what a text may break ("[ = 1" ends the process) just before it checks the same and reports it. With NDEBUG it
// would tell the compiler to rely on it, which is worse: so neither.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 1 // Dates are printed by them.
#include <toml++/toml.h>

#include <sstream>

#include "model/problems.h"
#include "model/text_limits.h"

namespace nova::model {
namespace {

using nlohmann::json;

/// Walks over a text, past comments and strings, and finds what toml++ 3.3 would fall over.
///
/// It bounds the nesting of lists and inline tables, but not that of dotted keys: "a.a.a. … = 1" overflows the stack when the
/// tables are destroyed. And its tables of Unicode white space are wrong for letters outside ASCII: undefined behaviour.
class Guard {
public:
    explicit Guard(std::string_view text) : text_(text) {}

    struct Finding {
        std::size_t at;
        std::string message;
    };

    std::optional<Finding> find()
    {
        std::size_t dots = 0;
        at_ = text_.starts_with("\xef\xbb\xbf") ? 3 : 0; // A byte order mark.
        for (; at_ < text_.size(); ++at_) {
            char const character = text_[at_];
            if (character == '#')
                skip_to_line_end();
            else if (character == '"' || character == '\'')
                skip_string(character);
            else if (static_cast<unsigned char>(character) >= 0x80)
                return Finding{at_, "a letter outside ASCII must stand in quotes"};
            else if (character == '.' && ++dots > most_nested)
                return Finding{at_, "the key has more than " + std::to_string(most_nested) + " parts"};
            else if (character == '\n' || character == '=' || character == '{' || character == ',')
                dots = 0;
        }
        return std::nullopt;
    }

private:
    void skip_to_line_end() { at_ = std::min(text_.find('\n', at_), text_.size()) - 1; }

    /// Leaves at_ on the last character of the string.
    void skip_string(char quote)
    {
        auto const long_quote = std::string(3, quote);
        auto const is_long = text_.substr(at_, 3) == long_quote;
        for (at_ += is_long ? 3 : 1; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\' && quote == '"')
                ++at_;
            else if (is_long && text_.substr(at_, 3) == long_quote)
                return void(at_ += 2);
            else if (!is_long && (text_[at_] == quote || text_[at_] == '\n'))
                return;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

Position position_at(std::string_view text, std::size_t offset)
{
    Position position{1, 1};
    for (char const character : text.substr(0, offset)) {
        position.column = character == '\n' ? 1 : position.column + 1;
        position.line += character == '\n' ? 1 : 0;
    }
    return position;
}

Position to_position(const toml::source_region& region)
{
    return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

class Converter {
public:
    explicit Converter(TomlText& out) : out_(out) {}

    json convert(const toml::node& node, const std::string& path)
    {
        if (auto const* table = node.as_table())
            return convert_table(*table, path);
        if (auto const* list = node.as_array())
            return convert_list(*list, path);
        if (auto const* text = node.as_string())
            return text->get();
        if (auto const* number = node.as_integer())
            return number->get() < 0 ? json(number->get()) : json(static_cast<std::uint64_t>(number->get()));
        if (auto const* real = node.as_floating_point())
            return real->get();
        if (auto const* truth = node.as_boolean())
            return truth->get();
        std::ostringstream date;
        node.visit([&](const auto& value) { date << value; });
        return date.str();
    }

private:
    json convert_table(const toml::table& table, const std::string& path)
    {
        auto object = json::object();
        for (const auto& [key, value] : table) {
            auto const below = member_path(path, key.str());
            out_.positions[below] = to_position(key.source());
            object[std::string{key.str()}] = convert(value, below);
        }
        return object;
    }

    json convert_list(const toml::array& array, const std::string& path)
    {
        auto list = json::array();
        for (const auto& element : array) {
            auto const below = element_path(path, list.size());
            out_.positions[below] = to_position(element.source());
            list.push_back(convert(element, below));
        }
        return list;
    }

    TomlText& out_;
};

base::Error refused(std::string message, const std::string& file, Position position)
{
    return base::Error::invalid({{"", std::move(message), file, position.line, position.column}});
}

} // namespace

Position position_of(const std::map<std::string, Position>& positions, std::string_view path)
{
    while (!path.empty()) {
        if (auto const found = positions.find(std::string{path}); found != positions.end())
            return found->second;
        auto const cut = path.find_last_of(".[");
        path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
    }
    return {1, 1};
}

base::Result<TomlText> parse_toml(std::string_view text, const std::string& file)
{
    if (text.size() > most_novafile)
        return refused("the file is larger than 1 MiB", file, {});
    if (auto const bad = find_bad_byte(text); bad != std::string_view::npos)
        return refused("a control character, or no UTF-8", file, position_at(text, bad));
    if (auto const finding = Guard{text}.find())
        return refused(finding->message, file, position_at(text, finding->at));
    auto const parsed = toml::parse(text, std::string_view{file});
    if (!parsed)
        return refused(std::string{parsed.error().description()}, file, to_position(parsed.error().source()));
    TomlText result;
    result.value = Converter{result}.convert(parsed.table(), "");
    return result;
}

} // namespace nova::model
