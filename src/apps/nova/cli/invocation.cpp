#include "apps/nova/cli/invocation.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace nova::app {

Output Invocation::output() const
{
    if (output_word == "wide")
        return Output::wide;
    if (output_word == "json")
        return Output::json;
    if (output_word == "yaml")
        return Output::yaml;
    return output_word == "name" ? Output::name : Output::table;
}

bool colours_allowed()
{
    auto const* terminal = std::getenv("TERM");
    bool const dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
    return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && !dumb;
}

} // namespace nova::app
