#include "api/message.h"

#include "base/strings.h"

namespace nova::api {
namespace {

int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

} // namespace

const std::string* Request::find(std::string_view parameter) const
{
    for (const auto& [name, value] : query)
        if (name == parameter)
            return &value;
    return nullptr;
}

std::string Request::parameter(std::string_view name) const
{
    const auto* const found = find(name);
    return found != nullptr ? *found : std::string{};
}

std::vector<std::string> Request::parameters(std::string_view name) const
{
    std::vector<std::string> values;
    for (const auto& [parameter, value] : query)
        if (parameter == name)
            values.push_back(value);
    return values;
}

bool Request::flag(std::string_view name) const
{
    auto const value = parameter(name);
    return value == "true" || value == "1";
}

std::string Request::header(std::string_view name) const
{
    auto const found = headers.find(std::string{name});
    return found != headers.end() ? found->second : std::string{};
}

Result<std::string> percent_decode(std::string_view text, Plus plus)
{
    base::Error const bad{base::Code::invalid_argument, "bad percent-encoding in the request's target"};
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == Plus::is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            int const high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            int const low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return bad;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

Status parse_target(std::string_view target, Request& request)
{
    auto const mark = target.find('?');
    request.path = std::string{target.substr(0, mark)};
    if (!request.path.starts_with('/'))
        return base::Error{base::Code::invalid_argument, "the request's target must be a path"};
    if (mark == std::string_view::npos || mark + 1 == target.size())
        return base::done();
    for (const auto& piece : base::split(target.substr(mark + 1), '&')) {
        if (piece.empty())
            continue;
        auto const equals = piece.find('=');
        auto name = TRY(percent_decode(std::string_view{piece}.substr(0, equals), Plus::is_space));
        std::string value =
            equals == std::string::npos ? "" : TRY(percent_decode(std::string_view{piece}.substr(equals + 1), Plus::is_space));
        request.query.emplace_back(std::move(name), std::move(value));
    }
    return base::done();
}

Response json_response(const json& body, int status)
{
    // Text from outside may hold bytes that are no UTF-8 (a label can't, a log line in an Event can): replaced, not thrown on.
    return {status, "application/json", body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n", {}};
}

} // namespace nova::api
