#include "runtime/hooks.h"

#include "runtime/log.h"
#include "sys/child.h"

namespace nova::runtime {

using base::Deadline;
using base::Status;

namespace {

Status run_hook(const model::oci::Hook& hook, const std::string& state, const HookEnvironment& unset)
{
    sys::RunSpec run;
    run.child.program = hook.path;
    run.child.argv = hook.args.empty() ? std::vector{hook.path} : hook.args;
    run.child.env = hook.env.empty() ? unset : HookEnvironment{hook.env};
    run.child.parent_death_signal = 9;
    run.input = state;
    run.deadline = hook.timeout_seconds ? Deadline::after(std::chrono::seconds{*hook.timeout_seconds}) : Deadline::never();
    TRY(sys::run_child_that_succeeds(run));
    return base::done();
}

} // namespace

Status run_hooks(std::string_view kind, const std::vector<model::oci::Hook>& hooks, const std::string& state,
                 const HookEnvironment& unset)
{
    for (std::size_t i = 0; i < hooks.size(); ++i)
        TRY(run_hook(hooks[i], state, unset)
                .context(hooks[i].path)
                .context("error running " + std::string{kind} + " hook #" + std::to_string(i)));
    return base::done();
}

void run_poststop_hooks(const Globals& globals, const std::vector<model::oci::Hook>& hooks, const std::string& state)
{
    for (const auto& hook : hooks) {
        auto const result = run_hook(hook, state, {}).context("poststop hook " + hook.path);
        if (!result.ok())
            tell(globals, Severity::warning, result.error().message());
    }
}

} // namespace nova::runtime
