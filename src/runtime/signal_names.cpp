#include "runtime/signal_names.h"

#include <signal.h>
#include <string.h>

#include <string>

#include "base/strings.h"

namespace nova::runtime {

using base::Code;
using base::Error;
using base::Result;

namespace {

Result<int> parse_realtime(std::string_view name, std::string_view shown)
{
    bool const from_least = name.starts_with("RTMIN");
    auto const rest = name.substr(5);
    int const base_number = from_least ? SIGRTMIN : SIGRTMAX;
    if (rest.empty())
        return int{base_number};
    auto const distance = base::parse_integer(rest.substr(1), 0, SIGRTMAX - SIGRTMIN);
    if (!distance.ok() || rest[0] != (from_least ? '+' : '-'))
        return Error{Code::invalid_argument, "unknown signal \"" + std::string{shown} + "\""};
    return base_number + static_cast<int>(from_least ? distance.value() : -distance.value());
}

} // namespace

Result<int> parse_signal(std::string_view text)
{
    if (auto const number = base::parse_integer(text, 0, SIGRTMAX); number.ok())
        return static_cast<int>(number.value());
    std::string name{text.substr(0, 40)};
    for (auto& character : name)
        character = static_cast<char>(::toupper(static_cast<unsigned char>(character)));
    if (name.starts_with("SIG"))
        name.erase(0, 3);
    if (name.starts_with("RTMIN") || name.starts_with("RTMAX"))
        return parse_realtime(name, text.substr(0, 40));
    for (int signal = 1; signal < NSIG; ++signal) {
        const char* const known = ::sigabbrev_np(signal);
        if (known && name == known)
            return int{signal};
    }
    return Error{Code::invalid_argument, "unknown signal \"" + std::string{text.substr(0, 40)} + "\""};
}

} // namespace nova::runtime
