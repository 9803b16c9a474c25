#pragma once

#include <optional>
#include <string>

#include "control/controller.h"
#include "control/plugs.h"
#include "control/workload.h"

namespace nova::control {

/// What capsules and machines share: the pass over them, asking them to end, waiting, and starting them again. What each does in
/// its own way are the private hooks. A workload that runs stays `Running` whatever fails beside it. For model::Pod and
/// model::VirtualMachine.
template <typename Object>
class WorkloadController : public Controller {
public:
    Result<Next> reconcile(const model::Key& key) final;

protected:
    using Observed = std::optional<model::ProcessStatus>;

    enum class Ask { first, again, too_late };

    /// How this kind is asked to end.
    struct Asking {
        const char* asked;                                ///< In words; what follows is how long it has.
        const char* killed;                               ///< In words; what follows is how long it had.
        std::optional<std::chrono::milliseconds> again{}; ///< After so long it is asked again. Empty: one time is enough.
    };
    WorkloadController(Context& context, Asking asking) : context_(context), plugs_(context), asking_(asking) {}

    virtual void forget(const std::string& id); ///< What is kept in memory.
    Result<Next> after_end(Object& object, const model::ProcessStatus& ended);

    Context& context_;
    Plugs plugs_;
    RestartDelays delays_;
    Graces graces_;

private:
    Result<Next> step(Object& object, const Observed& observed);
    Result<Next> keep_running(Object& object, const Observed& observed);
    Result<Next> halt(Object& object, const model::ProcessStatus& running);
    Status report_failure(Object& object, const Observed& observed, const base::Error& error);

    /// Its directory, with what was applied.
    virtual std::string directory(const Object& object) const = 0;
    /// Everything it needs, and then its process.
    virtual Result<Next> launch(Object& object) = 0;
    /// Its process runs, started from what the object says now.
    virtual Result<Next> look_after(Object& object, const model::ProcessStatus& running) = 0;

    /// Asks its process to end, and puts into the status what is known of it. `too_late`: it has no grace, and is killed after
    /// this.
    virtual Status ask_to_end(Object& object, const model::ProcessStatus& running, Ask ask) = 0;
    /// Accepts that it ended meanwhile.
    virtual Status kill(const Object& object) = 0;

    /// Its process ended by itself: whether that is the end of it, as long as its object says nothing else.
    virtual bool is_done(const Object& object, const model::ProcessStatus& ended) const = 0;
    /// It came to such an end before the supervisor's record was lost: whether it is started all the same.
    virtual bool starts_after_reboot(const Object& object) const = 0;
    virtual Result<Next> report_done(Object& object, const model::ProcessStatus& ended) = 0;
    /// It will be started again after a while. The status is written by this.
    virtual Status report_crashed(Object& object, const model::ProcessStatus& ended) = 0;
    /// The moment of the last end that its status tells.
    virtual std::string& told_end(Object& object) const = 0;

    /// It shall not run, and does not.
    virtual Result<Next> report_stopped(Object& object, const Observed& ended) = 0;
    /// It is deleted, and does not run: takes away all of it, and lets the object go.
    virtual Result<Next> tear_down(Object& object) = 0;

    Asking asking_;
};

} // namespace nova::control
