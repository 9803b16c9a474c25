#pragma once

#include <optional>
#include <string>

#include "api/message.h"
#include "base/result.h"

namespace nova::api {

/// What a refused request was about; goes into Status.details.
struct Subject {
    std::string group;
    std::string resource; ///< Plural: "pods"
    std::string name;
};

/// How a class of error looks over HTTP. One switch for everything.
struct HttpError {
    int status;
    const char* reason; ///< As Kubernetes calls it.
    int retry_after_seconds = 0;
};
HttpError http_error(const base::Error& error);

/// The Kubernetes object "Status" of a failure.
json status_object(const base::Error& error, const Subject& subject = {});
json status_object(const HttpError& error, const std::string& message, const Subject& subject = {});

/// The Status of what went well, as DELETE and exec answer it.
json success_status(const Subject& subject = {}, const std::string& uid = "");

Response error_response(const base::Error& error, const Subject& subject = {});

// What only HTTP can refuse, and so has no class in base::Code.
Response method_not_allowed(const std::string& method, const Subject& subject = {});
Response not_acceptable(const std::string& accept);
Response unsupported_media_type(const std::string& type);
Response too_large(std::size_t most_bytes);
Response too_busy(const std::string& what);
Response bad_request(const std::string& message);

} // namespace nova::api
