#pragma once

#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unix_stream.h"

namespace nova::vm {

using base::Deadline;
using base::Result;
using base::Status;

constexpr std::size_t most_qmp_line = 4u << 20; ///< query-qmp-schema, the longest answer there is, takes 0.3 MiB.
constexpr int most_qmp_depth = 64;
constexpr std::size_t most_qmp_events = 256;

/// A session with QEMU's monitor (QEMU Machine Protocol). QEMU serves one session at a time: keep it short, others wait.
/// What QEMU sends is not trusted: a guest may have taken it over. After an error of the transport (unavailable,
/// deadline_exceeded, data_loss, resource_exhausted) the session is of no further use.
class Qmp {
public:
    /// Connects, reads the greeting and leaves negotiation mode.
    /// Errors: not_found, unavailable - nobody listens; deadline_exceeded - another session holds the monitor, or QEMU hangs;
    /// data_loss - whoever answers does not speak QMP.
    static Result<Qmp> connect(const std::string& path, Deadline deadline);

    /// The same over a stream that is connected already.
    static Result<Qmp> open(sys::UnixStream stream, Deadline deadline);

    Qmp(Qmp&&) noexcept;
    Qmp& operator=(Qmp&&) noexcept;
    ~Qmp();

    /// Runs one command and gives its "return". Events that come in between are kept for take_events.
    /// Errors: unimplemented - QEMU has no such command; not_found - no such device; failed_precondition - QEMU refuses, the
    /// message has its words; those of the transport.
    Result<nlohmann::json> execute(const std::string& command, Deadline deadline);
    Result<nlohmann::json> execute(const std::string& command, const nlohmann::json& arguments, Deadline deadline);

    /// Waits for an event of this name and gives it whole; the ones before it stay for take_events.
    Result<nlohmann::json> wait_for_event(std::string_view name, Deadline deadline);

    /// The events seen so far, oldest first; of more than most_qmp_events the oldest are dropped.
    std::vector<nlohmann::json> take_events();

private:
    explicit Qmp(sys::UnixStream stream);
    Result<nlohmann::json> read_message(Deadline deadline);
    void keep_event(nlohmann::json event);

    sys::UnixStream stream_;
    std::deque<nlohmann::json> events_;
    std::uint64_t last_id_ = 0;
};

/// One line of the monitor, as an object. Errors: data_loss - no JSON, no object, or nested deeper than most_qmp_depth.
Result<nlohmann::json> parse_qmp_message(std::string_view line);

} // namespace nova::vm
