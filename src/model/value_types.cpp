#include <cmath>
#include <limits>

#include "base/strings.h"
#include "model/description.h"
#include "model/text_limits.h"

namespace nova::model {
namespace {

/// What stands there, for a message; cut where it is long.
std::string shown(const json& input)
{
    if (input.is_object())
        return "an object";
    if (input.is_array())
        return "a list";
    if (input.is_number_float() && !std::isfinite(input.get<double>())) // TOML has these, JSON would print null.
        return std::isnan(input.get<double>()) ? "nan" : "inf";
    auto text = input.dump(-1, ' ', false, json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 57) + "…" : text;
}

void add_wrong_type(Problems& problems, std::string_view wanted, const json& input)
{
    problems.add("must be " + std::string{wanted} + ", is " + shown(input));
}

template <typename T>
ValueType simple(std::string name, void (*read)(T&, const json&, Problems&), json (*print)(const T&))
{
    return {std::move(name),
            [read](void* value, const json& input, Problems& problems) { read(*static_cast<T*>(value), input, problems); },
            [print](const void* value) { return print(*static_cast<const T*>(value)); }, nullptr};
}

template <typename T>
void read_integer(T& value, const json& input, Problems& problems)
{
    using Limits = std::numeric_limits<T>;
    auto const fits = input.is_number_unsigned() ? input.get<std::uint64_t>() <= static_cast<std::uint64_t>(Limits::max())
                      : input.is_number_integer()
                          ? input.get<std::int64_t>() >= 0 ||
                                (Limits::is_signed && input.get<std::int64_t>() >= static_cast<std::int64_t>(Limits::min()))
                          : false;
    if (!input.is_number_integer())
        return add_wrong_type(problems, "a whole number", input);
    if (!fits)
        return problems.add("must be " + std::to_string(Limits::min()) + " to " + std::to_string(Limits::max()) + ", is " +
                            shown(input));
    value = input.get<T>();
}

template <typename T>
ValueType integer_type()
{
    return simple<T>("integer", read_integer<T>, [](const T& value) { return json(value); });
}

void read_string(std::string& value, const json& input, Problems& problems)
{
    if (!input.is_string())
        return add_wrong_type(problems, "a string", input);
    const auto& text = input.get_ref<const std::string&>();
    // No path, name or address has one, and what the kernel is given ends there.
    if (text.find('\0') != std::string::npos)
        return problems.add("must not contain a NUL character");
    if (find_no_utf8(text) != std::string::npos)
        return problems.add("must be UTF-8");
    value = text;
}

void read_quantity(double& value, const json& input, Problems& problems)
{
    constexpr auto most_exact = 1e12; // Its thousandths are still whole numbers.
    if (input.is_number() && input.get<double>() >= 0 && input.get<double>() <= most_exact) {
        value = input.get<double>();
        return;
    }
    auto text = input.is_string() ? input.get<std::string>() : std::string{};
    auto const milli = text.ends_with('m');
    if (milli)
        text.pop_back();
    auto const plain = !text.empty() && text.size() <= 12 && text.find_first_not_of("0123456789.") == std::string::npos &&
                       text.find('.') == text.rfind('.') && text.front() != '.' && text.back() != '.';
    if (!plain)
        return add_wrong_type(problems, "a number of CPUs (2, \"1.5\", \"500m\")", input);
    value = std::strtod(text.c_str(), nullptr) / (milli ? 1000 : 1);
}

json print_quantity(const double& value)
{
    auto const thousandths = std::llround(value * 1000);
    return thousandths % 1000 == 0 ? std::to_string(thousandths / 1000) : std::to_string(thousandths) + "m";
}

void read_size(base::Bytes& value, const json& input, Problems& problems)
{
    if (input.is_number_unsigned() && input.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        value.count = input.get<std::uint64_t>();
        return;
    }
    if (!input.is_string())
        return add_wrong_type(problems, "a size (\"512Mi\", \"20G\")", input);
    auto const parsed = base::parse_bytes(input.get_ref<const std::string&>());
    if (!parsed.ok())
        return problems.add(parsed.error().message());
    value = parsed.value();
}

void read_text(Text& value, const json& input, Problems& problems)
{
    if (input.is_number() || input.is_boolean())
        value.text = input.dump();
    else
        read_string(value.text, input, problems);
}

/// Splits as a POSIX shell splits words, without expanding anything. False where a quote is not closed.
bool split_words(const std::string& line, std::vector<std::string>& words)
{
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char const character = line[i];
        if (character == '\\' && quote != '\'' && i + 1 < line.size()) {
            word += line[++i];
            in_word = true;
        } else if (quote != 0) {
            if (character == quote)
                quote = 0;
            else
                word += character;
        } else if (character == '\'' || character == '"') {
            quote = character;
            in_word = true;
        } else if (character == ' ' || character == '\t' || character == '\n') {
            if (in_word)
                words.push_back(std::exchange(word, {}));
            in_word = false;
        } else {
            word += character;
            in_word = true;
        }
    }
    if (in_word)
        words.push_back(word);
    return quote == 0;
}

void read_words(Words& value, const json& input, Problems& problems)
{
    if (input.is_array())
        return value_type(&value.words).read(&value.words, input, problems);
    std::string line;
    auto const before = problems.count();
    if (!input.is_string())
        return add_wrong_type(problems, "a string or a list of strings", input);
    read_string(line, input, problems);
    if (problems.count() == before && !split_words(line, value.words))
        problems.add("a quote is not closed");
}

} // namespace

const ValueType& value_type(const std::string*)
{
    static auto const type = simple<std::string>("string", read_string, [](const std::string& value) { return json(value); });
    return type;
}

const ValueType& value_type(const bool*)
{
    static auto const type = simple<bool>(
        "boolean",
        [](bool& value, const json& input, Problems& problems) {
            if (!input.is_boolean())
                return add_wrong_type(problems, "true or false", input);
            value = input.get<bool>();
        },
        [](const bool& value) { return json(value); });
    return type;
}

const ValueType& value_type(const std::int64_t*)
{
    static auto const type = integer_type<std::int64_t>();
    return type;
}

const ValueType& value_type(const std::uint64_t*)
{
    static auto const type = integer_type<std::uint64_t>();
    return type;
}

const ValueType& value_type(const std::uint32_t*)
{
    static auto const type = integer_type<std::uint32_t>();
    return type;
}

const ValueType& value_type(const std::uint16_t*)
{
    static auto const type = integer_type<std::uint16_t>();
    return type;
}

const ValueType& value_type(const double*)
{
    static auto const type = simple<double>("quantity", read_quantity, print_quantity);
    return type;
}

const ValueType& value_type(const base::Bytes*)
{
    static auto const type = simple<base::Bytes>(
        "size", read_size, [](const base::Bytes& value) { return value.count == 0 ? json{} : json(base::to_string(value)); });
    return type;
}

const ValueType& value_type(const Text*)
{
    static auto const type = simple<Text>("string", read_text, [](const Text& value) { return json(value.text); });
    return type;
}

const ValueType& value_type(const Words*)
{
    static auto const type =
        simple<Words>("list of string, or string", read_words, [](const Words& value) { return json(value.words); });
    return type;
}

const ValueType& value_type(const json*)
{
    static auto const type = simple<json>(
        "any", [](json& value, const json& input, Problems&) { value = input; }, [](const json& value) { return value; });
    return type;
}

ValueType object_type(const Description& (*description)())
{
    return {
        "object",
        [description](void* value, const json& input, Problems& problems) { read_object(description(), value, input, problems); },
        [description](const void* value) { return print_object(description(), value); },
        [description] { return &description(); }};
}

ValueType list_type(const ValueType& element, std::function<void(void*)> clear, std::function<void*(void*)> add,
                    std::function<std::size_t(const void*)> size, std::function<const void*(const void*, std::size_t)> get)
{
    ValueType type{"list of " + element.name, nullptr, nullptr, element.nested};
    type.read = [&element, clear, add](void* list, const json& input, Problems& problems) {
        if (!input.is_array())
            return add_wrong_type(problems, "a list", input);
        clear(list);
        for (std::size_t i = 0; i < input.size(); ++i) {
            auto const step = problems.inside(i);
            element.read(add(list), input[i], problems);
        }
    };
    type.print = [&element, size, get](const void* list) {
        auto printed = json::array();
        for (std::size_t i = 0; i < size(list); ++i)
            printed.push_back(element.print(get(list, i)));
        return printed;
    };
    return type;
}

ValueType map_type(const ValueType& element, std::function<void(void*)> clear,
                   std::function<void*(void*, const std::string&)> add,
                   std::function<void(const void*, const std::function<void(const std::string&, const void*)>&)> each)
{
    ValueType type{"map of " + element.name, nullptr, nullptr, element.nested};
    type.read = [&element, clear, add](void* map, const json& input, Problems& problems) {
        if (!input.is_object())
            return add_wrong_type(problems, "an object", input);
        clear(map);
        for (const auto& [key, value] : input.items()) {
            auto const step = problems.inside_key(key);
            element.read(add(map, key), value, problems);
        }
    };
    type.print = [&element, each](const void* map) {
        auto printed = json::object();
        each(map, [&](const std::string& key, const void* value) { printed[key] = element.print(value); });
        return printed;
    };
    return type;
}

ValueType optional_type(const ValueType& element, std::function<void*(void*)> add, std::function<const void*(const void*)> get)
{
    ValueType type{element.name, nullptr, nullptr, element.nested};
    type.read = [&element, add](void* value, const json& input, Problems& problems) {
        element.read(add(value), input, problems);
    };
    type.print = [&element, get](const void* value) {
        auto const* there = get(value);
        return there ? element.print(there) : json{};
    };
    return type;
}

} // namespace nova::model
