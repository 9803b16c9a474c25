#pragma once

#include <string>
#include <string_view>

#include "runtime/arguments.h"

namespace nova::runtime {

/// What a command tells of itself.
struct CommandHelp {
    std::string_view name;
    std::string_view summary;
    std::string_view arguments; ///< What stands after its options: "ID".
    std::string_view example;   ///< After "nb ".
    std::span<const Option> options;
};

/// The text of `nb COMMAND --help`, in runc's form.
std::string help_text(const CommandHelp& help);

} // namespace nova::runtime
