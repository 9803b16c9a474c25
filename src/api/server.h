#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/limits.h"
#include "api/streams.h"
#include "keyspace/keyspace.h"
#include "sys/unique_fd.h"

namespace nova::api {

/// The API behind a unix socket.
class Server {
public:
    struct Options {
        std::string socket;     ///< Path to listen at, mode 0660, of group nova where that exists.
        sys::UniqueFd listener; ///< Instead: a socket that listens already (systemd's socket activation).
        Limits limits;
    };

    /// Makes the namespace "default" where it is missing. The store and the streams must outlive the server.
    /// Errors: failed_precondition - a living process listens there; as bind(2).
    static Result<std::unique_ptr<Server>> start(Options options, keyspace::Keyspace& store, Streams& streams);

    virtual ~Server() = default; ///< Stops.

    /// Accepts nothing new, ends watches and sessions, lets requests in flight finish within `limits.drain`. Repeatable.
    virtual void stop() = 0;
};

} // namespace nova::api
