#include "control/pod_controller.h"

#include <algorithm>
#include <csignal>

#include "base/clock.h"
#include "base/strings.h"
#include "control/capsule_plan.h"
#include "control/conditions.h"
#include "control/image_garbage.h"
#include "runtime/signal_names.h"
#include "storage/rootfs.h"
#include "sys/cgroup.h"
#include "sys/file.h"

namespace nova::control {
namespace {

using State = model::ProcessStatus::State;

constexpr auto port_in_use = "PortInUse";
constexpr auto out_of_memory = ": it reached its memory limit";

std::string reason_of(const model::ProcessStatus& ended, bool hungry)
{
    if (!ended.exit_code)
        return "Lost";
    return hungry ? "OOMKilled" : ended.exit_code == 0 ? "Completed" : "Error";
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

void PodController::forget(const std::string& id)
{
    WorkloadController::forget(id);
    taken_down_.forget(id);
}

Result<Next> PodController::look_after(model::Pod& pod, const model::ProcessStatus& running)
{
    note_running(pod, running);
    auto const plug = TRY(plug_in(pod));
    if (auto const refused = find_refused_port(pod, plug); !refused.empty())
        return wait_for_port(pod, refused);
    return report_running(pod);
}

bool PodController::is_done(const model::Pod& pod, const model::ProcessStatus& ended) const
{
    const auto& policy = pod.spec.restart_policy;
    return policy == "Never" || (policy == "OnFailure" && ended.exit_code == 0);
}

std::string& PodController::told_end(model::Pod& pod) const { return container_status(pod).finished; }

Status PodController::report_crashed(model::Pod& pod, const model::ProcessStatus& ended)
{
    auto const words = ended_words(ended) + (starved(pod, ended) ? out_of_memory : "");
    note_run(pod, ended);
    auto& status = container_status(pod);
    status.state = "waiting";
    status.reason = "CrashLoopBackOff";
    TRY(wait_for(pod, "CrashLoopBackOff", words + "; it will be started again"));
    return base::done();
}

Result<Next> PodController::launch(model::Pod& pod)
{
    auto const id = workload_id(key_of(pod));
    taken_down_.forget(id);
    TRY(plugs_.leave_others(key_of(pod), pod.spec.host_network ? "" : pod.spec.network));
    auto const reference = model::full_reference(pod.spec.containers.front().image);
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
    if (auto const refused = find_refused_port(pod, plug); !refused.empty()) {
        pod.status.phase = "Failed";
        return wait_for_port(pod, refused);
    }
    TRY(start(pod, image, plug));
    auto const started = TRY(observe_process(context_.drivers.supervisor, id));
    if (!started)
        return Next::after(std::chrono::milliseconds{50});
    context_.events.normal(key_of(pod), pod.meta.uid, "Started", "started as process " + std::to_string(started->pid));
    if (!runs(started))
        return after_end(pod, *started);
    note_running(pod, *started);
    auto const next = TRY(report_running(pod));
    TRY(keep_applied(directory(id)));
    return next;
}

Result<std::optional<Plug>> PodController::plug_in(const model::Pod& pod)
{
    if (pod.spec.network.empty() || pod.spec.host_network)
        return std::optional<Plug>{};
    return std::optional{TRY(plugs_.ensure_capsule(key_of(pod), pod.spec.network))};
}

/// In words; empty where every port is to be had.
std::string PodController::find_refused_port(const model::Pod& pod, const std::optional<Plug>& plug)
{
    if (!plug)
        return {};
    auto const checked = plugs_.check_ports(pod, *plug);
    return checked.ok() ? "" : checked.error().message();
}

/// Nobody tells when a port becomes free: it is looked again and again. Its network does so too, and then publishes it.
Result<Next> PodController::wait_for_port(model::Pod& pod, const std::string& words)
{
    auto const& known = pod.status.conditions;
    bool const told = std::ranges::any_of(known, [](const auto& condition) { return condition.reason == port_in_use; });
    set_condition(pod.status.conditions, "Ready", false, port_in_use, words);
    if (!told)
        context_.events.warning(key_of(pod), pod.meta.uid, port_in_use, words);
    TRY(context_.store.put_status(pod));
    return Next::after(port_look);
}

Result<std::string> PodController::prepare_root(const model::Pod& pod, const storage::StoredImage& image)
{
    auto const place = directory(workload_id(key_of(pod)));
    auto const applied = read_applied(place);
    if (applied && applied->image != image.digest)
        TRY(storage::remove_rootfs(place + "/root")); // Another image: what was written over the old one does not fit.
    return storage::ensure_rootfs(place + "/root", context_.drivers.images.layer_directories(image)).context("prepare rootfs");
}

/// Writes down what the root will stand on, and only then looks whether it is there: who collects garbage reads what is written
/// down, so that it either sees this or was done before the look.
Status PodController::hold_layers(const model::Pod& pod, const storage::StoredImage& image)
{
    auto const place = directory(workload_id(key_of(pod)));
    TRY(sys::make_directories(place, 0700));
    auto held = read_applied(place).value_or(Applied{});
    if (held.image == image.digest)
        return base::done();
    for (const auto& layer : image.layers)
        if (std::ranges::find(held.layers, layer) == held.layers.end())
            held.layers.push_back(layer);
    TRY(note_applied(place, held));
    if (is_replaced(pod, image.digest))
        return base::Error{base::Code::unavailable, "image " + image.reference + " is being replaced"};
    return base::done();
}

Status PodController::start(model::Pod& pod, const storage::StoredImage& image, const std::optional<Plug>& plug)
{
    auto const id = workload_id(key_of(pod));
    auto const place = directory(id);
    auto const before = read_applied(place);
    TRY(hold_layers(pod, image));
    CapsuleParts parts;
    parts.image = &image;
    parts.rootfs = TRY(prepare_root(pod, image));
    parts.plug = plug ? &*plug : nullptr;
    parts.directory = place;
    auto plan = TRY(plan_capsule(pod, parts, context_));
    auto spec = TRY(context_.drivers.capsules.prepare(plan));
    TRY(context_.drivers.supervisor.forget(id));
    TRY(context_.drivers.capsules.remove(id)); // What a crash left under this id.
    TRY(note_applied(place, {process_digest(pod), image.digest, plug ? plug->address : "", image.layers}));
    TRY(context_.drivers.supervisor.start(spec).context("start"));
    if (before && !before->image.empty() && before->image != image.digest)
        context_.wake(image_garbage); // What its root stood on before.
    return base::done();
}

Status PodController::ask_to_end(model::Pod& pod, const model::ProcessStatus& running, Ask ask)
{
    if (ask != Ask::again)
        TRY(signal(running.id, stop_signal(pod)));
    note_run(pod, running);
    container_status(pod).state = "running";
    return base::done();
}

Status PodController::kill(const model::Pod& pod) { return signal(workload_id(key_of(pod)), SIGKILL); }

/// The name of its image means another image by now, or none.
bool PodController::is_replaced(const model::Pod& pod, const std::string& digest) const
{
    auto const image = context_.drivers.images.get(model::full_reference(pod.spec.containers.front().image));
    return !image.ok() || image.value().digest != digest;
}

/// What its image wants to be asked with (SIGQUIT for nginx); SIGTERM where that says nothing, or is gone.
int PodController::stop_signal(const model::Pod& pod) const
{
    auto const image = context_.drivers.images.get(model::full_reference(pod.spec.containers.front().image));
    if (!image.ok() || image.value().config.stop_signal.empty())
        return SIGTERM;
    return runtime::parse_signal(image.value().config.stop_signal).value_or(SIGTERM);
}

/// Accepts that it ended meanwhile.
Status PodController::signal(const std::string& id, int number)
{
    auto sent = context_.drivers.supervisor.signal(id, number);
    return base::failed_with(sent, base::Code::not_found) ? base::done() : sent;
}

Status PodController::let_go(const model::Pod& pod)
{
    auto const id = workload_id(key_of(pod));
    if (taken_down_.contains(id))
        return base::done();
    TRY(context_.drivers.capsules.remove(id).context("remove capsule"));
    TRY(storage::unmount_rootfs(directory(id) + "/root"));
    TRY(plugs_.unplug(key_of(pod)));
    taken_down_.add(id);
    return base::done();
}

Result<Next> PodController::tear_down(model::Pod& pod)
{
    auto const id = workload_id(key_of(pod));
    TRY(let_go(pod));
    TRY(plugs_.release(key_of(pod)));
    TRY(context_.drivers.supervisor.forget(id));
    auto const applied = read_applied(directory(id));
    TRY(storage::remove_rootfs(directory(id) + "/root"));
    TRY(sys::remove_tree(directory(id)));
    if (applied && is_replaced(pod, applied->image)) // It was the last that needed it, perhaps.
        context_.wake(image_garbage);
    TRY(remove_log(context_.places, id));
    forget(id);
    TRY(context_.store.release(key_of(pod)));
    return Next::settled();
}

/// What the process itself says; a start that was not reported before counts.
void PodController::note_run(model::Pod& pod, const model::ProcessStatus& run)
{
    auto& status = container_status(pod);
    if (status.started != run.started)
        status.restarts += status.started.empty() ? 0 : 1;
    bool const alive = run.state == State::running;
    status.started = run.started;
    status.finished = run.finished;
    status.exit_code = run.exit_code;
    status.pid = alive ? run.pid : 0;
}

void PodController::note_running(model::Pod& pod, const model::ProcessStatus& running)
{
    auto const id = workload_id(key_of(pod));
    auto const applied = read_applied(directory(id)).value_or(Applied{});
    graces_.forget(id);
    taken_down_.forget(id);
    note_run(pod, running);
    pod.status.phase = "Running";
    pod.status.pod_ip = applied.address;
    auto& status = container_status(pod);
    status.state = "running";
    status.reason = "";
    status.image_id = applied.image;
}

Result<Next> PodController::report_running(model::Pod& pod)
{
    set_condition(pod.status.conditions, "Ready", true, "Running", "");
    TRY(context_.store.put_status(pod));
    return Next::settled();
}

/// Killed for want of memory: its group says it while it is there, and afterwards what was reported of the same run.
bool PodController::starved(const model::Pod& pod, const model::ProcessStatus& ended) const
{
    if (ended.exit_code != 128 + SIGKILL)
        return false;
    auto const& reported = pod.status.containers;
    if (!reported.empty() && reported.front().reason == "OOMKilled" && reported.front().finished == ended.finished)
        return true;
    return sys::Cgroup::at(context_.places.cgroup + "/" + ended.id, {"memory"}).oom_kills().value_or(0) > 0;
}

Result<Next> PodController::report_stopped(model::Pod& pod, const Observed& ended)
{
    auto const id = workload_id(key_of(pod));
    bool const hungry = ended && starved(pod, *ended);
    graces_.forget(id);
    auto& status = container_status(pod);
    bool const lost = ended && !ended->exit_code;
    if (ended) {
        note_run(pod, *ended);
        status.reason = reason_of(*ended, hungry);
    }
    status.pid = 0;
    if (!status.started.empty())
        status.state = "terminated";
    bool const clean = ended && ended->exit_code == 0;
    pod.status.phase = !pod.spec.running ? "Stopped" : lost ? "Unknown" : clean ? "Succeeded" : "Failed";
    if (ended || pod.status.conditions.empty() || status.started.empty())
        set_condition(pod.status.conditions, "Ready", false, ended ? status.reason : "Stopped",
                      ended_words(ended) + (hungry ? out_of_memory : ""));
    TRY(context_.store.put_status(pod)); // First of all: who waits for the end need not wait for the clearing up.
    if (pod.spec.running)
        TRY(keep_ended(directory(id)));
    TRY(let_go(pod));
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
