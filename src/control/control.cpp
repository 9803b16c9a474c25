#include "control/control.h"

#include "base/log.h"
#include "control/image_controller.h"
#include "control/machine_controller.h"
#include "control/namespace_controller.h"
#include "control/network_controller.h"
#include "control/node.h"
#include "control/pod_controller.h"

namespace nova::control {

using nlohmann::json;

Control::Control(Context context) : context_(std::move(context))
{
    controllers_["Image"] = std::make_unique<ImageController>(context_);
    controllers_["Network"] = std::make_unique<NetworkController>(context_);
    controllers_["Pod"] = std::make_unique<PodController>(context_);
    controllers_["VirtualMachine"] = std::make_unique<MachineController>(context_);
    controllers_["Namespace"] = std::make_unique<NamespaceController>(context_);
}

Control::~Control()
{
    context_.drivers.supervisor.on_change({});
    for (auto& thread : threads_)
        thread.request_stop();
}

Status Control::start()
{
    TRY(make_first_objects());
    context_.drivers.supervisor.on_change([this](const std::string& id) {
        if (auto const key = workload_key(id))
            queue_.add(*key);
        else if (id.starts_with("dns."))
            queue_.add({"Network", id.find('.', 4) == std::string::npos ? "default" : id.substr(4, id.find('.', 4) - 4),
                        id.substr(id.rfind('.') + 1)});
        else if (id.empty()) {
            keyspace::Revision seen = 0;
            if (auto const added = add_everything(seen); !added.ok())
                base::log_error("look at everything: " + added.error().message());
        }
    });
    threads_.emplace_back([this](std::stop_token stop) { listen(stop); });
    for (std::size_t i = 0; i < workers; ++i)
        threads_.emplace_back([this](std::stop_token stop) { work(stop); });
    return base::done();
}

void Control::work(std::stop_token stop)
{
    while (auto const key = queue_.take(stop)) {
        auto const outcome = controllers_.at(key->kind)->reconcile(*key);
        bool const expected = outcome.ok() || outcome.error().code() == base::Code::aborted || outcome.error().code() == base::Code::unavailable;
        if (!expected)
            base::log_warning(to_string(*key) + ": " + outcome.error().message());
        queue_.finish(*key, outcome);
    }
}

void Control::listen(std::stop_token stop)
{
    while (!stop.stop_requested()) {
        auto const followed = follow(stop);
        if (!followed.ok() && followed.error().code() != base::Code::out_of_range)
            base::log_error("follow changes: " + followed.error().message());
        if (!followed.ok()) { // Fell behind what is kept, or the store failed: begin again from a list.
            std::unique_lock lock{mutex_};
            ready_.wait_for(lock, stop, std::chrono::seconds{1}, [] { return false; });
        }
    }
}

/// One stretch from a list of everything through the changes after it; ends after ten minutes, so that the next looks at all again.
Status Control::follow(std::stop_token stop)
{
    keyspace::Revision revision = 0;
    TRY(add_everything(revision));
    auto const watch = TRY(context_.store.keyspace().watch("/objects/", revision, [this] {
        std::lock_guard const lock{mutex_};
        changes_wait_ = true;
        ready_.notify_one();
    }));
    auto const until = std::chrono::steady_clock::now() + look_at_everything;
    while (!stop.stop_requested()) {
        auto const changes = TRY(watch->take(256));
        for (const auto& change : changes)
            heard(change);
        if (!changes.empty())
            continue;
        std::unique_lock lock{mutex_};
        if (!ready_.wait_until(lock, stop, until, [this] { return changes_wait_; }) && !stop.stop_requested())
            return base::done();
        changes_wait_ = false;
    }
    return base::done();
}

Status Control::add_everything(keyspace::Revision& revision)
{
    auto const page = TRY(context_.store.keyspace().list("/objects/"));
    revision = page.revision;
    for (const auto& record : page.records)
        if (auto const key = model::parse_storage_key(record.key); key && controllers_.contains(key->kind))
            queue_.add(*key);
    return base::done();
}

void Control::heard(const keyspace::Change& change)
{
    auto const key = model::parse_storage_key(change.record.key);
    if (!key || !controllers_.contains(key->kind))
        return;
    queue_.add(*key);
    wake_dependents(*key, change);
}

/// Whoever waits for this object, or shows it, gets a pass too; a mere repetition of a status wakes nobody.
void Control::wake_dependents(const model::Key& key, const keyspace::Change& change)
{
    auto const now = json::parse(change.record.value, nullptr, false);
    auto const before = change.previous ? json::parse(change.previous->value, nullptr, false) : json::object();
    bool const removed = change.type == keyspace::Change::Type::removed;
    auto const differs = [&](const char* pointer) {
        json::json_pointer const place{pointer};
        return removed || now.value(place, json{}) != before.value(place, json{});
    };
    if (key.kind == "Network" && (differs("/status/phase") || differs("/status/subnet")))
        add_users_of_network(key);
    if (key.kind == "Image" && differs("/status/phase"))
        add_users_of_image(now);
    if (key.kind != "Pod" && key.kind != "VirtualMachine")
        return;
    bool const matters = differs("/spec") || differs("/status/podIP") || differs("/status/address") || differs("/metadata/deletionTimestamp");
    auto const network = now.value("/spec/network"_json_pointer, std::string{});
    if (matters && !network.empty())
        queue_.add({"Network", key.space, network});
    if (!removed || key.kind != "Pod")
        return;
    auto const images = context_.store.list<model::Image>(key.space);
    for (const auto& image : images.ok() ? images.value() : std::vector<model::Image>{})
        if (image.meta.deleted)
            queue_.add(key_of(image));
}

void Control::add_users_of_network(const model::Key& network)
{
    auto const add = [&](const auto& workloads) {
        for (const auto& workload : workloads.ok() ? workloads.value() : std::decay_t<decltype(workloads.value())>{})
            if (workload.spec.network == network.name)
                queue_.add(key_of(workload));
    };
    add(context_.store.list<model::Pod>(network.space));
    add(context_.store.list<model::VirtualMachine>(network.space));
}

void Control::add_users_of_image(const json& image)
{
    auto const reference = model::full_reference(image.value("/spec/reference"_json_pointer, std::string{}));
    auto const pods = context_.store.list<model::Pod>();
    for (const auto& pod : pods.ok() ? pods.value() : std::vector<model::Pod>{})
        if (!pod.spec.containers.empty() && model::full_reference(pod.spec.containers.front().image) == reference)
            queue_.add(key_of(pod));
}

Status Control::make_first_objects()
{
    for (const auto* name : {"default", "kube-system"}) {
        model::Namespace space;
        space.meta.name = name;
        auto const created = context_.store.create(space);
        if (!created.ok() && created.error().code() != base::Code::already_exists)
            return created;
    }
    return put_node(context_.store, context_.drivers.acceleration);
}

} // namespace nova::control
