#include "apps/nova/server/daemon.h"

#include <poll.h>

#include <csignal>

#include "api/server.h"
#include "apps/nova/embedded/embedded_nb.h"
#include "apps/nova/server/notify.h"
#include "apps/nova/server/streams.h"
#include "apps/nova/server/supervision.h"
#include "base/log.h"
#include "control/control.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/local_socket.h"
#include "sys/memfd.h"
#include "sys/signal_fd.h"

namespace nova::app {
namespace {

/// Everything the daemon opens, in the order in which it is needed; ends in the other.
struct Parts {
    sys::UniqueFd program;
    std::unique_ptr<keyspace::Keyspace> keyspace;
    std::unique_ptr<supervisor::Client> supervisor;
    std::optional<storage::ImageStore> images;
    std::optional<storage::Volumes> volumes;
    std::unique_ptr<network::Networks> networks;
    std::optional<runtime::Capsules> capsules;
    std::unique_ptr<vm::Hypervisor> hypervisor;
    std::optional<control::ObjectStore> store;
    std::optional<control::Claims> claims;
    std::optional<control::EventRecorder> events;
    std::unique_ptr<SupervisorStreams> streams;
    std::unique_ptr<control::Control> control;
    std::unique_ptr<api::Server> server;
};

constexpr std::chrono::seconds predecessor_ends_within{15};
constexpr int look_again_ms = 20;

/// A predecessor that is about to end has the store for a while still, but listens no more: one that does is there to stay.
Result<std::unique_ptr<keyspace::Keyspace>> open_store(const Layout& layout, const sys::SignalFd& signals)
{
    auto const deadline = base::Deadline::after(predecessor_ends_within);
    pollfd asked{signals.fd(), POLLIN, 0};
    while (true) {
        auto store = keyspace::open_keyspace(layout.state + "/keyspace");
        if (!base::failed_with(store, base::Code::unavailable))
            return store;
        if (deadline.passed() || sys::connect_local(layout.socket).ok() || ::poll(&asked, 1, look_again_ms) > 0)
            return base::Error{base::Code::failed_precondition, store.error().message()};
    }
}

Status open_drivers(Parts& parts, const Layout& layout, const sys::SignalFd& signals)
{
    parts.program = TRY(sys::sealed_program(embedded_nb(), "nb").context("unpack nb"));
    int const program = parts.program.get();
    parts.keyspace = TRY(open_store(layout, signals).context("open the store"));
    parts.supervisor = TRY(reach_supervisor(layout, parts.program, embedded_nb()).context("reach the supervisor"));
    parts.images = TRY(storage::ImageStore::open(layout.state + "/images").context("open the images"));
    parts.volumes = TRY(storage::Volumes::open(layout.state + "/volumes").context("open the volumes"));
    parts.networks = TRY(network::open_networks(
        {.instance = layout.instance, .state_directory = layout.networks, .run_directory = layout.run, .program = program}));
    for (const auto& broken : parts.networks->list_broken())
        base::log_error(broken.message());
    parts.capsules.emplace(runtime::Options{.state_directory = layout.run + "/nb", .program = program});
    parts.hypervisor = vm::make_qemu();
    return base::done();
}

control::Context context_of(Parts& parts, const Layout& layout)
{
    parts.store.emplace(*parts.keyspace);
    parts.claims.emplace(*parts.keyspace);
    parts.events.emplace(*parts.store);
    return {*parts.store,
            *parts.claims,
            *parts.events,
            {*parts.images, *parts.volumes, *parts.networks, *parts.capsules, *parts.hypervisor, *parts.supervisor,
             vm::measure_acceleration()},
            {layout.state, layout.run, layout.instance, layout.cgroup}};
}

void wait_for_the_end(const sys::SignalFd& signals)
{
    notify_service_manager("READY=1");
    base::log_info("nova " NOVA_VERSION " serves");
    pollfd asked{signals.fd(), POLLIN, 0};
    while (::poll(&asked, 1, -1) < 0 && errno == EINTR) {
    }
    notify_service_manager("STOPPING=1");
}

constexpr std::chrono::seconds cgroup_limit{1};

/// With nothing left to run, the supervisor goes, and the empty parent of our groups; otherwise both stay for the next daemon.
void let_supervisor_go(supervisor::Client& supervisor, const std::string& cgroup)
{
    auto const ended = supervisor.shut_down();
    if (!ended.ok()) {
        if (ended.error().code() != base::Code::failed_precondition)
            base::log_warning("end the supervisor: " + ended.error().message());
        return;
    }
    auto const removed = sys::Cgroup::at(cgroup, sys::cgroup_controllers()).remove(base::Deadline::after(cgroup_limit));
    if (!removed.ok())
        base::log_warning("remove the group " + cgroup + ": " + removed.error().message());
}

} // namespace

Status serve(const DaemonOptions& options)
{
    auto const& layout = options.layout;
    auto const signals = TRY(sys::SignalFd::open({SIGTERM, SIGINT}));
    TRY(make_layout(layout));
    Parts parts;
    TRY(open_drivers(parts, layout, signals));
    auto context = context_of(parts, layout);
    parts.streams = std::make_unique<SupervisorStreams>(*parts.supervisor, *parts.capsules, *parts.store, context.places);
    parts.control = std::make_unique<control::Control>(std::move(context));
    TRY(parts.control->start().context("start the controllers"));
    api::Server::Options listen;
    listen.socket = layout.socket;
    listen.listener = sys::UniqueFd{options.listener};
    parts.server =
        TRY(api::Server::start(std::move(listen), *parts.keyspace, *parts.streams).context("serve on " + layout.socket));
    wait_for_the_end(signals);
    parts.server->stop();
    parts.control.reset();
    let_supervisor_go(*parts.supervisor, layout.cgroup);
    return base::done();
}

} // namespace nova::app
