#include "runtime/rdt_schema.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/strings.h"

namespace nova::runtime {

namespace {

/// By "L3:0": the value of one cache. As the kernel prints it: with spaces, and without leading zeros.
using Values = std::map<std::string, std::string>;

std::string plain_number(std::string text)
{
    text = base::trim(text);
    text.erase(0, std::min(text.find_first_not_of('0'), text.empty() ? 0 : text.size() - 1));
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) { return std::tolower(letter); });
    return text;
}

Values values_of(std::string_view schemata)
{
    Values values;
    for (const auto& line : base::split(schemata, '\n')) {
        auto const colon = line.find(':');
        if (colon == std::string::npos)
            continue;
        for (const auto& part : base::split(line.substr(colon + 1), ';'))
            if (auto const equals = part.find('='); equals != std::string::npos)
                values[base::trim(line.substr(0, colon)) + ":" + plain_number(part.substr(0, equals))] =
                    plain_number(part.substr(equals + 1));
    }
    return values;
}

std::string rounded_up(const std::string& number, unsigned step)
{
    auto const parsed = base::parse_integer(number, 0, 1 << 30);
    if (!parsed.ok() || step == 0)
        return number;
    return std::to_string((parsed.value() + step - 1) / step * step);
}

/// Lines of memory bandwidth in the schema of caches do not count: memBwSchema alone says it.
std::string without_bandwidth(std::string_view l3_cache_schema)
{
    auto lines = base::split(l3_cache_schema, '\n');
    std::erase_if(lines, [](const std::string& line) { return line.empty() || line.starts_with("MB:"); });
    return base::join(lines, "\n");
}

} // namespace

std::string schemata_text(const model::oci::IntelRdt& wish)
{
    std::string text;
    auto const add = [&text](const std::string& lines) { text += lines.empty() ? "" : lines + "\n"; };
    add(without_bandwidth(wish.l3_cache_schema));
    add(wish.mem_bw_schema);
    for (const auto& line : wish.schemata)
        add(line);
    return text;
}

std::string schema_difference(std::string_view wish, std::string_view held, unsigned bandwidth_step)
{
    auto const has = values_of(held);
    for (const auto& [cache, value] : values_of(wish)) {
        auto const found = has.find(cache);
        if (found == has.end())
            return cache + " is not there";
        bool const same_bandwidth = cache.starts_with("MB:") && found->second == rounded_up(value, bandwidth_step);
        if (found->second != value && !same_bandwidth)
            return cache + " is " + found->second + ", not " + value;
    }
    return {};
}

} // namespace nova::runtime
