#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "api/server.h"
#include "base/abort_guard_testing.h"
#include "base/guarded.h"
#include "client/client.h"
#include "keyspace/keyspace.h"
#include "sys/unique_fd.h"

namespace nova::test {

using nlohmann::json;

/// Workloads of a kind: exec runs a real program over pipes, a log is what the test wrote into a file.
class ShellStreams : public api::Streams {
public:
    explicit ShellStreams(std::string log) : log_(std::move(log)) {}
    api::Result<std::unique_ptr<api::LogStream>> open_log(const model::Key& workload, const api::LogOptions& options) override;
    api::Result<api::Session> exec(const model::Key& workload, const api::ExecOptions& options) override;
    api::Result<api::Session> attach(const model::Key& workload) override;

    std::string size(); ///< What was resized to last: "80x24".
    int running() const { return *running_; }

private:
    std::string log_;
    base::Guarded<std::string> size_;
    std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0); ///< Shared: children may outlive a test.
};

/// A server with its own root, and a client of it.
class Door : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    void start(api::Limits limits = {}); ///< (Again): stop() first.
    void stop();
    client::Client connect();

    /// Sends bytes as they are and returns all that comes back until the server closes or is silent for a while.
    std::string raw(std::string_view bytes);
    sys::UniqueFd raw_connection();
    std::string receive(int fd, int wait_ms = 300);

    json network(const std::string& name, const std::string& subnet = "") const;
    json image(const std::string& name, const std::string& reference) const;
    json pod(const std::string& name) const;
    void append_log(const std::string& text);

    std::string root_;
    std::string socket_;
    std::string log_;
    std::unique_ptr<keyspace::Keyspace> store_;
    std::unique_ptr<ShellStreams> streams_;
    std::unique_ptr<api::Server> server_;
    base::AbortGuard const guard_{[this] { base::AbortGuard::remove(root_); }};
};

} // namespace nova::test
