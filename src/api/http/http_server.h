#pragma once

#include <memory>

#include "api/api.h"
#include "api/limits.h"
#include "sys/unique_fd.h"

namespace nova::api::http {

/// Accepts connections and serves them on one thread of its own; handlers run on the workers.
class HttpServer {
public:
    /// `listener`: a listening unix stream socket. `allowed_group`: members may use the API beside root and our own user.
    static Result<std::unique_ptr<HttpServer>> start(sys::UniqueFd listener, Api& api, const Limits& limits,
                                                     std::optional<std::uint32_t> allowed_group);
    virtual ~HttpServer() = default; ///< Stops.

    /// Accepts nothing new, ends watches, lets requests in flight finish within the drain time, then cuts the rest off.
    virtual void stop() = 0;
};

} // namespace nova::api::http
