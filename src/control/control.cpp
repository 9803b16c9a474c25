#include "control/control.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "control/image_controller.h"
#include "control/image_garbage.h"
#include "control/machine_controller.h"
#include "control/namespace_controller.h"
#include "control/network_controller.h"
#include "control/node.h"
#include "control/plugs.h"
#include "control/pod_controller.h"
#include "control/workload.h"

namespace nova::control {

using nlohmann::json;

namespace {

constexpr std::string_view claims_place = "/claims/address/";

} // namespace

Control::Control(Context context) : context_(std::move(context))
{
    context_.wake = [this](const model::Key& key) { queue_.add(key); };
    controllers_["Image"] = std::make_unique<ImageController>(context_);
    controllers_[image_garbage.kind] = std::make_unique<ImageGarbage>(context_);
    controllers_["Network"] = std::make_unique<NetworkController>(context_);
    controllers_["Pod"] = std::make_unique<PodController>(context_);
    controllers_["VirtualMachine"] = std::make_unique<MachineController>(context_);
    controllers_["Namespace"] = std::make_unique<NamespaceController>(context_);
}

Control::~Control()
{
    context_.drivers.supervisor.on_change({}); // After these nobody calls us any more.
    (void)context_.drivers.networks.on_change({});
    for (auto& thread : threads_)
        thread.request_stop();
}

Status Control::start()
{
    TRY(make_first_objects());
    if (auto const swept = sweep(); !swept.ok()) // What is left over does no harm but that it is there.
        base::log_warning(swept.error().message());
    context_.drivers.supervisor.on_change([this](const std::string& id) { heard_of_process(id); });
    auto const watched = context_.drivers.networks.on_change([this](const std::string& endpoint) { heard_of_link(endpoint); });
    if (!watched.ok()) // The look at everything finds it out later.
        base::log_warning(watched.error().message());
    threads_.emplace_back([this](std::stop_token stop) { listen(stop); });
    for (std::size_t i = 0; i < workers; ++i)
        threads_.emplace_back([this](std::stop_token stop) { work(stop); });
    keyspace::Revision seen = 0;
    TRY(add_everything(seen));
    queue_.add(image_garbage); // A predecessor may have been killed before it came to it.
    queue_.wait_for_rest(base::Deadline::after(first_look));
    return base::done();
}

/// Takes away what a crash left of workloads that are not known any more.
Status Control::sweep()
{
    std::vector<network::EndpointPlan> keep;
    for (const auto* kind : {"Pod", "VirtualMachine"}) // By their keys: one that does not read may well run.
        for (const auto& record : TRY(context_.store.keyspace().list(model::storage_prefix(kind))).records)
            if (auto const key = model::parse_storage_key(record.key)) {
                auto& endpoint = keep.emplace_back();
                endpoint.id = workload_id(*key);
                endpoint.link = link_name(context_.places.instance, endpoint.id);
            }
    return context_.drivers.networks.sweep(keep);
}

void Control::heard_of_process(const std::string& id)
{
    if (auto const key = workload_key(id))
        return queue_.add(*key);
    if (id.starts_with("dns.")) {
        auto const networks = context_.store.list<model::Network>();
        for (const auto& network : networks.ok() ? networks.value() : std::vector<model::Network>{})
            if (id == "dns." + switch_name(network.meta.space, network.meta.name))
                queue_.add(key_of(network));
        return;
    }
    if (!id.empty())
        return;
    keyspace::Revision seen = 0;
    if (auto const added = add_everything(seen); !added.ok())
        base::log_error("look at everything: " + added.error().message());
}

void Control::heard_of_link(const std::string& endpoint)
{
    if (auto const key = workload_key(endpoint))
        return queue_.add(*key);
    auto const networks = context_.store.list<model::Network>();
    for (const auto& network : networks.ok() ? networks.value() : std::vector<model::Network>{})
        queue_.add(key_of(network));
}

void Control::work(std::stop_token stop)
{
    while (auto const key = queue_.take(stop)) {
        auto const outcome = pass(*key);
        bool const expected =
            outcome.ok() || outcome.error().code() == base::Code::aborted || outcome.error().code() == base::Code::unavailable;
        if (!expected)
            base::log_warning(to_string(*key) + ": " + outcome.error().message());
        queue_.finish(*key, outcome);
    }
}

/// A library's exception fails one pass, and not the daemon.
Result<Next> Control::pass(const model::Key& key)
{
    try {
        return controllers_.at(key.kind)->reconcile(key);
    } catch (const std::exception& problem) {
        return base::Error{base::Code::internal, problem.what()};
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

/// One stretch from a list of everything through the changes after it; ends after ten minutes, so that the next looks at all
/// again.
Status Control::follow(std::stop_token stop)
{
    keyspace::Revision revision = 0;
    TRY(add_everything(revision));
    auto const watch = TRY(context_.store.keyspace().watch("/", revision, [this] {
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
    if (change.record.key.starts_with(claims_place))
        return heard_of_claim(change.record);
    auto const key = model::parse_storage_key(change.record.key);
    if (!key || !controllers_.contains(key->kind))
        return;
    auto now = json::parse(change.record.value, nullptr, false);
    auto before = change.previous ? json::parse(change.previous->value, nullptr, false) : json{};
    bool const removed = change.type == keyspace::Change::Type::removed;
    wake_dependents(*key, now, removed ? json{} : before);
    if (now.is_object() && before.is_object()) {
        now.erase("status");
        before.erase("status");
    }
    if (removed || now != before) // A report asks for nothing, least of all by the one who wrote it.
        queue_.add(*key);
}

/// Who holds an address belongs to what the network's switch says and forwards.
void Control::heard_of_claim(const keyspace::Record& record)
{
    auto const scope = record.key.substr(claims_place.size()); // "default.lab/10.88.0.2"
    auto const dot = scope.find('.');
    auto const slash = scope.find('/');
    if (dot != std::string::npos && slash != std::string::npos && dot < slash && workload_key(record.value))
        queue_.add({"Network", scope.substr(0, dot), scope.substr(dot + 1, slash - dot - 1)});
}

/// Whoever waits for this object, or shows it, gets a pass too; a mere repetition of a status wakes nobody.
void Control::wake_dependents(const model::Key& key, const json& now, const json& before)
{
    auto const differs = [&](const char* pointer) { return field_of(now, pointer) != field_of(before, pointer); };
    if (key.kind == "Network") {
        if (differs("/status/phase") || differs("/status/subnet"))
            add_users_of_network(key);
        auto const known = field_of(before, "/status/attachments");
        for (const auto& attachment : field_of(now, "/status/attachments"))
            if (text_of(attachment, "/kind") == "VirtualMachine" && std::ranges::find(known, attachment) == known.end())
                queue_.add({"VirtualMachine", key.space, text_of(attachment, "/name")}); // It waits for its address to be served.
    }
    if (key.kind == "Image" && differs("/status/phase"))
        add_users_of_image(now);
    if (key.kind != "Pod" && key.kind != "VirtualMachine")
        return;
    if (differs("/spec") || differs("/metadata/deletionTimestamp"))
        for (const auto& network : {text_of(now, "/spec/network"), text_of(before, "/spec/network")})
            if (!network.empty())
                queue_.add({"Network", key.space, network});
    if (key.kind == "Pod" && differs("/spec"))
        add_deleted_images();
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
    auto const reference = model::full_reference(text_of(image, "/spec/reference"));
    auto const pods = context_.store.list<model::Pod>();
    for (const auto& pod : pods.ok() ? pods.value() : std::vector<model::Pod>{})
        if (!pod.spec.containers.empty() && model::full_reference(pod.spec.containers.front().image) == reference)
            queue_.add(key_of(pod));
}

/// They wait for the capsules that use them.
void Control::add_deleted_images()
{
    auto const images = context_.store.list<model::Image>();
    for (const auto& image : images.ok() ? images.value() : std::vector<model::Image>{})
        if (image.meta.deleted)
            queue_.add(key_of(image));
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
    if (auto const put = put_node(context_.store, context_.drivers.acceleration); !put.ok())
        base::log_error("describe this node: " + put.error().message());
    return base::done();
}

} // namespace nova::control
