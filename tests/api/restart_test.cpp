#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "sys/local_socket.h"

namespace nova::test {
namespace {

using base::Code;
using base::Deadline;
using std::chrono::seconds;

Deadline soon() { return Deadline::after(seconds{30}); }

/// Takes each request and closes the connection without an answer, but answers those from `good_from` on. A server that is killed
/// does the first, its successor the second.
class DyingServer {
public:
    DyingServer(const std::string& path, int good_from) : listener_(sys::LocalListener::open(path, 0660).value())
    {
        thread_ = std::jthread{[this, good_from] {
            std::vector<sys::UniqueFd> silent; // Some only look whether anybody listens, and ask later or never.
            while (true) {
                std::vector<pollfd> entries{{listener_.fd(), POLLIN, 0}};
                for (const auto& client : silent)
                    entries.push_back({client.get(), POLLIN, 0});
                ::poll(entries.data(), entries.size(), -1);
                for (std::size_t i = silent.size(); i > 0; --i)
                    if (entries[i].revents != 0) {
                        serve(silent[i - 1].get(), good_from);
                        silent.erase(silent.begin() + static_cast<std::ptrdiff_t>(i - 1));
                    }
                if (entries[0].revents == 0)
                    continue;
                sys::UniqueFd client{::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC)};
                if (!client)
                    return;
                silent.push_back(std::move(client));
            }
        }};
    }
    ~DyingServer()
    {
        ::shutdown(listener_.fd(), SHUT_RDWR); // Ends the thread's accept.
        thread_.join();
    }

    int requests() const { return requests_; }

private:
    void serve(int client, int good_from)
    {
        char request[4096];
        std::string_view const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        if (::recv(client, request, sizeof request, 0) > 0 && ++requests_ > good_from)
            (void)!::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }

    sys::LocalListener listener_;
    std::atomic<int> requests_ = 0;
    std::jthread thread_;
};

class Restart : public Door {
protected:
    std::string dying() const { return root_ + "/dying.sock"; }
    void restart_with_patience() ///< A server that cuts nobody off, however slow the machine is.
    {
        stop();
        start({.drain = seconds{90}});
    }
    model::Key const web_{"Pod", "default", "web"};
};

// ---- the client -----------------------------------------------------------------------------------------------------------

TEST_F(Restart, makes_the_client_ask_once_more_what_only_reads)
{
    DyingServer const server{dying(), 2};
    auto client = client::Client::connect(dying()).value();

    auto const answer = client.get(web_);

    EXPECT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_EQ(server.requests(), 3);
}

TEST_F(Restart, makes_the_client_open_a_watch_once_more)
{
    DyingServer const server{dying(), 2};
    auto client = client::Client::connect(dying()).value();

    auto const watch = client.watch("Pod");

    EXPECT_TRUE(watch.ok()) << watch.error().message();
    EXPECT_EQ(server.requests(), 3);
}

TEST_F(Restart, makes_the_client_repeat_nothing_that_may_have_been_done)
{
    DyingServer const server{dying(), 1};
    auto client = client::Client::connect(dying()).value();

    EXPECT_TRUE(failed_with(client.create(pod("web")), Code::unavailable));
    EXPECT_EQ(server.requests(), 1);
    EXPECT_FALSE(client.exec(web_, {.command = {"true"}}).ok());
    EXPECT_EQ(server.requests(), 2);
}

TEST_F(Restart, does_not_keep_a_client_asking_for_ever)
{
    DyingServer const server{dying(), 1000};
    auto client = client::Client::connect(dying()).value();

    auto const answer = client.get(web_);

    ASSERT_TRUE(failed_with(answer, Code::unavailable));
    EXPECT_EQ(answer.error().message(), "the server closed the connection");
    EXPECT_LE(server.requests(), 10);
}

TEST_F(Restart, is_told_apart_from_the_absence_of_an_object)
{
    auto client = connect();
    stop();

    EXPECT_TRUE(failed_with(client.get(web_), Code::unavailable));
}

TEST_F(Restart, lets_the_client_bring_the_server_back)
{
    int calls = 0;
    client::Client::Options options;
    options.revive = [&]() -> base::Status {
        ++calls;
        start();
        return base::done();
    };
    auto client = client::Client::connect(socket_, std::move(options)).value();
    EXPECT_EQ(calls, 0) << "somebody listens";
    stop();

    EXPECT_TRUE(client.create(pod("web")).ok());

    EXPECT_EQ(calls, 1);
}

// ---- the server -----------------------------------------------------------------------------------------------------------

TEST_F(Restart, loses_no_request)
{
    client::Client::Options options;
    options.revive = [this]() -> base::Status {
        auto const deadline = soon();
        while (!sys::connect_local(socket_).ok() && !deadline.passed())
            ::usleep(1000);
        return base::done();
    };
    auto client = client::Client::connect(socket_, options).value();
    std::atomic<bool> enough = false;
    std::string failure;
    int made = 0;
    std::jthread writer{[&] {
        while (!enough && failure.empty()) {
            auto const created = client.create(pod("pod" + std::to_string(made)));
            if (created.ok())
                ++made;
            else if (!created.error().message().starts_with("connect to ")) // Else it stopped again before we were there.
                failure = created.error().message();
        }
    }};

    for (int i = 0; i < 40; ++i) {
        ::usleep(static_cast<useconds_t>(1000 + 700 * (i % 7)));
        stop();
        start();
    }
    enough = true;
    writer.join();

    EXPECT_EQ(failure, "") << "after " << made;
    EXPECT_EQ(connect().list("Pod").value().items.size(), static_cast<std::size_t>(made));
}

TEST_F(Restart, ends_no_log_before_its_end)
{
    restart_with_patience();
    ASSERT_TRUE(connect().create(pod("web")).ok());
    std::string const text(6'000'000, 'x');
    append_log(text);
    auto log = connect().log(web_).value();
    auto received = log.read(soon()).value().size();
    std::jthread const stopper{[this] { server_->stop(); }};
    ::usleep(100'000); // The server waits for us, as it should.

    while (true) {
        auto const piece = log.read(soon());
        ASSERT_TRUE(piece.ok()) << piece.error().message();
        if (piece.value().empty())
            break;
        received += piece.value().size();
    }

    EXPECT_EQ(received, text.size());
}

TEST_F(Restart, passes_on_what_one_typed_who_has_left)
{
    restart_with_patience();
    ASSERT_TRUE(connect().create(pod("web")).ok());
    auto const go = root_ + "/go";
    auto const received = root_ + "/received";
    std::string const sent(150'000, 'x'); // More than a pipe holds, less than pipe and socket do.
    auto const script = "echo ready; while ! [ -e " + go + " ]; do sleep 0.01; done; cat > " + received;
    {
        auto session = connect().exec(web_, {.command = {"sh", "-c", script}, .in = true}).value();
        ASSERT_EQ(session.next(soon()).value()->text, "ready\n"); // Until then the new process has what this one has open.
        ASSERT_TRUE(session.write(sent, soon()).ok());
    }
    std::jthread const stopper{[this] { server_->stop(); }};
    ::usleep(100'000);

    std::ofstream{go}.flush();
    ASSERT_TRUE(eventually([&] { return streams_->running() == 0; }));

    EXPECT_EQ(std::filesystem::file_size(received), sent.size());
}

} // namespace
} // namespace nova::test
