#pragma once

#include "api/streams.h"
#include "apps/nova/server/places.h"
#include "supervisor/client.h"
#include "supervisor/log_reader.h"

namespace nova::app {

/// A workload's log as text, for the API. While following, `wake` becomes readable when a line is written or the workload ends.
class WorkloadLog final : public api::LogStream {
public:
    /// `id`: the workload's, for the supervisor to say whether it still runs.
    static Result<std::unique_ptr<api::LogStream>> open(supervisor::Client& supervisor, const std::string& id,
                                                        const std::string& path, const api::LogOptions& options);

    Result<std::string> read() override;
    bool ended() const override { return ended_; }
    int wake() const override { return follow_ && !ended_ ? poll_.get() : -1; }

private:
    WorkloadLog(supervisor::Client& supervisor, std::string id, supervisor::LogReader reader, const api::LogOptions& options);

    Status watch_for_end();
    Result<bool> has_ended();
    void append(std::string& text, const supervisor::LogLine& line);

    supervisor::Client& supervisor_;
    std::string id_;
    supervisor::LogReader reader_;
    bool follow_;
    bool timestamps_;
    std::uint64_t bytes_left_;
    bool ended_ = false;
    bool line_begins_ = true;
    sys::UniqueFd poll_;  ///< epoll over the reader and the two below.
    sys::UniqueFd end_;   ///< The process's pidfd.
    sys::UniqueFd timer_; ///< Between the process's end and the supervisor's word that all its output is in the log.
};

} // namespace nova::app
