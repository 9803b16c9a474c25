#include "client/status.h"

#include <map>

namespace nova::client {
namespace {

using base::Code;
using nlohmann::json;

/// Reasons say more than HTTP codes: 409 alone may be three different things.
Code code_of_reason(const std::string& reason, int http)
{
    static const std::map<std::string, Code> codes{
        {"BadRequest", Code::invalid_argument},
        {"Invalid", Code::invalid_argument},
        {"Unauthorized", Code::unauthenticated},
        {"Forbidden", Code::permission_denied},
        {"NotFound", Code::not_found},
        {"AlreadyExists", Code::already_exists},
        {"Conflict", Code::aborted},
        {"FailedPrecondition", Code::failed_precondition},
        {"Expired", Code::out_of_range},
        {"Gone", Code::out_of_range},
        {"TooManyRequests", Code::resource_exhausted},
        {"NotImplemented", Code::unimplemented},
        {"ServiceUnavailable", Code::unavailable},
        {"Cancelled", Code::cancelled},
        {"Timeout", Code::deadline_exceeded},
        {"DataLoss", Code::data_loss},
    };
    if (auto const found = codes.find(reason); found != codes.end())
        return found->second;
    switch (http) {
    case 401: return Code::unauthenticated;
    case 403: return Code::permission_denied;
    case 404: return Code::not_found;
    case 405:
    case 501: return Code::unimplemented;
    case 409: return Code::aborted;
    case 410: return Code::out_of_range;
    case 413:
    case 429:
    case 431: return Code::resource_exhausted;
    case 503: return Code::unavailable;
    case 504: return Code::deadline_exceeded;
    default: return http >= 400 && http < 500 ? Code::invalid_argument : Code::internal;
    }
}

std::string text(const json& object, const char* field)
{
    auto const found = object.find(field);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

int number(const json& object, const char* field)
{
    auto const found = object.find(field);
    return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
}

} // namespace

base::Error error_of(const json& status)
{
    if (!status.is_object())
        return {Code::internal, "the server answered with an error that is no Status"};
    auto const code = code_of_reason(text(status, "reason"), number(status, "code"));
    auto const details = status.value("details", json::object());
    std::vector<base::Cause> causes;
    if (details.is_object() && details.contains("causes") && details["causes"].is_array())
        for (const auto& cause : details["causes"])
            if (cause.is_object())
                causes.push_back({.field = text(cause, "field"), .message = text(cause, "message")});
    auto const message = text(status, "message");
    if (code != Code::invalid_argument || causes.empty())
        return {code, message.empty() ? "the server refused and did not say why" : message};
    auto error = base::Error::invalid(std::move(causes));
    // The server's own words, where it said more than its causes do.
    return message.size() > error.message().size() && message.ends_with(error.message())
               ? std::move(error).context(message.substr(0, message.size() - error.message().size() - 2))
               : std::move(error);
}

base::Error error_of(int http_status, const std::string& body)
{
    auto status = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!status.is_object() || text(status, "kind") != "Status")
        return {code_of_reason("", http_status),
                "the server answered " + std::to_string(http_status) + ": " + body.substr(0, 500)};
    if (number(status, "code") == 0)
        status["code"] = http_status;
    return error_of(status);
}

} // namespace nova::client
