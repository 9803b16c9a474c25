#include "api/status.h"

namespace nova::api {
namespace {

constexpr int retry_after_seconds = 1;

Response refusal(const HttpError& error, const std::string& message, const Subject& subject = {})
{
    auto response = json_response(status_object(error, message, subject), error.status);
    if (error.retry_after_seconds > 0)
        response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
    return response;
}

json details_of(const Subject& subject)
{
    json details = json::object();
    if (!subject.name.empty())
        details["name"] = subject.name;
    if (!subject.group.empty())
        details["group"] = subject.group;
    if (!subject.resource.empty())
        details["kind"] = subject.resource;
    return details;
}

} // namespace

HttpError http_error(const base::Error& error)
{
    using base::Code;
    switch (error.code()) {
    case Code::invalid_argument: return error.causes().empty() ? HttpError{400, "BadRequest"} : HttpError{422, "Invalid"};
    case Code::unauthenticated: return {401, "Unauthorized"};
    case Code::permission_denied: return {403, "Forbidden"};
    case Code::not_found: return {404, "NotFound"};
    case Code::already_exists: return {409, "AlreadyExists"};
    case Code::aborted: return {409, "Conflict"};
    case Code::failed_precondition: return {409, "FailedPrecondition"};
    case Code::out_of_range: return {410, "Expired"};
    case Code::resource_exhausted: return {429, "TooManyRequests", retry_after_seconds};
    case Code::unimplemented: return {501, "NotImplemented"};
    case Code::unavailable: return {503, "ServiceUnavailable", retry_after_seconds};
    case Code::cancelled: return {503, "Cancelled", retry_after_seconds};
    case Code::deadline_exceeded: return {504, "Timeout"};
    case Code::data_loss: return {500, "DataLoss"};
    case Code::internal: return {500, "InternalError"};
    }
    return {500, "InternalError"};
}

json status_object(const HttpError& error, const std::string& message, const Subject& subject)
{
    json status{{"kind", "Status"},   {"apiVersion", "v1"},     {"metadata", json::object()}, {"status", "Failure"},
                {"message", message}, {"reason", error.reason}, {"code", error.status}};
    auto details = details_of(subject);
    if (error.retry_after_seconds > 0)
        details["retryAfterSeconds"] = error.retry_after_seconds;
    if (!details.empty())
        status["details"] = std::move(details);
    return status;
}

json status_object(const base::Error& error, const Subject& subject)
{
    auto status = status_object(http_error(error), error.message(), subject);
    for (const auto& cause : error.causes()) {
        json one{{"reason", "FieldValueInvalid"}, {"message", cause.message}};
        if (!cause.field.empty())
            one["field"] = cause.field;
        status["details"]["causes"].push_back(std::move(one));
    }
    return status;
}

json success_status(const Subject& subject, const std::string& uid)
{
    json status{{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Success"}};
    auto details = details_of(subject);
    if (!uid.empty())
        details["uid"] = uid;
    if (!details.empty())
        status["details"] = std::move(details);
    return status;
}

Response error_response(const base::Error& error, const Subject& subject)
{
    auto const http = http_error(error);
    auto response = json_response(status_object(error, subject), http.status);
    if (http.retry_after_seconds > 0)
        response.headers.emplace_back("Retry-After", std::to_string(http.retry_after_seconds));
    return response;
}

Response method_not_allowed(const std::string& method, const Subject& subject)
{
    return refusal({405, "MethodNotAllowed"}, method + " is not supported here", subject);
}

Response not_acceptable(const std::string& accept)
{
    return refusal({406, "NotAcceptable"}, "only application/json can be answered, not " + accept);
}

Response unsupported_media_type(const std::string& type)
{
    return refusal({415, "UnsupportedMediaType"}, "the body's Content-Type is not supported here: \"" + type + "\"");
}

Response too_large(std::size_t most_bytes)
{
    return refusal({413, "RequestEntityTooLarge"}, "the request is over the limit of " + std::to_string(most_bytes) + " bytes");
}

Response too_busy(const std::string& what) { return refusal({429, "TooManyRequests", retry_after_seconds}, what); }

Response bad_request(const std::string& message) { return refusal({400, "BadRequest"}, message); }

} // namespace nova::api
