#include "runtime/criu.h"

#include <fcntl.h>
#include <sched.h>

#include <array>

#include "base/strings.h"
#include "runtime/log.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr unsigned notice_type = 6;
constexpr unsigned nftables = 2;
constexpr unsigned log_level = 4;
constexpr auto farewell = std::chrono::seconds{10};
constexpr auto most_log = 64u << 20;

std::string log_name(CriuWork work) { return work == CriuWork::restore ? "restore.log" : "dump.log"; }

/// criu_resp, as far as we need it.
struct Answer {
    std::uint64_t type = 0;
    bool success = false;
    pid_t restored = 0;
    std::string message;
    CriuNotice notice;
};

Result<CriuNotice> read_notice(std::string_view bytes)
{
    CriuNotice notice;
    for (const auto& field : TRY(parse_wire_message(bytes))) {
        if (field.field == 1)
            notice.script = field.bytes;
        else if (field.field == 2)
            notice.pid = static_cast<pid_t>(field.number);
    }
    return notice;
}

Result<Answer> parse_answer(sys::Message message)
{
    Answer answer;
    for (const auto& field : TRY(parse_wire_message(message.text))) {
        if (field.field == 1)
            answer.type = field.number;
        else if (field.field == 2)
            answer.success = field.number != 0;
        else if (field.field == 9)
            answer.message = field.bytes;
        else if (field.field == 4)
            for (const auto& inner : TRY(parse_wire_message(field.bytes)))
                answer.restored = inner.field == 1 ? static_cast<pid_t>(inner.number) : answer.restored;
        else if (field.field == 5)
            answer.notice = TRY(read_notice(field.bytes));
    }
    if (!message.fds.empty())
        answer.notice.fd = std::move(message.fds.front());
    return answer;
}

std::string last_error(const std::string& log)
{
    auto const text = sys::read_file(log, most_log);
    std::string found;
    for (const auto& line : base::split(text.ok() ? text.value() : "", '\n'))
        if (auto const at = line.find("Error ("); at != std::string::npos && !line.ends_with("FAILED."))
            found = line.substr(at);
    return found;
}

Result<std::string> find_criu(const Globals& globals)
{
    auto found = sys::find_program(globals.criu.empty() ? "criu" : globals.criu);
    if (failed_with(found, Code::not_found) || (found.ok() && !sys::exists(found.value())))
        return Error{Code::not_found, "criu is not installed, and checkpoints need it: install the package criu (apt-get install "
                                      "criu), or say where it is with --criu"};
    return found;
}

WireMessage settings_of(const CriuRequest& request, int images, int work)
{
    const auto& settings = request.settings;
    auto options = request.options;
    options.number(criu_option::images, static_cast<std::uint64_t>(images))
        .number(criu_option::work, static_cast<std::uint64_t>(work));
    options.number(criu_option::log_level, log_level).text(criu_option::log_file, log_name(request.work));
    options.flag(criu_option::tcp, settings.tcp_established).flag(criu_option::unix_sockets, settings.external_unix_sockets);
    options.flag(criu_option::shell_job, settings.shell_job).flag(criu_option::file_locks, settings.file_locks);
    options.flag(criu_option::link_remap, settings.link_remap).flag(criu_option::orphan_terminal, true);
    options.flag(criu_option::auto_dedup, settings.auto_dedup).flag(criu_option::skip_in_flight, settings.tcp_skip_in_flight);
    if (settings.empty_network)
        options.number(criu_option::empty_namespaces, CLONE_NEWNET);
    options.flag(criu_option::notify, true).flag(criu_option::manage_cgroups, true);
    options.number(criu_option::cgroup_mode, parse_cgroup_mode(settings.cgroup_mode).value_or(0));
    if (!sys::find_program("iptables-restore").ok())
        options.number(criu_option::network_lock, nftables);
    return options;
}

/// One talk with criu, from the request to its end.
class Talk {
public:
    Talk(const CriuRequest& request, sys::UniqueFd socket, std::string log, pid_t criu)
        : request_(request), socket_(std::move(socket)), log_(std::move(log)), criu_(criu)
    {}

    Result<pid_t> run(const WireMessage& options)
    {
        WireMessage whole;
        whole.number(1, static_cast<unsigned>(request_.work)).message(2, options);
        TRY(sys::send_message(socket_.get(), whole.bytes()));
        while (true) {
            auto message = TRY(sys::receive_message(socket_.get()));
            if (!message)
                return failure("it ended without an answer");
            auto answer = TRY(parse_answer(std::move(*message)));
            if (answer.type != notice_type)
                return result_of(answer);
            TRY(take_notice(std::move(answer.notice)));
        }
    }

private:
    Result<pid_t> result_of(const Answer& answer) const
    {
        if (answer.success && answer.type == static_cast<unsigned>(request_.work))
            return pid_t{answer.restored};
        return failure(answer.message);
    }

    /// With the last error of its log, which comes first to mind to whoever reads our one line.
    Error failure(const std::string& what) const
    {
        auto const said = last_error(log_);
        return Error{Code::internal, "criu failed" + (what.empty() ? "" : ": " + what) +
                                         (said.empty() || !what.empty() ? "" : ": " + said) + " (see " + log_ + ")"};
    }

    Status take_notice(CriuNotice notice)
    {
        notice.criu = criu_;
        auto taken = request_.on_notice ? request_.on_notice(std::move(notice)) : done();
        WireMessage reply;
        reply.number(1, notice_type).number(3, taken.ok() ? 1 : 0);
        auto const sent = sys::send_message(socket_.get(), reply.bytes());
        if (!taken.ok() || sent.ok())
            return taken;
        return Error{sent.error()};
    }

    const CriuRequest& request_;
    sys::UniqueFd socket_;
    std::string log_;
    pid_t criu_;
};

Result<sys::Child> start_criu(const Globals& globals, const CriuRequest& request, const sys::UniqueFd& theirs)
{
    sys::ChildSpec spec;
    spec.program = TRY(find_criu(globals));
    spec.argv = {"criu", "swrk", "3"};
    spec.pass = request.pass;
    spec.pass.push_back({theirs.get(), 3});
    spec.new_privileges = request.new_privileges;
    spec.in = 0;
    spec.out = 1;
    spec.err = -1; // Its log has more, and what is restored gets our own as it was dumped.
    if (request.work == CriuWork::restore)
        spec.err = 2;
    return sys::spawn(spec);
}

} // namespace

Result<unsigned> parse_cgroup_mode(const std::string& name)
{
    constexpr std::array<std::pair<std::string_view, unsigned>, 6> modes{
        {{"ignore", 0}, {"none", 1}, {"soft", 3}, {"full", 4}, {"strict", 5}, {"", 3}}};
    for (const auto& [known, number] : modes)
        if (known == name)
            return unsigned{number};
    return Error{Code::invalid_argument, "--manage-cgroups-mode: must be ignore, none, soft, full or strict"};
}

WireMessage external_mount(const std::string& inside, const std::string& value)
{
    WireMessage mount;
    mount.text(1, inside).text(2, value);
    return mount;
}

Result<pid_t> run_criu(const Globals& globals, const CriuRequest& request)
{
    const auto& settings = request.settings;
    auto const work_path = settings.work_path.empty() ? settings.image_path : settings.work_path;
    auto const log = work_path + "/" + log_name(request.work);
    auto const images = TRY(sys::open_file(settings.image_path, O_RDONLY | O_DIRECTORY).context("--image-path"));
    auto const work = TRY(sys::open_file(work_path, O_RDONLY | O_DIRECTORY).context("--work-path"));
    auto [ours, theirs] = TRY(sys::socket_pair(sys::SocketKind::packets));
    auto criu = TRY(start_criu(globals, request, theirs));
    theirs.reset();
    if (request.cgroup)
        TRY(request.cgroup->add_process(criu.pid()));
    tell(globals, Severity::debug, "criu is " + std::to_string(criu.pid()) + " and logs to " + log);
    Talk talk{request, std::move(ours), log, criu.pid()};
    auto const pid = TRY(talk.run(settings_of(request, images.get(), work.get())));
    (void)criu.wait(Deadline::after(farewell));
    return pid_t{pid};
}

} // namespace nova::runtime
