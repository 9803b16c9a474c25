#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
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

/// True as soon as it holds.
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within = std::chrono::seconds{30});

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

    /// Whether what came is all that is waited for.
    using Enough = std::function<bool(const std::string&)>;
    /// It is as long as it says. One that says that the connection ends with it never is: its end is to be seen.
    static bool is_whole_answer(const std::string& text);
    static bool never(const std::string&) { return false; }

    /// Sends bytes as they are and returns what comes back until it is enough, or the server closes ("<closed>").
    std::string raw(std::string_view bytes, const Enough& enough = is_whole_answer);
    sys::UniqueFd raw_connection();
    std::string receive(int fd, const Enough& enough = is_whole_answer);

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
