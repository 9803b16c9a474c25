#include "apps/nova/cli/table.h"

#include <algorithm>

#include "base/clock.h"

namespace nova::app {
namespace {

std::size_t width(const std::string& text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

std::string printable(std::string text)
{
    for (auto& character : text)
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f)
            character = '?';
    return text;
}

std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths)
{
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        text += cells[i];
        if (i + 1 < cells.size())
            text += std::string(widths[i] - width(cells[i]) + 3, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

} // namespace

std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::vector<std::string>> lines{header};
    for (const auto& row : rows) {
        lines.emplace_back();
        for (const auto& cell : row)
            lines.back().push_back(printable(cell));
        lines.back().resize(header.size());
    }
    std::vector<std::size_t> widths(header.size(), 0);
    for (const auto& cells : lines)
        for (std::size_t i = 0; i < cells.size(); ++i)
            widths[i] = std::max(widths[i], width(cells[i]));
    std::string text;
    for (const auto& cells : lines)
        text += line(cells, widths);
    return text;
}

std::string age(const std::string& rfc3339)
{
    auto const moment = base::parse_rfc3339(rfc3339);
    if (!moment.ok())
        return "-";
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(base::system_clock().now() - moment.value()).count();
    if (seconds < 120)
        return std::to_string(std::max<long long>(seconds, 0)) + "s";
    if (seconds < 2 * 3600)
        return std::to_string(seconds / 60) + "m";
    if (seconds < 48 * 3600)
        return std::to_string(seconds / 3600) + "h";
    return std::to_string(seconds / 86400) + "d";
}

} // namespace nova::app
