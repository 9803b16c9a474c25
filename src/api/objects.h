#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "api/admission.h"
#include "api/selector.h"
#include "keyspace/keyspace.h"
#include "model/registry.h"

namespace nova::api {

/// The finalizer that lets `control` take down what stands behind an object before the object goes.
constexpr auto control_finalizer = "nanocloud.io/control";

enum class FieldValidation { strict, ignore }; ///< Ignore (and Warn): unknown fields are dropped, not refused.

struct WriteOptions {
    bool dry_run = false;
    FieldValidation validation = FieldValidation::strict;
};

struct DeleteOptions {
    bool dry_run = false;
    std::optional<std::string> uid;             ///< Only this very object.
    std::optional<keyspace::Revision> revision; ///< Only as it was then.
};

/// What DELETE did.
struct Deleted {
    json object;
    bool gone = false; ///< False: it is marked, and its finalizers do the rest.
};

/// One change of an object, made from what is there: it may be called again when somebody else was faster.
using Change = std::function<Result<json>(const json& current)>;

enum class Part { main, status };

/// Objects in the keyspace, as the rules of the API want them written. Safe from any thread.
class Objects {
public:
    explicit Objects(keyspace::Keyspace& store) : store_(store), admission_(store) {}

    /// Errors: not_found.
    Result<json> get(const model::KindInfo& kind, const std::string& space, const std::string& name) const;

    /// Errors: invalid_argument with causes; already_exists; not_found - its namespace; permission_denied - it is terminating.
    Result<json> create(const model::KindInfo& kind, const std::string& space, json object, const WriteOptions& options);

    /// Reads, changes, checks and writes. A resourceVersion in the changed object must be the current one.
    /// Errors: as create; not_found; aborted - another revision, or the writers did not stop.
    Result<json> update(const model::KindInfo& kind, const std::string& space, const std::string& name, Part part,
                        const Change& change, const WriteOptions& options);

    /// Errors: not_found; aborted - a precondition does not hold; permission_denied - the namespace "default".
    Result<Deleted> remove(const model::KindInfo& kind, const std::string& space, const std::string& name,
                           const DeleteOptions& options);

    /// Makes the namespace "default" where there is none.
    Status ensure_default_namespace();

    keyspace::Keyspace& store() const { return store_; }

private:
    Result<json> write_once(const model::KindInfo& kind, const keyspace::Record& record, Part part, const Change& change,
                            const WriteOptions& options);
    Result<json> put_if_changed(const keyspace::Record& record, json current, json next, const WriteOptions& options);
    Result<json> create_named(const model::KindInfo& kind, json object, const WriteOptions& options);

    keyspace::Keyspace& store_;
    Admission admission_;
    /// Rules between objects (subnets, host ports) hold only when nobody else's spec is written between the check and the write.
    std::mutex specs_;
};

/// The object of a record, with its resourceVersion. Errors: data_loss - the record holds no JSON object.
Result<json> object_of(const keyspace::Record& record);

/// The same as text, without parsing where the record looks as we write it: lists and watches are made of these.
Result<std::string> text_of(const model::KindInfo& kind, const keyspace::Record& record);

} // namespace nova::api
