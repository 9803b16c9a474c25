#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"
#include "sys/unix_socket.h"

namespace nova::supervisor {

using base::Result;
using base::Status;

/// Descriptors with a name each: "pidfd", "stdout", "terminal", ...
using KeptFds = std::map<std::string, sys::UniqueFd>;

/// The supervisor's side of the keeper: a second, tiny process that does nothing but hold descriptors, so that the supervisor's
/// sudden death hangs up no terminal, empties no FIFO and loses no pidfd. Its successor asks for them. It is started when there
/// is first something to hold, and ends when it holds nothing.
class Keeper {
public:
    /// `program` is the descriptor of our own program; borrowed.
    Keeper(std::string directory, int program) : directory_(std::move(directory)), program_(program) {}

    /// Connects to a keeper that a predecessor left behind. Not finding one is no error.
    void find();

    /// Keeps copies of these under the id, instead of those it had. Starts a keeper where none runs.
    Status put(const std::string& id, const KeptFds& fds);

    /// Copies of what is kept; empty where nothing is.
    KeptFds get(const std::string& id);

    void drop(const std::string& id);

    /// The connection: it hangs up when the keeper dies. -1: none runs.
    int fd() const { return socket_.get(); }
    void disconnect();

    /// Called before the connection is closed, by whichever call: another descriptor may have its number right after that.
    void on_disconnect(std::function<void()> call) { on_disconnect_ = std::move(call); }

private:
    Status start();
    Status connect();
    Result<sys::Message> ask(const std::string& text, const std::vector<int>& fds);
    Result<sys::Message> ask_once(const std::string& text, const std::vector<int>& fds);
    Status put_once(const std::string& text, const std::vector<int>& fds);

    std::string directory_;
    int program_;
    sys::UniqueFd socket_;
    std::function<void()> on_disconnect_;
};

/// The keeper's own main: serves `listener` until it holds nothing and nobody is connected.
int keep(const std::string& directory, int listener);

} // namespace nova::supervisor
