#pragma once

#include <memory>

#include "api/message.h"
#include "api/streams.h"

namespace nova::api {

/// follow, tailLines, timestamps, sinceTime, sinceSeconds, limitBytes. Errors: invalid_argument.
Result<LogOptions> log_options(const Request& request);

/// A log as the body of an answer.
std::unique_ptr<BodySource> log_source(std::unique_ptr<LogStream> stream, const LogOptions& options);

} // namespace nova::api
