#include "control/workload_controller.h"

#include <algorithm>
#include <utility>

#include "control/capsule_plan.h"
#include "control/conditions.h"

namespace nova::control {
namespace {

constexpr std::chrono::milliseconds killed_look{1000}; // Its end brings us back sooner.

} // namespace

template <typename Object>
Result<Next> WorkloadController<Object>::reconcile(const model::Key& key)
{
    auto const id = workload_id(key);
    auto found = context_.store.get<Object>(key.space, key.name);
    if (base::failed_with(found, base::Code::not_found)) {
        forget(id);
        return Next::settled();
    }
    auto object = TRY(std::move(found));
    auto const observed = TRY(observe_process(context_.drivers.supervisor, id).context("ask the supervisor"));
    auto outcome = step(object, observed);
    if (!outcome.ok() && outcome.error().code() != base::Code::aborted)
        TRY(report_failure(object, observed, outcome.error()));
    return outcome;
}

template <typename Object>
void WorkloadController<Object>::forget(const std::string& id)
{
    delays_.forget(id);
    graces_.forget(id);
}

template <typename Object>
Result<Next> WorkloadController<Object>::step(Object& object, const Observed& observed)
{
    object.status.observed_generation = object.meta.generation;
    auto const mark = object.meta.annotations.find(restart_annotation);
    object.status.attempt = mark == object.meta.annotations.end() ? "" : mark->second;
    if (object.meta.deleted)
        return runs(observed) ? halt(object, *observed) : tear_down(object);
    if (object.spec.running)
        return keep_running(object, observed);
    if (runs(observed))
        return halt(object, *observed);
    TRY(forget_start(directory(object)));
    return report_stopped(object, observed);
}

template <typename Object>
Result<Next> WorkloadController<Object>::keep_running(Object& object, const Observed& observed)
{
    auto const id = workload_id(key_of(object));
    auto const applied = read_applied(directory(object));
    bool const same = applied && applied->spec == process_digest(object);
    if (runs(observed) && same)
        return look_after(object, *observed);
    if (runs(observed))
        return halt(object, *observed); // Its end brings us back, and it starts anew from the new spec.
    graces_.forget(id);
    if (!same) {
        delays_.forget(id);
        return launch(object);
    }
    if (observed)
        return after_end(object, *observed);
    if (!applied->done || starts_after_reboot(object))
        return launch(object);
    TRY(context_.store.put_status(object)); // It ended before a reboot took the supervisor's record.
    return Next::settled();
}

template <typename Object>
Result<Next> WorkloadController<Object>::after_end(Object& object, const model::ProcessStatus& ended)
{
    if (is_done(object, ended))
        return report_done(object, ended);
    auto const delay = delays_.before_next(ended.id, since(ended.finished), between(ended.started, ended.finished));
    bool const told = std::exchange(told_end(object), ended.finished) == ended.finished; // However often we look at it.
    if (!told && ended.exit_code != 0)
        context_.events.warning(key_of(object), object.meta.uid, "Crashed", ended_words(ended) + "; it will be started again");
    if (delay.count() == 0)
        return launch(object);
    TRY(report_crashed(object, ended));
    return Next::after(delay);
}

template <typename Object>
Result<Next> WorkloadController<Object>::halt(Object& object, const model::ProcessStatus& running)
{
    auto const id = workload_id(key_of(object));
    std::chrono::seconds const grace{object.spec.grace_seconds};
    auto const seconds = std::to_string(grace.count()) + " s";
    TRY(forget_start(directory(object))); // Before it is asked, so that its end is taken for no end of its own.
    bool const first = graces_.begin(id);
    auto const left = graces_.left(id, grace);
    bool const over = left.count() == 0;
    if (first || !over)
        TRY(ask_to_end(object, running, over ? Ask::too_late : first ? Ask::first : Ask::again));
    if (over) {
        TRY(kill(object));
        if (graces_.begin_kill(id))
            context_.events.warning(key_of(object), object.meta.uid, "Killed", asking_.killed + seconds);
        return Next::after(killed_look);
    }
    object.status.phase = object.meta.deleted ? "Terminating" : "Stopping";
    set_condition(object.status.conditions, "Ready", false, "Stopping", asking_.asked + seconds);
    TRY(context_.store.put_status(object));
    return Next::after(std::min(left, asking_.again.value_or(left)));
}

template <typename Object>
Status WorkloadController<Object>::report_failure(Object& object, const Observed& observed, const base::Error& error)
{
    bool const waits = error.code() == base::Code::unavailable;
    if (object.meta.deleted)
        object.status.phase = "Terminating";
    else if (!runs(observed)) // Else it runs on, whatever failed.
        object.status.phase = waits ? "Pending" : "Failed";
    bool const news = set_condition(object.status.conditions, "Ready", false, waits ? "Waiting" : "Failed", error.message());
    if (news && !waits)
        context_.events.warning(key_of(object), object.meta.uid, "Failed", error.message());
    return context_.store.put_status(object);
}

template class WorkloadController<model::Pod>;
template class WorkloadController<model::VirtualMachine>;

} // namespace nova::control
