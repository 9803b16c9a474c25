#include "runtime/arguments.h"

namespace nova::runtime {

using base::Code;
using base::Error;

namespace {

const Option* find_option(std::span<const Option> known, std::string_view name)
{
    for (const auto& option : known)
        if (option.name == name || (option.letter != 0 && name == std::string_view{&option.letter, 1}))
            return &option;
    return nullptr;
}

} // namespace

bool asks_for_help(std::span<const std::string> words, std::span<const Option> known)
{
    for (std::size_t i = 0; i < words.size() && words[i].size() > 1 && words[i][0] == '-' && words[i] != "--"; ++i) {
        auto const& word = words[i];
        if (word == "--help" || word == "-h")
            return true;
        const auto* const option = find_option(known, std::string_view{word}.substr(word[1] == '-' ? 2 : 1));
        if (option && option->kind == Option::Kind::text)
            ++i; // Its value.
    }
    return false;
}

Result<Arguments> Arguments::parse(std::span<const std::string> words, std::span<const Option> known, OptionOrder order)
{
    Arguments arguments;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        bool const ended = order == OptionOrder::before_arguments && !arguments.rest_.empty();
        if (ended || word.size() < 2 || word[0] != '-') {
            arguments.rest_.push_back(word);
            continue;
        }
        if (word == "--") {
            arguments.rest_.insert(arguments.rest_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            return arguments;
        }
        auto const body = std::string_view{word}.substr(word[1] == '-' ? 2 : 1);
        auto const equals = body.find('=');
        const auto* const option = find_option(known, body.substr(0, equals));
        if (!option)
            return Error{Code::invalid_argument, "unknown option " + word.substr(0, 80)};
        if (equals != std::string_view::npos)
            arguments.given_.push_back({std::string{option->name}, std::string{body.substr(equals + 1)}});
        else if (option->kind == Option::Kind::flag)
            arguments.given_.push_back({std::string{option->name}, "true"});
        else if (++i < words.size())
            arguments.given_.push_back({std::string{option->name}, words[i]});
        else
            return Error{Code::invalid_argument, "option " + word + " needs a value"};
    }
    return arguments;
}

bool Arguments::has(std::string_view name) const
{
    auto const value = find(name);
    return value && *value != "false";
}

std::optional<std::string> Arguments::find(std::string_view name) const
{
    for (auto given = given_.rbegin(); given != given_.rend(); ++given)
        if (given->name == name)
            return given->value;
    return std::nullopt;
}

std::string Arguments::get(std::string_view name, std::string_view otherwise) const
{
    return find(name).value_or(std::string{otherwise});
}

std::vector<std::string> Arguments::all(std::string_view name) const
{
    std::vector<std::string> values;
    for (const auto& given : given_)
        if (given.name == name)
            values.push_back(given.value);
    return values;
}

Result<std::string> Arguments::only(std::string_view what) const
{
    if (rest_.size() != 1)
        return Error{Code::invalid_argument, "needs exactly one argument: " + std::string{what}};
    return rest_.front();
}

} // namespace nova::runtime
