#include "runtime/cgroup_values.h"

#include "base/strings.h"

namespace nova::runtime {

std::string text_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file)
{
    auto text = cgroup.read(controller, file);
    return text.ok() ? base::trim(text.value()) : std::string{};
}

std::optional<std::uint64_t> number_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file)
{
    auto const text = text_in(cgroup, controller, file);
    if (text == "max")
        return UINT64_MAX;
    auto const number = base::parse_integer(text, 0, INT64_MAX);
    return number.ok() ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(number.value())) : std::nullopt;
}

std::map<std::string, std::uint64_t> pairs_in(const sys::Cgroup& cgroup, std::string_view controller, const std::string& file)
{
    std::map<std::string, std::uint64_t> pairs;
    for (const auto& line : base::split(text_in(cgroup, controller, file), '\n')) {
        auto const space = line.find(' ');
        if (space == std::string::npos)
            continue;
        if (auto const number = base::parse_integer(line.substr(space + 1), 0, INT64_MAX); number.ok())
            pairs[line.substr(0, space)] = static_cast<std::uint64_t>(number.value());
    }
    return pairs;
}

} // namespace nova::runtime
