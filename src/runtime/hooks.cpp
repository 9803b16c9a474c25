#include "runtime/hooks.h"

#include "base/strings.h"
#include "runtime/log.h"
#include "sys/child.h"

namespace nova::runtime {

using base::Deadline;
using base::Status;

namespace {

sys::RunSpec spec_of(const model::oci::Hook& hook, const std::string& state, const HookEnvironment& unset)
{
    sys::RunSpec run;
    run.child.program = hook.path;
    run.child.argv = hook.args.empty() ? std::vector{hook.path} : hook.args;
    run.child.env = hook.env.empty() ? unset : HookEnvironment{hook.env};
    run.child.parent_death_signal = 9;
    run.input = state;
    run.deadline = hook.timeout_seconds ? Deadline::after(std::chrono::seconds{*hook.timeout_seconds}) : Deadline::never();
    return run;
}

Status run_hook(const model::oci::Hook& hook, const std::string& state, const HookEnvironment& unset)
{
    TRY(sys::run_child_that_succeeds(spec_of(hook, state, unset)));
    return base::done();
}

/// How it failed, in crun's words; empty where it did not.
std::string failure_of(const model::oci::Hook& hook, const std::string& state)
{
    auto const finished = sys::run_child(spec_of(hook, state, {}));
    if (!finished.ok())
        return "poststop hook failed: " + hook.path + ": " + finished.error().message();
    if (finished.value().status.success())
        return {};
    auto const said = base::trim(finished.value().err);
    return "poststop hook failed with " + sys::to_string(finished.value().status) + ": " + hook.path +
           (said.empty() ? "" : ": " + std::string{said.substr(said.rfind('\n') + 1)});
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
    for (const auto& hook : hooks)
        if (auto const failure = failure_of(hook, state); !failure.empty())
            tell(globals, Severity::warning, failure);
}

} // namespace nova::runtime
