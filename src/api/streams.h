#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/object.h"
#include "sys/unique_fd.h"

namespace nova::api {

using base::Result;
using base::Status;

struct LogOptions {
    bool follow = false;
    std::optional<std::size_t> tail_lines;
    bool timestamps = false;
    std::string since; ///< RFC 3339; empty: from the beginning.
    std::optional<std::uint64_t> limit_bytes;
};

struct ExecOptions {
    std::vector<std::string> command;
    bool terminal = false;
    std::string user;
    std::string working_dir;
    std::vector<std::string> env;
};

/// Pulls text of a log. Not safe from two threads at once.
class LogStream {
public:
    virtual ~LogStream() = default;
    /// Some text; empty at the end (without follow), or with follow when `wake` is what to poll before the next call.
    virtual Result<std::string> read() = 0;
    virtual bool ended() const = 0; ///< The workload ended and all was read.
    virtual int wake() const = 0;   ///< Descriptor to poll for reading while following; -1 where there is none.
};

/// A running second process, or an attachment to the first. Closing the handles ends an attachment; an exec goes on by itself.
struct Session {
    sys::UniqueFd in; ///< May be empty.
    sys::UniqueFd out;
    sys::UniqueFd err;  ///< Empty with a terminal.
    sys::UniqueFd exit; ///< One int when it ended; empty for an attachment.
    std::function<Status(std::uint16_t columns, std::uint16_t rows)> resize;
};

/// What the API needs of running workloads; apps/nova implements it over the supervisor.
class Streams {
public:
    virtual ~Streams() = default;
    virtual Result<std::unique_ptr<LogStream>> open_log(const model::Key& workload, const LogOptions& options) = 0;
    virtual Result<Session> exec(const model::Key& workload, const ExecOptions& options) = 0;
    virtual Result<Session> attach(const model::Key& workload) = 0; ///< Console of a machine, terminal of a capsule.
};

} // namespace nova::api
