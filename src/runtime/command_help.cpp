#include "runtime/command_help.h"

#include <algorithm>

namespace nova::runtime {

namespace {

std::string usage_of(const Option& option)
{
    auto text = "--" + std::string{option.name};
    if (option.letter != 0)
        text += std::string{", -"} + option.letter;
    return option.value.empty() ? text : text + " " + std::string{option.value};
}

std::string lines_of(std::span<const Option> options)
{
    std::size_t width = 0;
    for (const auto& option : options)
        width = std::max(width, usage_of(option).size());
    std::string text;
    for (const auto& option : options) {
        auto const usage = usage_of(option);
        text += "   " + usage + std::string(width + 2 - usage.size(), ' ') + std::string{option.help} + "\n";
    }
    return text;
}

} // namespace

std::string help_text(const CommandHelp& help)
{
    auto const command = "nb " + std::string{help.name};
    auto text = "NAME:\n   " + command + " - " + std::string{help.summary} + "\n\nUSAGE:\n   " + command;
    text +=
        (help.options.empty() ? "" : " [OPTIONS]") + std::string{help.arguments.empty() ? "" : " "} + std::string{help.arguments};
    text += "\n";
    if (!help.options.empty())
        text += "\nOPTIONS:\n" + lines_of(help.options);
    return text + "\nEXAMPLE:\n   nb " + std::string{help.example} + "\n";
}

} // namespace nova::runtime
