#include "apps/nova/cli/connection.h"

#include <fcntl.h>

#include <iostream>
#include <thread>

#include "sys/child.h"
#include "sys/file.h"
#include "sys/local_socket.h"

namespace nova::app {
namespace {

constexpr std::chrono::seconds start_limit{20};
constexpr std::chrono::milliseconds look_again{5};
constexpr std::chrono::seconds other_limit{2};

std::string daemon_log(const Layout& layout) { return layout.run + "/nova.log"; }

/// The last lines of its log: where it failed, they say why.
std::string last_words(const Layout& layout)
{
    auto const text = sys::read_file(daemon_log(layout)).value_or("");
    auto const last = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
    return last == std::string::npos ? text : text.substr(last + 1);
}

Result<sys::Child> start_daemon(const Layout& layout)
{
    TRY(make_layout(layout));
    auto const log = TRY(sys::open_file(daemon_log(layout), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
    sys::ChildSpec spec;
    spec.program = "/proc/self/exe";
    spec.argv = {"nova"};
    if (!layout.root.empty())
        spec.argv.insert(spec.argv.end(), {"--root", layout.root});
    spec.argv.emplace_back("server");
    spec.cwd = "/";
    spec.out = log.get();
    spec.err = log.get();
    spec.session = sys::Session::own;
    return sys::spawn(spec).context("start the daemon");
}

/// For --curl: shows the first request that the command would send, and ends it there.
Result<client::Client> show_requests(const Layout& layout)
{
    client::Client::Options options;
    options.instead = [socket = layout.socket](const client::Request& request) { std::cout << request.to_curl(socket) << "\n"; };
    return client::Client::connect(layout.socket, std::move(options));
}

bool somebody_listens(const Layout& layout)
{
    auto const connected = sys::connect_local(layout.socket); // It may be somebody who does not let us in.
    return !base::failed_with(connected, base::Code::not_found) && !base::failed_with(connected, base::Code::unavailable);
}

/// Starts one, and returns once one listens.
Status bring_up(const Layout& layout)
{
    auto daemon = TRY(start_daemon(layout));
    auto deadline = base::Deadline::after(start_limit);
    bool ended = false;
    while (!somebody_listens(layout)) {
        if (ended) {
            std::this_thread::sleep_for(look_again);
        } else if (TRY(daemon.wait(base::Deadline::after(look_again)))) {
            // Two commands may have started one each at the same time: ours gave way, and the other will serve us both.
            ended = true;
            deadline = base::Deadline::after(other_limit);
        }
        if (deadline.passed())
            return base::Error{base::Code::unavailable, ended ? "the daemon ended at its start: " + last_words(layout)
                                                              : "the daemon does not answer; its log is " + daemon_log(layout)};
    }
    if (!ended)
        (void)daemon.let_go(); // It lives on without us; init reaps it.
    return base::done();
}

} // namespace

Result<client::Client> connect_daemon(const Invocation& invocation)
{
    auto const layout = TRY(find_layout(invocation.root));
    if (invocation.curl)
        return show_requests(layout);
    client::Client::Options options;
    options.revive = [layout] { return bring_up(layout); };
    return client::Client::connect(layout.socket, std::move(options));
}

} // namespace nova::app
