#include "runtime/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/keep_to_the_end.h"
#include "base/undo.h"
#include "runtime/container_cgroup.h"
#include "runtime/hooks.h"
#include "runtime/host_nodes.h"
#include "runtime/id_map.h"
#include "runtime/intel_rdt.h"
#include "runtime/limits.h"
#include "runtime/log.h"
#include "runtime/mounts.h"
#include "runtime/net_devices.h"
#include "runtime/new_network.h"
#include "runtime/pid_file.h"
#include "runtime/restore.h"
#include "runtime/sysctls.h"
#include "runtime/terminal_relay.h"
#include "sys/file.h"
#include "sys/memfd.h"
#include "sys/namespace.h"
#include "sys/own_process.h"
#include "sys/pidfd.h"
#include "sys/proc.h"
#include "sys/security_module.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::Deadline;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

constexpr auto kill_deadline = std::chrono::seconds{10};

/// One launch, step by step; each step leaves its undoing.
class Launch {
public:
    Launch(const Globals& globals, const LaunchRequest& request) : globals_(globals), request_(request) {}

    Result<Launched> run();

private:
    Status read_config();
    Status make_record();
    Status make_cgroup();
    Status make_rdt_class();
    Status prepare_init(InitPlan& plan);
    Status clone_init(const InitPlan& plan);
    Status proceed();
    Status map_ids();
    Status make_meanwhile(const InitPlan& plan);
    [[noreturn]] void be_between(const InitPlan& plan, Channel channel, int cgroup);
    Status follow_setup();
    Status handle(Received received);
    Status move_net_devices();
    Status run_runtime_hooks();
    Status commit_record();
    Status await_release();
    Status make_process();
    Status revive();
    void adopt(sys::UniqueFd pidfd, pid_t pid);
    std::string state(Phase phase) const;

    const Globals& globals_;
    const LaunchRequest& request_;
    std::string config_text_;
    SeccompCache seccomp_cache_{globals_.seccomp_cache()};
    oci::Config config_;
    std::optional<StateDirectory> directory_;
    ContainerCgroup cgroup_;
    RdtClass rdt_class_;
    std::optional<Channel> channel_;
    Record record_;
    sys::UniqueFd pidfd_;
    sys::UniqueFd terminal_;
    Readiness readiness_;
    sys::UniqueFd agent_; ///< Where the seccomp listener goes, when the program starts at once.
    NetDevices net_devices_;
    bool ready_ = false;
    bool hooks_begun_ = false;
    base::Undo undo_; ///< Last: runs before what it uses is gone.
};

std::string absolute(const std::string& path, const std::string& base) { return path.front() == '/' ? path : base + "/" + path; }

Status check_rootfs(const std::string& rootfs)
{
    struct stat status {};
    if (::stat(rootfs.c_str(), &status) < 0) {
        int const errnum = errno;
        return Error::from_errno("root.path: " + rootfs, errnum);
    }
    if (!S_ISDIR(status.st_mode))
        return Error{Code::invalid_argument, "root.path: " + rootfs + " is no directory"};
    return done();
}

Status check_config(const oci::Config& config)
{
    if (!config.process)
        return Error{Code::invalid_argument, "process: is missing"};
    auto const has = [&config](std::string_view type) {
        const auto& all = config.platform.namespaces;
        return std::any_of(all.begin(), all.end(), [type](const auto& entry) { return entry.type == type; });
    };
    if (!has("network") && !config.platform.net_devices.empty())
        return Error{Code::invalid_argument, "linux.netDevices: needs a network namespace"};
    if (!has("uts") && (!config.hostname.empty() || !config.domainname.empty()))
        return Error{Code::invalid_argument, "hostname: needs a uts namespace"};
    if (!config.platform.mount_label.empty() && !sys::has_selinux())
        return Error{Code::failed_precondition, "linux.mountLabel: SELinux is not in use on this host"};
    if (config.platform.memory_policy) {
        const auto& policy = *config.platform.memory_policy;
        TRY(sys::check_memory_policy(policy.mode, policy.nodes, policy.flags).context("linux.memoryPolicy"));
    }
    return check_sysctls(config);
}

Status Launch::read_config()
{
    config_text_ = TRY(sys::read_file(request_.config, 16u << 20));
    auto const knows = [this](std::string_view text) { return knows_whole(seccomp_cache_, text); };
    config_ = TRY(oci::parse_config(config_text_, knows).context(request_.config));
    TRY(check_config(config_).context(request_.config));
    complete_id_maps(config_.platform);
    complete_pids_limit(config_.version, config_.platform.resources);
    std::vector<std::string> warnings;
    TRY(check_process(*config_.process, warnings).context(request_.config));
    if (!has_user_namespace(config_.platform))
        warn_of_capabilities(*config_.process, warnings);
    for (const auto& warning : warnings)
        tell(globals_, Severity::warning, warning);
    tell_of_refused_ambient(globals_, *config_.process);
    record_.rootfs = absolute(config_.rootfs, request_.bundle);
    TRY(check_rootfs(record_.rootfs));
    strip_rootfs(config_, record_.rootfs);
    if (config_.process->terminal && request_.console_socket.empty() && !request_.attached)
        return Error{Code::invalid_argument, "process.terminal: with --detach or create, use --console-socket"};
    if (!config_.process->terminal && !request_.console_socket.empty())
        return Error{Code::invalid_argument, "--console-socket: needs process.terminal"};
    return done();
}

/// To read and parse it once more costs each of start and delete about as much as all else they do.
bool needs_config_later(const oci::Config& config)
{
    bool const listens = config.platform.seccomp && !config.platform.seccomp->listener_path.empty();
    return listens || !config.hooks.poststart.empty() || !config.hooks.poststop.empty();
}

bool has_own_pids(const oci::Linux& config)
{
    return std::any_of(config.namespaces.begin(), config.namespaces.end(),
                       [](const auto& entry) { return entry.type == "pid" && entry.path.empty(); });
}

Status Launch::make_record()
{
    directory_ = TRY(StateDirectory::create(globals_.root, request_.id));
    undo_.add([this] { // First here, so last then: when all else is gone.
        if (hooks_begun_)
            run_poststop_hooks(globals_, config_.hooks.poststop, state(Phase::stopped));
    });
    undo_.add([this] { (void)directory_->remove(); });
    record_.id = request_.id;
    record_.bundle = request_.bundle;
    record_.created = base::to_rfc3339(base::system_clock().now(), 9);
    record_.owner = std::to_string(::getuid());
    record_.annotations = config_.annotations;
    record_.version = config_.version;
    TRY(ContainerCgroup::plan(globals_, config_, record_));
    TRY(RdtClass::plan(globals_, config_, record_));
    record_.needs_config = needs_config_later(config_);
    record_.own_pids = has_own_pids(config_.platform);
    if (!request_.images)
        TRY(offer_notify_socket(*directory_, config_).context("NOTIFY_SOCKET"));
    TRY(directory_->write(record_)); // So that a kill of ours leaves something that `delete --force` finds.
    return directory_->write_config(config_text_);
}

Status Launch::make_cgroup()
{
    TRY(cgroup_.make(globals_, config_, record_));
    tell(globals_, Severity::debug, "cgroup: " + (record_.cgroup.empty() ? "none" : record_.cgroup));
    return done();
}

Status Launch::make_rdt_class()
{
    if (record_.rdt.name.empty())
        return done();
    undo_.add([this] { rdt_class_.take_back(); });
    return rdt_class_.make(globals_, config_, record_);
}

Status Launch::prepare_init(InitPlan& plan)
{
    plan.id = request_.id;
    plan.bundle = request_.bundle;
    plan.rootfs = record_.rootfs;
    plan.namespaces = TRY(plan_namespaces(config_.platform));
    plan.host_proc = TRY(sys::open_proc());
    plan.send_terminal = request_.attached;
    plan.start = request_.start;
    plan.root_switch = request_.root_switch;
    plan.new_keyring = request_.new_keyring;
    plan.preserve_fds = request_.preserve_fds;
    plan.listen_fds = request_.listen_fds;
    if (config_.platform.seccomp) {
        plan.seccomp = TRY(compile_profile(*config_.platform.seccomp, seccomp_cache_));
        plan.has_seccomp = true;
        if (plan.start == StartMode::at_once)
            agent_ = TRY(connect_agent(*config_.platform.seccomp));
    }
    plan.prepared_mounts = TRY(prepare_mounts(config_, request_.bundle, record_.rootfs));
    plan.nodes = TRY(make_host_nodes(config_.platform).context("linux.devices"));
    plan.network_follows = may_make_network_apart(plan.namespaces);
    plan.binds_hierarchies = may_bind_hierarchies(config_);
    plan.cgroup_follows = !plan.namespaces.needs_process_between() && ContainerCgroup::is_joined_late(globals_, record_);
    if (!plan.cgroup_follows)
        TRY(make_cgroup());
    plan.record = record_; // With the cgroup, whose path systemd chooses.
    if (cgroup_.group())
        plan.cgroup_tasks = TRY(cgroup_.group()->open_tasks());
    if (!request_.console_socket.empty())
        plan.console_socket =
            TRY(sys::connect_unix(request_.console_socket, sys::SocketKind::stream).context("--console-socket"));
    if (plan.start == StartMode::at_once)
        readiness_ = TRY(Readiness::open(*directory_));
    else
        plan.start_listener = TRY(sys::listen_unix(directory_->socket_path(), sys::SocketKind::packets));
    return done();
}

/// Joins what is to be joined, makes the container's process as our child, and tells its pid.
void Launch::be_between(const InitPlan& plan, Channel channel, int cgroup)
{
    auto const result = [&]() -> Status {
        TRY(enter_joined(plan.namespaces));
        if (plan.namespaces.fresh_time)
            TRY(make_time_namespace(config_.platform, plan.host_proc.get()));
        auto const cloned = TRY(sys::clone_process(plan.namespaces.fresh | CLONE_PARENT, cgroup));
        if (cloned.pid == 0)
            run_init(plan, std::move(channel));
        return channel.send(Note::cloned, {}, cloned.pidfd.get());
    }();
    if (!result.ok())
        channel.send_failure(result.error());
    sys::exit_now(result.ok() ? 0 : 1);
}

Status Launch::clone_init(const InitPlan& plan)
{
    auto [ours, theirs] = TRY(Channel::create());
    auto const cgroup = cgroup_.group() ? TRY(cgroup_.group()->open_directory()) : sys::UniqueFd{};
    bool const between = plan.namespaces.needs_process_between();
    // Born in the cgroup, version 2. From inside a user or cgroup namespace it can't be joined, so there the process in between
    // is in it already, and counts as one more for as long as it lives.
    bool const early = plan.namespaces.joins(CLONE_NEWUSER) || plan.namespaces.joins(CLONE_NEWCGROUP);
    auto const fresh = plan.namespaces.fresh & ~(plan.network_follows ? std::uint64_t{CLONE_NEWNET} : 0);
    auto cloned = TRY(between ? sys::clone_process(0, early ? cgroup.get() : -1) : sys::clone_process(fresh, cgroup.get()));
    if (cloned.pid == 0) {
        ours.close();
        if (between)
            be_between(plan, std::move(theirs), early ? -1 : cgroup.get());
        run_init(plan, std::move(theirs));
    }
    theirs.close();
    channel_.emplace(std::move(ours));
    if (between) {
        auto const middle = std::move(cloned.pidfd);
        auto received = channel_->expect_out_of_turn(Note::cloned);
        (void)sys::wait_pidfd(middle.get(), Deadline::never());
        auto notes = TRY(std::move(received));
        cloned.pidfd = std::move(notes.fds.at(0));
        cloned.pid = TRY(sys::pid_of(cloned.pidfd.get()));
    }
    adopt(std::move(cloned.pidfd), cloned.pid);
    record_.start_ticks = TRY(sys::start_ticks(cloned.pid));
    tell(globals_, Severity::debug, "the container's first process is " + std::to_string(cloned.pid));
    return done();
}

std::string Launch::state(Phase phase) const { return state_json(record_, phase); }

Status Launch::move_net_devices()
{
    undo_.add([this] { net_devices_.move_back(); }); // Before the namespace they are in goes, and virtual ones with it.
    return net_devices_.move(config_.platform.net_devices, record_.pid, pidfd_.get());
}

Status Launch::run_runtime_hooks()
{
    hooks_begun_ = true;
    TRY(run_hooks("prestart", config_.hooks.prestart, state(Phase::creating)));
    return run_hooks("createRuntime", config_.hooks.create_runtime, state(Phase::creating));
}

Status Launch::handle(Received received)
{
    switch (received.note) {
    case Note::mounted:
        TRY(move_net_devices());
        TRY(run_runtime_hooks());
        return proceed();
    case Note::terminal:
        terminal_ = std::move(received.fds.at(0));
        keep_line_ends(terminal_);
        return done();
    case Note::listener:
        return deliver_listener(agent_, *config_.platform.seccomp, {record_, Phase::creating, record_.pid}, received.fds.at(0));
    case Note::ready: ready_ = true; return done();
    case Note::failed: return received.error();
    case Note::hook_failed: hooks_begun_ = true; return received.error();
    default: return Error{Code::internal, "the container's process ended before it was set up"};
    }
}

/// Where nobody hears it, the container's process has ended, and its last words say why.
Status Launch::proceed()
{
    auto sent = channel_->send(Note::proceed);
    if (sent.ok())
        return sent;
    auto const last = channel_->receive();
    bool const explains = last.ok() && (last.value().note == Note::failed || last.value().note == Note::hook_failed);
    return explains ? Status{last.value().error()} : sent;
}

Status Launch::map_ids()
{
    if (config_.platform.uid_mappings.empty())
        return done();
    for (const auto& entry : config_.platform.namespaces)
        if (entry.type == "user" && !entry.path.empty())
            return done();
    TRY(write_id_maps(record_.pid, config_.platform.uid_mappings, config_.platform.gid_mappings));
    return proceed();
}

/// What the container's process does not need at once is made while it mounts. Where it can't be told any more it has ended, and
/// its own words, which follow_setup() reads, say why.
Status Launch::make_meanwhile(const InitPlan& plan)
{
    if (plan.network_follows) {
        std::vector<sys::UniqueFd> network;
        network.push_back(TRY(make_network()));
        (void)channel_->send(Note::network, network);
    }
    if (plan.cgroup_follows) {
        TRY(make_cgroup());
        (void)channel_->send(Note::cgroup, TRY(cgroup_.group()->open_tasks()));
    }
    return done();
}

Status Launch::follow_setup()
{
    while (!ready_) {
        auto received = TRY(channel_->receive());
        TRY(handle(std::move(received)));
    }
    return done();
}

Status Launch::commit_record()
{
    TRY(cgroup_.settle(globals_, config_));
    TRY(directory_->write(record_));
    if (!request_.pid_file.empty())
        TRY(write_pid_file(request_.pid_file, record_.pid).context("--pid-file"));
    if (!request_.pidfd_socket.empty())
        TRY(send_pidfd(request_.pidfd_socket, pidfd_));
    return done();
}

/// Its line closes when it no longer dies with us: when it waits for `start`, or when its program took over. Before that it may
/// still fail.
Status Launch::await_release()
{
    while (true) {
        auto received = TRY(channel_->receive());
        if (received.note == Note::ended)
            return done();
        TRY(handle(std::move(received)));
    }
}

Status Launch::make_process()
{
    InitPlan plan{config_};
    TRY(prepare_init(plan));
    TRY(clone_init(plan));
    TRY(rdt_class_.join(record_.pid));
    TRY(map_ids());
    TRY(make_meanwhile(plan));
    sys::let_go_of_seal(); // From here on we mostly wait.
    TRY(follow_setup());
    TRY(commit_record());
    TRY(proceed());
    return await_release();
}

/// From a checkpoint: criu makes the processes, and nobody waits for a word of ours.
Status Launch::revive()
{
    TRY(make_cgroup());
    RestorePlan const plan{.config = config_,
                           .record = record_,
                           .images = *request_.images,
                           .cgroup = cgroup_.group() ? &*cgroup_.group() : nullptr,
                           .directory = directory_->path(),
                           .console_socket = request_.console_socket};
    auto restored = TRY(restore_processes(globals_, plan, [this](pid_t pid) -> Status {
        record_.pid = pid;
        TRY(cgroup_.settle(globals_, config_)); // Whoever held the unit's place is none of the restored, who are looked at.
        TRY(rdt_class_.join(pid));              // Its children are made later, and follow it.
        return run_runtime_hooks();
    }));
    adopt(std::move(restored.pidfd), restored.pid);
    record_.start_ticks = TRY(sys::start_ticks(restored.pid));
    terminal_ = std::move(restored.terminal);
    return commit_record();
}

/// The container's process, which dies with a launch that fails.
void Launch::adopt(sys::UniqueFd pidfd, pid_t pid)
{
    pidfd_ = std::move(pidfd);
    record_.pid = pid;
    undo_.add([this] {
        (void)sys::signal_pidfd(pidfd_.get(), SIGKILL);
        (void)sys::wait_pidfd(pidfd_.get(), Deadline::after(kill_deadline));
    });
}

Result<Launched> Launch::run()
{
    TRY(read_config());
    TRY(make_record());
    undo_.add([this] { cgroup_.take_back(); });
    TRY(make_rdt_class());
    TRY(request_.images ? revive() : make_process());
    if (request_.start == StartMode::at_once) {
        hooks_begun_ = true;
        TRY(run_hooks("poststart", config_.hooks.poststart, state(Phase::running)));
    }
    undo_.commit();
    base::keep_to_the_end(std::move(config_));
    return Launched{std::move(record_), std::move(pidfd_), std::move(terminal_), std::move(readiness_)};
}

} // namespace

Result<Launched> launch(const Globals& globals, const LaunchRequest& request)
{
    Launch one{globals, request};
    return one.run();
}

} // namespace nova::runtime
