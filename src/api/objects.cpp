#include "api/objects.h"

#include <algorithm>

#include "base/clock.h"
#include "sys/random.h"

namespace nova::api {
namespace {

constexpr int write_attempts = 8; // Against writers that are faster (status reports): each one lost means another one won.
constexpr int name_attempts = 8;  // generateName: 27^5 names, so that one attempt nearly always does.
constexpr std::size_t most_bytes = 1'500'000;

base::Error not_found(const model::KindInfo& kind, const std::string& name)
{
    return {base::Code::not_found, kind.plural + " \"" + name + "\" not found"};
}

base::Error conflict(const model::KindInfo& kind, const std::string& name, const std::string& why)
{
    return {base::Code::aborted, "operation cannot be fulfilled on " + kind.plural + " \"" + name + "\": " + why};
}

std::string now() { return base::to_rfc3339(base::system_clock().now()); }

bool needs_control(const model::KindInfo& kind)
{
    constexpr std::string_view kinds[] = {"Namespace", "Network", "Image", "Pod", "VirtualMachine"};
    return std::find(std::begin(kinds), std::end(kinds), kind.kind) != std::end(kinds);
}

std::string meta_text(const json& object, const char* field)
{
    auto const meta = object.find("metadata");
    if (meta == object.end() || !meta->is_object() || !meta->contains(field) || !(*meta)[field].is_string())
        return {};
    return (*meta)[field].get<std::string>();
}

bool is_marked(const json& object) { return !meta_text(object, "deletionTimestamp").empty(); }

bool has_finalizers(const json& object)
{
    auto const& meta = object["metadata"];
    return meta.contains("finalizers") && !meta["finalizers"].empty();
}

void add_finalizer(json& object, const char* finalizer)
{
    auto& finalizers = object["metadata"]["finalizers"];
    if (!finalizers.is_array())
        finalizers = json::array();
    if (std::find(finalizers.begin(), finalizers.end(), finalizer) == finalizers.end())
        finalizers.push_back(finalizer);
}

/// What is stored: everything but the revision, which the store itself knows.
std::string stored_text(json object)
{
    object["metadata"].erase("resourceVersion");
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status must_fit(const std::string& text)
{
    if (text.size() > most_bytes)
        return base::Error::invalid({{"", "the object is over the limit of " + std::to_string(most_bytes) + " bytes"}});
    return base::done();
}

/// "spec.containers[0].foo" as the steps of a JSON pointer.
json::json_pointer pointer_of(std::string field)
{
    std::string pointer = "/";
    for (char const character : field)
        if (character == '.' || character == '[')
            pointer += '/';
        else if (character != ']')
            pointer += character;
    return json::json_pointer{pointer};
}

/// Drops the fields that the error calls unknown. False where it names anything else.
bool drop_unknown_fields(const base::Error& error, json& object)
{
    for (const auto& cause : error.causes()) {
        auto const pointer = pointer_of(cause.field);
        if (cause.message.find("unknown") == std::string::npos || pointer.empty() || !object.contains(pointer))
            return false;
        auto& parent = object.at(pointer.parent_pointer());
        if (!parent.is_object())
            return false;
        parent.erase(pointer.back());
    }
    return !error.causes().empty();
}

Result<json> admit(const model::KindInfo& kind, json object, FieldValidation validation)
{
    auto admitted = model::admit(kind, object);
    if (!admitted.ok() && validation == FieldValidation::ignore && drop_unknown_fields(admitted.error(), object))
        return model::admit(kind, object);
    return admitted;
}

/// Fills in kind, apiVersion and namespace where the client left them out; what it says must agree with the path.
Status settle_identity(const model::KindInfo& kind, const std::string& space, json& object)
{
    auto const agree = [&](json& holder, const char* field, const std::string& expected) -> Status {
        if (!holder.contains(field) || holder[field] == "")
            holder[field] = expected;
        if (holder[field] != expected)
            return base::Error{base::Code::invalid_argument, std::string{field} + " of the object is " + holder[field].dump() +
                                                                 ", but the request is about \"" + expected + "\""};
        return base::done();
    };
    if (!object.is_object())
        return base::Error{base::Code::invalid_argument, "the body is no JSON object"};
    if (!object.contains("metadata") || object["metadata"].is_null())
        object["metadata"] = json::object();
    if (!object["metadata"].is_object())
        return base::Error::invalid({{"metadata", "must be an object"}});
    TRY(agree(object, "kind", kind.kind));
    TRY(agree(object, "apiVersion", kind.api_version()));
    if (kind.namespaced)
        TRY(agree(object["metadata"], "namespace", space));
    else
        object["metadata"].erase("namespace");
    return base::done();
}

/// What clients send and nobody keeps.
void drop_foreign_metadata(json& object)
{
    for (const auto* field : {"managedFields", "selfLink", "generateName", "deletionGracePeriodSeconds"})
        object["metadata"].erase(field);
}

/// Metadata that only the server writes is the server's, whatever the client sent.
void keep_server_metadata(const json& current, json& next)
{
    for (const auto* field : {"name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp"}) {
        next["metadata"].erase(field);
        if (current["metadata"].contains(field))
            next["metadata"][field] = current["metadata"][field];
    }
}

/// Whatever is neither metadata nor status: what `generation` counts.
json desired_part(json object)
{
    object.erase("metadata");
    object.erase("status");
    return object;
}

std::string generated_suffix()
{
    constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    auto const digits = sys::random_hex(20);
    std::string suffix;
    for (std::size_t i = 0; i < 5; ++i)
        suffix += alphabet[std::stoul(digits.substr(i * 4, 4), nullptr, 16) % alphabet.size()];
    return suffix;
}

/// The parts of an object that this write is not about stay as they are.
json merge_parts(const model::KindInfo& kind, const json& current, json changed, Part part)
{
    if (part == Part::status) {
        json next = current;
        next.erase("status");
        if (changed.contains("status"))
            next["status"] = changed["status"];
        return next;
    }
    keep_server_metadata(current, changed);
    if (!is_marked(current) && needs_control(kind))
        add_finalizer(changed, control_finalizer);
    changed.erase("status");
    if (current.contains("status"))
        changed["status"] = current["status"];
    return changed;
}

Status check_finalizers(const json& current, const json& next)
{
    if (!is_marked(current))
        return base::done();
    auto const before = current["metadata"].value("finalizers", json::array());
    for (const auto& finalizer : next["metadata"].value("finalizers", json::array()))
        if (std::find(before.begin(), before.end(), finalizer) == before.end())
            return base::Error::invalid({{"metadata.finalizers", "none can be added to an object that is being deleted"}});
    return base::done();
}

} // namespace

Result<json> object_of(const keyspace::Record& record)
{
    auto object = json::parse(record.value, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object() || !object.contains("metadata") || !object["metadata"].is_object())
        return base::Error{base::Code::data_loss, "the store holds no object at " + record.key};
    object["metadata"]["resourceVersion"] = std::to_string(record.modified);
    return object;
}

Result<std::string> text_of(const model::KindInfo& kind, const keyspace::Record& record)
{
    auto const head = R"({"apiVersion":")" + kind.api_version() + R"(","kind":")" + kind.kind + R"(","metadata":{)";
    if (record.value.size() <= head.size() || !record.value.starts_with(head) || record.value[head.size()] != '"')
        return TRY(object_of(record)).dump(-1, ' ', false, json::error_handler_t::replace);
    std::string text;
    text.reserve(record.value.size() + 40);
    text.append(head).append(R"("resourceVersion":")").append(std::to_string(record.modified)).append("\",");
    return text.append(record.value, head.size());
}

Result<json> Objects::get(const model::KindInfo& kind, const std::string& space, const std::string& name) const
{
    auto record = store_.get(model::storage_key({kind.kind, space, name}));
    if (failed_with(record, base::Code::not_found))
        return not_found(kind, name);
    return object_of(TRY(std::move(record)));
}

Result<json> Objects::create(const model::KindInfo& kind, const std::string& space, json object, const WriteOptions& options)
{
    TRY(settle_identity(kind, space, object));
    if (!meta_text(object, "resourceVersion").empty())
        return base::Error{base::Code::invalid_argument, "resourceVersion must not be set on an object to be created"};
    auto const prefix = meta_text(object, "generateName");
    bool const generate = meta_text(object, "name").empty() && !prefix.empty();
    drop_foreign_metadata(object);
    for (int attempt = 1;; ++attempt) {
        if (generate)
            object["metadata"]["name"] = prefix + generated_suffix();
        auto created = create_named(kind, object, options);
        if (!generate || attempt == name_attempts || !failed_with(created, base::Code::already_exists))
            return created;
    }
}

Result<json> Objects::create_named(const model::KindInfo& kind, json object, const WriteOptions& options)
{
    for (const auto* field : {"uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion"})
        object["metadata"].erase(field);
    if (kind.kind != "Event")
        object.erase("status"); // A report, never an input.
    auto next = TRY(admit(kind, std::move(object), options.validation));
    next["metadata"]["uid"] = sys::random_uuid();
    next["metadata"]["creationTimestamp"] = now();
    next["metadata"]["generation"] = 1;
    next["metadata"].erase("resourceVersion");
    if (needs_control(kind))
        add_finalizer(next, control_finalizer);
    auto const key = model::storage_key(model::key_of(kind, next));
    auto const text = stored_text(next);
    TRY(must_fit(text));

    std::lock_guard const lock{specs_};
    auto const exists = [&] {
        return base::Error{base::Code::already_exists, kind.plural + " \"" + meta_text(next, "name") + "\" already exists"};
    };
    if (store_.get(key).ok())
        return exists(); // Before the rules: its own ports and subnet are no clash, they are itself.
    TRY(admission_.check(kind, next, nullptr));
    if (options.dry_run)
        return next;
    auto written = store_.put(key, text, {.expected = 0});
    if (failed_with(written, base::Code::aborted))
        return exists();
    next["metadata"]["resourceVersion"] = std::to_string(TRY(std::move(written)).modified);
    return next;
}

Result<json> Objects::update(const model::KindInfo& kind, const std::string& space, const std::string& name, Part part,
                             const Change& change, const WriteOptions& options)
{
    std::unique_lock lock{specs_, std::defer_lock};
    if (part == Part::main)
        lock.lock();
    for (int attempt = 1;; ++attempt) {
        auto record = store_.get(model::storage_key({kind.kind, space, name}));
        if (failed_with(record, base::Code::not_found))
            return not_found(kind, name);
        auto written = write_once(kind, TRY(std::move(record)), part, change, options);
        if (!failed_with(written, base::Code::cancelled))
            return written;
        if (attempt == write_attempts)
            return conflict(kind, name, "other writers were faster each time");
    }
}

Result<json> Objects::write_once(const model::KindInfo& kind, const keyspace::Record& record, Part part, const Change& change,
                                 const WriteOptions& options)
{
    auto current = TRY(object_of(record));
    auto const name = meta_text(current, "name");
    auto changed = TRY(change(current));
    TRY(settle_identity(kind, meta_text(current, "namespace"), changed));
    if (!meta_text(changed, "name").empty() && meta_text(changed, "name") != name)
        return base::Error{base::Code::invalid_argument, "metadata.name can't be changed"};
    auto const revision = meta_text(changed, "resourceVersion");
    if (!revision.empty() && revision != "0" && revision != std::to_string(record.modified))
        return conflict(kind, name, "the object has been modified; read it again and apply your changes to that");
    auto const uid = meta_text(changed, "uid");
    if (!uid.empty() && uid != meta_text(current, "uid"))
        return conflict(kind, name, "it is another object of that name now (its uid differs)");

    drop_foreign_metadata(changed);
    auto next = merge_parts(kind, current, std::move(changed), part);
    next["metadata"].erase("resourceVersion");
    next = TRY(admit(kind, std::move(next), options.validation));
    keep_server_metadata(current, next);
    TRY(check_finalizers(current, next));
    if (part == Part::main && desired_part(next) != desired_part(current)) {
        if (!is_marked(current))
            TRY(admission_.check(kind, next, &current));
        next["metadata"]["generation"] = current["metadata"].value("generation", 0) + 1;
    }
    return put_if_changed(record, std::move(current), std::move(next), options);
}

Result<json> Objects::put_if_changed(const keyspace::Record& record, json current, json next, const WriteOptions& options)
{
    next["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"];
    if (next == current || options.dry_run)
        return next;        // Writing what is there already would wake every watcher for nothing.
    auto const lost = [&] { // Told apart from the client's own stale revision: this one is tried again.
        return base::Error{base::Code::cancelled, "another writer was faster"};
    };
    if (is_marked(next) && !has_finalizers(next)) {
        auto const removed = store_.remove(record.key, record.modified);
        if (failed_with(removed, base::Code::aborted))
            return lost();
        next["metadata"]["resourceVersion"] = std::to_string(TRY(removed));
        return next;
    }
    auto const text = stored_text(next);
    TRY(must_fit(text));
    auto const written = store_.put(record.key, text, {.expected = record.modified});
    if (failed_with(written, base::Code::aborted))
        return lost();
    next["metadata"]["resourceVersion"] = std::to_string(TRY(written).modified);
    return next;
}

Result<Deleted> Objects::remove(const model::KindInfo& kind, const std::string& space, const std::string& name,
                                const DeleteOptions& options)
{
    if (kind.kind == "Namespace" && (name == "default" || name == "kube-system"))
        return base::Error{base::Code::permission_denied, "the namespace \"" + name + "\" can't be deleted"};
    for (int attempt = 1;; ++attempt) {
        auto record = store_.get(model::storage_key({kind.kind, space, name}));
        if (failed_with(record, base::Code::not_found))
            return not_found(kind, name);
        auto const found = TRY(std::move(record));
        auto object = TRY(object_of(found));
        if (options.uid && *options.uid != meta_text(object, "uid"))
            return conflict(kind, name, "the precondition on its uid does not hold");
        if (options.revision && *options.revision != found.modified)
            return conflict(kind, name, "the precondition on its resourceVersion does not hold");
        bool const gone = !has_finalizers(object);
        if (options.dry_run || (!gone && is_marked(object)))
            return Deleted{std::move(object), gone};
        Result<keyspace::Revision> done = keyspace::Revision{0};
        if (gone) {
            done = store_.remove(found.key, found.modified);
        } else {
            object["metadata"]["deletionTimestamp"] = now();
            auto const put = store_.put(found.key, stored_text(object), {.expected = found.modified});
            done = put.ok() ? Result<keyspace::Revision>{put.value().modified} : put.error();
        }
        if (failed_with(done, base::Code::aborted) && attempt < write_attempts)
            continue;
        object["metadata"]["resourceVersion"] = std::to_string(TRY(done));
        return Deleted{std::move(object), gone};
    }
}

Status Objects::ensure_default_namespace()
{
    const auto* const kind = model::find_kind("Namespace");
    if (kind == nullptr || store_.get(model::storage_key({"Namespace", "", "default"})).ok())
        return base::done();
    auto const made = create(*kind, "", {{"metadata", {{"name", "default"}}}}, {});
    if (!made.ok() && !failed_with(made, base::Code::already_exists))
        return made.error();
    return base::done();
}

} // namespace nova::api
