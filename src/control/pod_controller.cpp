#include "control/pod_controller.h"

#include <csignal>

#include "base/clock.h"
#include "base/strings.h"
#include "control/capsule_plan.h"
#include "control/conditions.h"
#include "storage/rootfs.h"
#include "sys/file.h"

namespace nova::control {
namespace {

using State = model::ProcessStatus::State;

bool runs(const std::optional<model::ProcessStatus>& observed)
{
    return observed && observed->state == State::running;
}

model::ContainerStatus& container_status(model::Pod& pod)
{
    if (pod.status.containers.empty())
        pod.status.containers.resize(1);
    auto& status = pod.status.containers.front();
    status.name = pod.spec.containers.front().name;
    return status;
}

} // namespace

Result<Next> PodController::reconcile(const model::Key& key)
{
    auto found = context_.store.get<model::Pod>(key.space, key.name);
    if (base::failed_with(found, base::Code::not_found)) {
        delays_.forget(workload_id(key));
        graces_.forget(workload_id(key));
        return Next::settled();
    }
    auto pod = TRY(std::move(found));
    auto outcome = step(pod);
    if (outcome.ok() || outcome.error().code() == base::Code::aborted)
        return outcome;
    if (outcome.error().code() == base::Code::unavailable) {
        TRY(wait_for(pod, "Waiting", outcome.error().message()));
        return outcome;
    }
    pod.status.phase = "Failed";
    set_condition(pod.status.conditions, "Ready", false, "Failed", outcome.error().message());
    context_.events.warning(key, pod.meta.uid, "Failed", outcome.error().message());
    TRY(context_.store.put_status(pod));
    return outcome;
}

Result<Next> PodController::step(model::Pod& pod)
{
    pod.status.observed_generation = pod.meta.generation;
    auto const observed = TRY(observe_process(context_.drivers.supervisor, workload_id(key_of(pod))));
    if (pod.meta.deleted)
        return runs(observed) ? halt(pod, observed) : tear_down(pod);
    if (!pod.spec.running)
        return runs(observed) ? halt(pod, observed) : report_ended(pod, observed);
    return keep_running(pod, observed);
}

Result<Next> PodController::keep_running(model::Pod& pod, const Observed& observed)
{
    auto const applied = read_applied(directory(workload_id(key_of(pod))));
    bool const same = applied && applied->spec == process_digest(pod);
    if (runs(observed)) {
        if (!same)
            return halt(pod, observed); // Its end brings us back, and it starts anew from the new spec.
        TRY(plug_in(pod));
        return report_running(pod, *observed);
    }
    graces_.forget(workload_id(key_of(pod)));
    if (observed && same)
        return after_end(pod, *observed);
    bool const was_done = pod.status.phase == "Succeeded" || (pod.status.phase == "Failed" && pod.spec.restart_policy == "Never");
    if (!observed && same && was_done && pod.spec.restart_policy != "Always")
        return Next::settled(); // It ended before a reboot took the supervisor's record.
    return launch(pod);
}

Result<Next> PodController::after_end(model::Pod& pod, const model::ProcessStatus& ended)
{
    bool const clean = ended.exit_code == 0;
    auto const& policy = pod.spec.restart_policy;
    if (policy == "Never" || (policy == "OnFailure" && clean))
        return report_ended(pod, ended);
    auto const delay = delays_.before_next(ended.id, since(ended.finished), between(ended.started, ended.finished));
    if (delay.count() == 0)
        return launch(pod);
    auto& status = container_status(pod);
    status.state = "waiting";
    status.reason = "CrashLoopBackOff";
    status.exit_code = ended.exit_code;
    auto const how = ended.exit_code ? "with exit code " + std::to_string(*ended.exit_code) : std::string{"and how can't be known"};
    TRY(wait_for(pod, "CrashLoopBackOff", "it ended " + how + "; it will be started again"));
    return Next::after(delay);
}

Result<Next> PodController::launch(model::Pod& pod)
{
    auto const& container = pod.spec.containers.front();
    auto const reference = model::full_reference(container.image);
    auto found = context_.drivers.images.get(reference);
    if (base::failed_with(found, base::Code::not_found)) {
        for (const auto& image : TRY(context_.store.list<model::Image>(pod.meta.space)))
            if (model::full_reference(image.spec.reference) == reference && image.status.phase != "Failed")
                return wait_for(pod, "ImageNotReady", "image " + reference + " is being imported");
        return base::Error{base::Code::failed_precondition,
                           "image " + reference + " is not here: import it with 'nova image import FILE " + reference + "'"};
    }
    auto const image = TRY(std::move(found));
    auto const plug = TRY(plug_in(pod));
    TRY(start(pod, image, plug));
    auto const started = TRY(observe_process(context_.drivers.supervisor, workload_id(key_of(pod))));
    if (!started)
        return Next::after(std::chrono::milliseconds{50});
    auto& status = container_status(pod);
    status.restarts += status.started.empty() ? 0 : 1;
    status.image_id = image.digest;
    context_.events.normal(key_of(pod), pod.meta.uid, "Started", "started as process " + std::to_string(started->pid));
    if (!runs(started))
        return after_end(pod, *started);
    return report_running(pod, *started);
}

Result<std::optional<Plug>> PodController::plug_in(const model::Pod& pod)
{
    if (pod.spec.network.empty() || pod.spec.host_network)
        return std::optional<Plug>{};
    auto plug = TRY(plugs_.ensure(key_of(pod), pod.spec.network, ""));
    TRY(context_.drivers.networks.ensure_capsule(plug.endpoint).context("plug into " + pod.spec.network));
    return std::optional{std::move(plug)};
}

Result<std::string> PodController::prepare_root(const model::Pod& pod, const storage::StoredImage& image)
{
    auto const place = directory(workload_id(key_of(pod)));
    TRY(sys::make_directories(place, 0700));
    auto const applied = read_applied(place);
    if (applied && applied->image != image.digest)
        TRY(storage::remove_rootfs(place + "/root")); // Another image: what was written over the old one does not fit.
    return storage::ensure_rootfs(place + "/root", context_.drivers.images.layer_directories(image)).context("prepare rootfs");
}

Status PodController::start(model::Pod& pod, const storage::StoredImage& image, const std::optional<Plug>& plug)
{
    auto const id = workload_id(key_of(pod));
    auto const place = directory(id);
    CapsuleParts parts;
    parts.image = &image;
    parts.rootfs = TRY(prepare_root(pod, image));
    if (plug)
        parts.network_namespace = TRY(context_.drivers.networks.ensure_capsule(plug->endpoint));
    parts.plug = plug ? &*plug : nullptr;
    parts.directory = place;
    auto plan = TRY(plan_capsule(pod, parts, context_));
    auto spec = TRY(context_.drivers.capsules.prepare(plan));
    TRY(context_.drivers.supervisor.forget(id));
    TRY(context_.drivers.capsules.remove(id)); // What a crash left under this id.
    TRY(write_applied(place, {process_digest(pod), image.digest, plug ? plug->address : ""}));
    TRY(context_.drivers.supervisor.start(spec).context("start"));
    return base::done();
}

Result<Next> PodController::halt(model::Pod& pod, const Observed& observed)
{
    auto const id = workload_id(key_of(pod));
    auto& supervisor = context_.drivers.supervisor;
    std::chrono::seconds const grace{pod.spec.grace_seconds};
    auto const gone = [](const Status& signalled) { return base::failed_with(signalled, base::Code::not_found); };
    if (graces_.begin(id)) {
        auto const asked = supervisor.signal(id, SIGTERM);
        if (!asked.ok() && !gone(asked))
            return asked.error();
    }
    auto const left = graces_.left(id, grace);
    if (left.count() > 0) {
        pod.status.phase = pod.meta.deleted ? "Terminating" : "Stopping";
        container_status(pod).pid = observed->pid;
        set_condition(pod.status.conditions, "Ready", false, "Stopping", "asked to end; it has " + std::to_string(grace.count()) + " s");
        TRY(context_.store.put_status(pod));
        return Next::after(left);
    }
    auto const killed = supervisor.signal(id, SIGKILL);
    if (!killed.ok() && !gone(killed))
        return killed.error();
    context_.events.warning(key_of(pod), pod.meta.uid, "Killed", "did not end within " + std::to_string(grace.count()) + " s");
    return Next::after(std::chrono::milliseconds{200});
}

Status PodController::let_go(const model::Pod& pod)
{
    auto const id = workload_id(key_of(pod));
    TRY(context_.drivers.capsules.remove(id).context("remove capsule"));
    TRY(storage::unmount_rootfs(directory(id) + "/root"));
    network::EndpointPlan endpoint;
    endpoint.id = id;
    endpoint.link = link_name(context_.places.instance, id);
    return context_.drivers.networks.remove_endpoint(endpoint);
}

Result<Next> PodController::tear_down(model::Pod& pod)
{
    auto const id = workload_id(key_of(pod));
    TRY(let_go(pod));
    if (!pod.spec.network.empty())
        TRY(plugs_.release(key_of(pod), pod.spec.network));
    TRY(context_.drivers.supervisor.forget(id));
    TRY(storage::remove_rootfs(directory(id) + "/root"));
    TRY(sys::remove_tree(directory(id)));
    TRY(remove_log(context_.places, id));
    graces_.forget(id);
    delays_.forget(id);
    TRY(context_.store.release(key_of(pod)));
    return Next::settled();
}

Result<Next> PodController::report_running(model::Pod& pod, const model::ProcessStatus& running)
{
    auto const id = workload_id(key_of(pod));
    graces_.forget(id);
    pod.status.phase = "Running";
    pod.status.pod_ip = read_applied(directory(id)).value_or(Applied{}).address;
    auto& status = container_status(pod);
    status.state = "running";
    status.reason = "";
    status.pid = running.pid;
    status.exit_code = std::nullopt;
    status.started = running.started;
    status.finished = "";
    set_condition(pod.status.conditions, "Ready", true, "Running", "");
    TRY(context_.store.put_status(pod));
    return Next::settled();
}

Result<Next> PodController::report_ended(model::Pod& pod, const std::optional<model::ProcessStatus>& ended)
{
    TRY(let_go(pod));
    graces_.forget(workload_id(key_of(pod)));
    auto& status = container_status(pod);
    status.state = "terminated";
    status.pid = 0;
    std::string why = "Stopped";
    if (ended) {
        status.exit_code = ended->exit_code;
        status.started = ended->started;
        status.finished = ended->finished;
        status.reason = ended->state == State::lost ? "Lost" : ended->exit_code == 0 ? "Completed" : "Error";
        why = status.reason;
    }
    bool const wanted = pod.spec.running && !pod.meta.deleted;
    pod.status.phase = !wanted ? "Stopped" : !ended || ended->state == State::lost ? "Unknown" : ended->exit_code == 0 ? "Succeeded" : "Failed";
    set_condition(pod.status.conditions, "Ready", false, why, ended_words(ended));
    TRY(context_.store.put_status(pod));
    return Next::settled();
}

Result<Next> PodController::wait_for(model::Pod& pod, const std::string& reason, const std::string& message)
{
    pod.status.phase = "Pending";
    set_condition(pod.status.conditions, "Ready", false, reason, message);
    TRY(context_.store.put_status(pod));
    return Next::settled();
}

} // namespace nova::control
