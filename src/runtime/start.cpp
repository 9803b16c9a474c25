#include "runtime/start.h"

#include "runtime/channel.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/remove.h"
#include "runtime/state.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
namespace oci = model::oci;

namespace {

/// Whether the container is to be destroyed when start fails: after a hook's failure, as the specification says.
enum class AfterFailure { leave, destroy };

Status start_waiting(const StateDirectory& directory, const Record& record, const oci::Config& config, AfterFailure& after)
{
    // First: once its program runs under a filter whose agent is not there it is too late.
    auto const agent = config.platform.seccomp ? TRY(connect_agent(*config.platform.seccomp)) : sys::UniqueFd{};
    Channel channel{TRY(sys::connect_unix(directory.socket_path(), sys::SocketKind::packets))};
    // First: when we die between these two, its process hears that we are gone and ends, which is what the record says then.
    TRY(sys::remove_file(directory.socket_path()));
    TRY(channel.send(Note::proceed));
    while (true) {
        auto received = TRY(channel.receive());
        if (received.note == Note::ended)
            return done();
        if (received.note == Note::failed || received.note == Note::hook_failed) {
            after = received.note == Note::hook_failed ? AfterFailure::destroy : AfterFailure::leave;
            return received.error();
        }
        if (received.note == Note::listener && config.platform.seccomp)
            TRY(deliver_listener(agent, *config.platform.seccomp, {record, Phase::created, record.pid}, received.fds.at(0)));
    }
}

/// What a container was started with.
struct Started {
    Record record;
    Readiness readiness;
};

Result<Started> start_created(const Globals& globals, const std::string& id, AfterFailure& after)
{
    auto directory = TRY(StateDirectory::open(globals.root, id));
    TRY(directory.lock());
    auto record = TRY(directory.read());
    auto const phase = observe(directory, record);
    if (phase != Phase::created)
        return Error{Code::failed_precondition,
                     "cannot start container \"" + id + "\": it is " + std::string{to_string(phase)} + ", not created"};
    oci::Config config;
    if (record.needs_config) {
        auto const config_text = TRY(directory.read_config());
        config = TRY(oci::parse_config(config_text));
    }
    auto readiness = TRY(Readiness::open(directory));
    TRY(start_waiting(directory, record, config, after));
    after = AfterFailure::destroy;
    TRY(run_hooks("poststart", config.hooks.poststart, state_json(record, Phase::running)));
    return Started{std::move(record), std::move(readiness)};
}

} // namespace

Status start_container(const Globals& globals, const std::string& id)
{
    auto after = AfterFailure::leave;
    auto started = start_created(globals, id, after);
    if (!started.ok() && after == AfterFailure::destroy)
        (void)remove_container(globals, id, Force::yes);
    if (!started.ok())
        return started.error();
    // The lock is given back: others may look at it, and end it, while it gets ready.
    auto const process = open_process(started.value().record);
    return process.ok() ? started.value().readiness.wait(process.value().get(), started.value().record.pid) : done();
}

} // namespace nova::runtime
