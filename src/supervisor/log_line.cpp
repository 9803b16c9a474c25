#include "supervisor/log_line.h"

namespace nova::supervisor {

std::string to_string(const LogLine& line)
{
    return line.time + " " + line.stream + (line.part == Part::full ? " F " : " P ") + line.text + "\n";
}

std::optional<LogLine> parse_log_line(std::string_view text)
{
    auto const time_end = text.find(' ');
    auto const stream_end = time_end == std::string_view::npos ? time_end : text.find(' ', time_end + 1);
    if (stream_end == std::string_view::npos || stream_end + 2 >= text.size() || text[stream_end + 2] != ' ')
        return std::nullopt;
    char const part = text[stream_end + 1];
    if (time_end < 20 || (part != 'F' && part != 'P'))
        return std::nullopt;
    return LogLine{.time = std::string{text.substr(0, time_end)},
                   .stream = std::string{text.substr(time_end + 1, stream_end - time_end - 1)},
                   .part = part == 'F' ? Part::full : Part::partial,
                   .text = std::string{text.substr(stream_end + 3)}};
}

} // namespace nova::supervisor
