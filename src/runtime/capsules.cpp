#include "runtime/capsules.h"

#include "runtime/bundle.h"
#include "runtime/state.h"
#include "sys/child.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::Error;

namespace {

Error wrong(std::string field, std::string message) { return Error::invalid({{std::move(field), std::move(message), {}, 0, 0}}); }

Status check_plan(const CapsulePlan& plan)
{
    TRY(check_id(plan.id));
    if (plan.argv.empty() || plan.argv.front().empty())
        return wrong("argv", "must name a program");
    if (plan.rootfs.empty() || plan.rootfs.front() != '/')
        return wrong("rootfs", "must be an absolute path");
    if (!plan.working_dir.empty() && plan.working_dir.front() != '/')
        return wrong("working_dir", "must be an absolute path, is \"" + plan.working_dir + "\"");
    for (std::size_t i = 0; i < plan.mounts.size(); ++i)
        if (plan.mounts[i].target.empty() || plan.mounts[i].target.front() != '/')
            return wrong("mounts[" + std::to_string(i) + "].target", "must be an absolute path");
    for (const auto& entry : plan.env)
        if (entry.find('=') == std::string::npos)
            return wrong("env", "\"" + entry + "\" must be NAME=VALUE");
    if (plan.cpu_limit && *plan.cpu_limit < 0.01)
        return wrong("cpu_limit", "must be at least 0.01 CPUs");
    return base::done();
}

} // namespace

Result<model::ProcessSpec> Capsules::prepare(const CapsulePlan& plan) const
{
    TRY(check_plan(plan));
    TRY(sys::make_directories(plan.bundle, 0700));
    TRY(sys::replace_file(plan.bundle + "/config.json", config_json(plan), 0600)); // Written at each start.
    model::ProcessSpec spec;
    spec.id = plan.id;
    spec.pid_file = plan.bundle + "/pid";
    TRY(sys::remove_file(spec.pid_file)); // That of an earlier life would name a stranger.
    spec.argv = {"nb",         "--root",     options_.state_directory, "run", "--detach", "--bundle", plan.bundle,
                 "--pid-file", spec.pid_file};
    if (plan.terminal) {
        spec.terminal_socket = plan.bundle + "/terminal.sock";
        spec.argv.insert(spec.argv.end(), {"--console-socket", spec.terminal_socket});
    }
    spec.argv.push_back(plan.id);
    spec.stdio = plan.terminal ? model::StdioMode::terminal : model::StdioMode::log;
    spec.log.path = plan.log_path;
    return spec;
}

std::vector<std::string> Capsules::exec_argv(const std::string& id, const std::vector<std::string>& command, bool terminal,
                                             const std::string& user, const std::string& cwd,
                                             const std::vector<std::string>& env) const
{
    std::vector<std::string> argv{"nb", "--root", options_.state_directory, "exec"};
    if (terminal)
        argv.push_back("--tty");
    if (!user.empty())
        argv.insert(argv.end(), {"--user", user});
    if (!cwd.empty())
        argv.insert(argv.end(), {"--cwd", cwd});
    for (const auto& entry : env)
        argv.insert(argv.end(), {"--env", entry});
    argv.push_back(id);
    argv.insert(argv.end(), command.begin(), command.end());
    return argv;
}

Status Capsules::remove(const std::string& id) const
{
    if (!sys::exists(options_.state_directory + "/" + id)) // nb makes it first and removes it last: there is nothing to do.
        return base::done();
    sys::RunSpec run;
    run.child.program_fd = options_.program;
    run.child.argv = {"nb", "--root", options_.state_directory, "delete", "--force", id};
    TRY(sys::run_child_that_succeeds(run).context("remove " + id));
    return base::done();
}

} // namespace nova::runtime
