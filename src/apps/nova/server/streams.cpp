#include "apps/nova/server/streams.h"

#include "apps/nova/server/log_stream.h"
#include "storage/rootfs.h"
#include "sys/file.h"
#include "sys/pty.h"

namespace nova::app {

api::Result<std::unique_ptr<api::LogStream>> SupervisorStreams::open_log(const model::Key& workload,
                                                                         const api::LogOptions& options)
{
    auto const id = control::workload_id(workload);
    return WorkloadLog::open(supervisor_, id, control::log_path(places_, id), options);
}

Status SupervisorStreams::must_run(const model::Key& workload)
{
    auto const status = supervisor_.get(control::workload_id(workload));
    if (status.ok() && status.value().state == model::ProcessStatus::State::running)
        return base::done();
    return base::Error{base::Code::failed_precondition,
                       to_string(workload) + " does not run: 'nova start " + workload.name + "' starts it"};
}

namespace {

/// Holds the terminal for as long as somebody may resize it.
Result<std::function<Status(std::uint16_t, std::uint16_t)>> resizer(int terminal)
{
    auto const held = std::make_shared<sys::UniqueFd>(TRY(sys::duplicate(terminal)));
    return [held](std::uint16_t columns, std::uint16_t rows) { return sys::resize_pty(held->get(), {columns, rows}); };
}

} // namespace

/// "nobody" as "65534:65534", by the capsule's own /etc/passwd: the runtime knows numbers only.
Result<std::string> SupervisorStreams::numeric_user(const std::string& id, const std::string& user)
{
    if (user.empty())
        return user;
    auto const rootfs = places_.state + "/capsules/" + id + "/root/rootfs";
    auto const found = TRY(storage::resolve_user(rootfs, user).context("user \"" + user + "\""));
    return std::to_string(found.uid) + ":" + std::to_string(found.gid);
}

api::Result<api::Session> SupervisorStreams::exec(const model::Key& workload, const api::ExecOptions& options)
{
    TRY(must_run(workload));
    auto const id = control::workload_id(workload);
    supervisor::ExecSpec spec;
    spec.id = id;
    spec.terminal = options.terminal;
    auto const user = TRY(numeric_user(id, options.user));
    spec.argv = capsules_.exec_argv(id, options.command, options.terminal, user, options.working_dir, options.env);
    auto started = TRY(supervisor_.exec(spec));

    api::Session session;
    session.in = std::move(started.in);
    session.out = std::move(started.out);
    session.err = std::move(started.err);
    session.exit = std::move(started.exit);
    if (options.terminal)
        session.resize = TRY(resizer(session.out.get()));
    return session;
}

api::Result<api::Session> SupervisorStreams::attach(const model::Key& workload)
{
    TRY(must_run(workload));
    auto const id = control::workload_id(workload);
    auto attached = TRY(supervisor_.attach(id));
    api::Session session;
    session.in = TRY(sys::duplicate(attached.stream.get()));
    session.out = std::move(attached.stream);
    session.resize = [this, id](std::uint16_t columns, std::uint16_t rows) { return supervisor_.resize(id, columns, rows); };
    return session;
}

} // namespace nova::app
