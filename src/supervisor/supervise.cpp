#include "supervisor/supervise.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/strings.h"
#include "supervisor/protocol.h"
#include "supervisor/server.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/own_memory.h"

namespace nova::supervisor {

using base::Code;
using base::Error;

namespace {

constexpr off_t longest_own_log = 1 << 20;
constexpr int ready_fd = 3;

enum class Mode { serve, daemonize, keeper, check };

struct Options {
    Mode mode = Mode::serve;
    std::string directory;
    int lock = -1;
    int listener = -1;
    int greet = -1;
    int ready = -1;
    std::vector<std::pair<int, int>> execs; ///< pidfd, exit descriptor.
};

Result<int> parse_fd(const std::string& text) { return static_cast<int>(TRY(base::parse_integer(text, 3, INT32_MAX))); }

Status parse_value(Options& options, const std::string& name, const std::string& value)
{
    if (name == "--directory")
        options.directory = value;
    else if (name == "--lock")
        options.lock = TRY(parse_fd(value));
    else if (name == "--listener")
        options.listener = TRY(parse_fd(value));
    else if (name == "--greet")
        options.greet = TRY(parse_fd(value));
    else if (name == "--ready")
        options.ready = TRY(parse_fd(value));
    else if (name == "--exec") {
        auto const colon = std::min(value.find(':'), value.size() - 1);
        options.execs.emplace_back(TRY(parse_fd(value.substr(0, colon))), TRY(parse_fd(value.substr(colon + 1))));
    } else
        return Error{Code::invalid_argument, "unknown option " + name};
    return base::done();
}

Result<Options> parse(const std::vector<std::string>& arguments)
{
    static const std::map<std::string, Mode> modes{
        {"--daemonize", Mode::daemonize}, {"--keeper", Mode::keeper}, {"--check", Mode::check}};
    Options options;
    for (std::size_t index = 0; index < arguments.size(); ++index) {
        if (auto const mode = modes.find(arguments[index]); mode != modes.end())
            options.mode = mode->second;
        else if (index + 1 == arguments.size() || arguments[index + 1].empty())
            return Error{Code::invalid_argument, arguments[index] + " needs a value"};
        else
            TRY(parse_value(options, arguments[index], arguments[index + 1])), ++index;
    }
    if (options.directory.empty() && options.mode != Mode::check)
        return Error{Code::invalid_argument, "--directory is missing"};
    return options;
}

Result<sys::UniqueFd> open_own_program() { return sys::open_file("/proc/self/exe", O_RDONLY); }

/// Thousands of processes take several descriptors each.
void raise_limits()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// One byte on the pipe tells that we serve; its end without one, that we can't.
Result<sys::UniqueFd> open_own_log(const std::string& directory)
{
    auto log = TRY(sys::open_file(directory + "/supervisor.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
    struct stat found {};
    if (::fstat(log.get(), &found) == 0 && found.st_size > longest_own_log && ::ftruncate(log.get(), 0) < 0)
        return Error::from_errno("empty supervisor.log");
    return log;
}

Result<int> daemonize(const Options& options)
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0)
        return Error::from_errno("make a pipe");
    sys::UniqueFd const read_end{fds[0]};
    sys::UniqueFd write_end{fds[1]};
    TRY(sys::make_directories(options.directory, 0700));
    auto const log = TRY(open_own_log(options.directory));
    auto const program = TRY(open_own_program());
    sys::ChildSpec spec{.program_fd = program.get(),
                        .argv = {"nb", "supervise", "--directory", options.directory, "--ready", std::to_string(ready_fd)}};
    spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    spec.cwd = "/";
    spec.err = log.get();
    spec.pass = {{write_end.get(), ready_fd}};
    spec.session = sys::Session::own;
    auto child = TRY(sys::spawn(spec));
    write_end.reset();
    (void)child.let_go(); // It is to outlive us; the next parent reaps it.
    char word = 0;
    if (::read(read_end.get(), &word, 1) != 1)
        return Error{Code::unavailable, "the supervisor did not start: see " + options.directory + "/supervisor.log"};
    return 0;
}

void tell_ready(int fd)
{
    if (fd >= 0 && ::write(fd, "r", 1) == 1)
        ::close(fd);
}

Result<Server::Handles> take_handles(const Options& options)
{
    Server::Handles handles;
    handles.program = TRY(open_own_program());
    for (int const fd : {options.lock, options.listener})
        if (fd >= 0)
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    handles.lock = sys::UniqueFd{options.lock};
    handles.listener = sys::UniqueFd{options.listener};
    if (handles.lock)
        return handles;
    TRY(sys::make_directories(options.directory, 0700));
    auto lock = TRY(sys::try_lock(options.directory + "/lock"));
    if (!lock)
        return handles;
    handles.lock = std::move(*lock);
    handles.listener = TRY(sys::listen_unix(socket_path(options.directory), sys::SocketKind::packets));
    return handles;
}

Result<int> serve(const Options& options)
{
    sys::ignore_sigpipe();
    ::umask(022);
    ::mallopt(M_TRIM_THRESHOLD, 64 * 1024);
    ::mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    raise_limits();
    TRY(sys::become_subreaper());
    auto handles = TRY(take_handles(options));
    if (!handles.lock) { // Another one serves; the one who asked for us finds it.
        tell_ready(options.ready);
        return 0;
    }
    auto const server = TRY(Server::open(options.directory, std::move(handles)));
    for (const auto& [pidfd, exit] : options.execs)
        server->resume_exec(sys::UniqueFd{pidfd}, sys::UniqueFd{exit});
    if (options.greet >= 0)
        server->greet(sys::UniqueFd{options.greet});
    tell_ready(options.ready);
    sys::drop_code_pages();
    ::malloc_trim(0);
    return server->run();
}

Result<int> run(const std::vector<std::string>& arguments)
{
    auto const options = TRY(parse(arguments));
    switch (options.mode) {
    case Mode::serve: return serve(options);
    case Mode::daemonize: return daemonize(options);
    case Mode::keeper: return keep(options.directory, 3);
    case Mode::check: std::printf("supervisor %d\n", protocol_version); return 0;
    }
    return 64;
}

} // namespace

int supervise(const std::vector<std::string>& arguments)
{
    auto const result = run(arguments);
    if (result.ok())
        return result.value();
    base::log_error("nb supervise: " + result.error().message());
    return result.error().code() == Code::invalid_argument ? 64 : 1;
}

} // namespace nova::supervisor
