#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "base/clock.h"
#include "sys/file.h"
#include "sys/local_socket.h"
#include "sys/random.h"

namespace nova::test {
namespace {

constexpr int patience_ms = 30'000; ///< With what must come, on however busy a machine.

/// Reads a file, and follows it by inotify.
class FileLog : public api::LogStream {
public:
    FileLog(std::string path, const api::LogOptions& options)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
          notify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
          follow_(options.follow)
    {
        ::inotify_add_watch(notify_.get(), path.c_str(), IN_MODIFY);
    }
    base::Result<std::string> read() override
    {
        std::string text(8192, '\0');
        while (::read(notify_.get(), text.data(), text.size()) > 0) {
        }
        auto const count = ::read(fd_.get(), text.data(), text.size());
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        return text;
    }
    bool ended() const override { return !follow_; }
    int wake() const override { return notify_.get(); }

private:
    sys::UniqueFd fd_;
    sys::UniqueFd notify_;
    bool follow_;
};

struct Pipe {
    sys::UniqueFd read;
    sys::UniqueFd write;
};

Pipe make_pipe()
{
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {sys::UniqueFd{ends[0]}, sys::UniqueFd{ends[1]}};
}

} // namespace

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds within)
{
    auto const deadline = base::Deadline::after(within);
    while (!holds()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

api::Result<std::unique_ptr<api::LogStream>> ShellStreams::open_log(const model::Key&, const api::LogOptions& options)
{
    return std::unique_ptr<api::LogStream>{std::make_unique<FileLog>(log_, options)};
}

api::Result<api::Session> ShellStreams::exec(const model::Key&, const api::ExecOptions& options)
{
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    auto exit = make_pipe();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), 2);
    std::vector<char*> argv;
    for (const auto& argument : options.command)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    int const failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        return base::Error::from_errno("run " + options.command[0], failed);
    ++*running_;
    std::jthread{[pid, running = running_, fd = std::move(exit.write)] {
        int status = 0;
        ::waitpid(pid, &status, 0);
        --*running;
        int const code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (::write(fd.get(), &code, sizeof code) < 0)
            return; // Nobody wants to know.
    }}.detach();
    auto const resize = [this](std::uint16_t columns, std::uint16_t rows) -> base::Status {
        size_.with([&](auto& size) { size = std::to_string(columns) + "x" + std::to_string(rows); });
        return base::done();
    };
    return api::Session{std::move(in.write), std::move(out.read), std::move(err.read), std::move(exit.read), resize};
}

std::string ShellStreams::size()
{
    return size_.with([](const auto& size) { return size; });
}

/// An echo: what is typed comes back, until the end of input.
api::Result<api::Session> ShellStreams::attach(const model::Key& workload)
{
    auto session = exec(workload, {.command = {"cat"}, .terminal = false, .user = "", .working_dir = "", .env = {}});
    if (session.ok())
        session.value().exit.reset();
    return session;
}

void Door::SetUp()
{
    root_ = testing::TempDir() + "/api." + sys::random_hex(8);
    ASSERT_TRUE(sys::make_directories(root_ + "/state").ok());
    socket_ = root_ + "/api.sock";
    log_ = root_ + "/log";
    append_log("");
    streams_ = std::make_unique<ShellStreams>(log_);
    start();
}

void Door::TearDown()
{
    stop();
    EXPECT_TRUE(sys::remove_tree(root_).ok());
}

void Door::start(api::Limits limits)
{
    auto store = keyspace::open_keyspace(root_ + "/state");
    ASSERT_TRUE(store.ok()) << store.error().message();
    store_ = std::move(store).value();
    auto server = api::Server::start({.socket = socket_, .listener = {}, .limits = limits}, *store_, *streams_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(server).value();
}

void Door::stop()
{
    server_.reset();
    store_.reset();
}

client::Client Door::connect() { return client::Client::connect(socket_).value(); }

sys::UniqueFd Door::raw_connection() { return sys::connect_local(socket_).value(); }

bool Door::is_whole_answer(const std::string& text)
{
    constexpr std::string_view length = "\r\nContent-Length: ";
    auto const head = text.substr(0, text.find("\r\n\r\n") + 2);
    auto const at = head.find(length);
    return at != std::string::npos && head.find("\r\nConnection: close") == std::string::npos &&
           text.size() >= head.size() + 2 + std::stoul(head.substr(at + length.size()));
}

std::string Door::receive(int fd, const Enough& enough)
{
    std::string text;
    char chunk[65536];
    while (!enough(text)) {
        pollfd one{fd, POLLIN, 0};
        if (::poll(&one, 1, patience_ms) <= 0)
            return text + "<silence>";
        auto const count = ::recv(fd, chunk, sizeof chunk, 0);
        if (count <= 0)
            return text + "<closed>";
        text.append(chunk, static_cast<std::size_t>(count));
    }
    return text;
}

std::string Door::raw(std::string_view bytes, const Enough& enough)
{
    auto const fd = raw_connection();
    while (!bytes.empty()) {
        auto const sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return receive(fd.get(), enough);
}

json Door::network(const std::string& name, const std::string& subnet) const
{
    json object{{"kind", "Network"},
                {"apiVersion", "nanocloud.io/v1"},
                {"metadata", {{"name", name}, {"namespace", "default"}}},
                {"spec", json::object()}};
    if (!subnet.empty())
        object["spec"]["subnet"] = subnet;
    return object;
}

json Door::image(const std::string& name, const std::string& reference) const
{
    return {{"kind", "Image"},
            {"apiVersion", "nanocloud.io/v1"},
            {"metadata", {{"name", name}, {"namespace", "default"}}},
            {"spec", {{"reference", reference}, {"source", "/images/" + name}}}};
}

json Door::pod(const std::string& name) const
{
    return {{"kind", "Pod"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", name}}}}},
            {"spec", {{"containers", {{{"name", "main"}, {"image", "web:latest"}}}}}}};
}

void Door::append_log(const std::string& text) { std::ofstream{log_, std::ios::app} << text; }

} // namespace nova::test
