#include "control/image_controller.h"

#include "base/log.h"
#include "control/conditions.h"
#include "control/image_garbage.h"
#include "control/workload.h"

namespace nova::control {

Result<Next> ImageController::reconcile(const model::Key& key)
{
    auto found = context_.store.get<model::Image>(key.space, key.name);
    if (base::failed_with(found, base::Code::not_found))
        return Next::settled();
    auto image = TRY(std::move(found));
    if (image.meta.deleted)
        return tear_down(image);
    auto const mark = image.meta.annotations.find(restart_annotation);
    bool const asked = mark != image.meta.annotations.end() && mark->second != image.status.attempt;
    if (asked) { // Somebody repaired the file, and waits for a word on this import and not on the one before.
        image.status.attempt = mark->second;
        image.status.phase = "Pending";
    }
    bool const reported = image.status.phase == "Ready" && image.status.observed_generation == image.meta.generation;
    if (reported && context_.drivers.images.get(image.spec.reference).ok())
        return Next::settled();
    return bring_in(image);
}

Result<Next> ImageController::bring_in(model::Image& image)
{
    image.status.observed_generation = image.meta.generation;
    if (image.status.phase.empty() || image.status.phase == "Pending") { // A big one takes its time.
        image.status.phase = "Importing";
        TRY(context_.store.put_status(image));
    }
    auto const imported = image.spec.source.empty() ? context_.drivers.images.get(image.spec.reference)
                                                    : context_.drivers.images.import(image.spec.source, image.spec.reference);
    if (!imported.ok()) {
        image.status.phase = "Failed";
        if (set_condition(image.status.conditions, "Ready", false, "ImportFailed", imported.error().message()))
            context_.events.warning(key_of(image), image.meta.uid, "ImportFailed", imported.error().message());
        TRY(context_.store.put_status(image));
        if (imported.error().code() == base::Code::resource_exhausted || imported.error().code() == base::Code::unavailable)
            return imported.error();
        // The same bytes fail the same way: a new try comes with a changed object, or with the ten minutes' look at everything.
        return Next::settled();
    }
    if (!image.status.digest.empty() && image.status.digest != imported.value().digest)
        context_.wake(image_garbage); // What it was before.
    image.status.phase = "Ready";
    image.status.digest = imported.value().digest;
    image.status.size_bytes = imported.value().size_bytes;
    set_condition(image.status.conditions, "Ready", true, "Imported", "");
    TRY(context_.store.put_status(image));
    context_.events.normal(key_of(image), image.meta.uid, "Imported", image.spec.reference + " is " + imported.value().digest);
    return Next::settled();
}

Result<bool> ImageController::in_use(const model::Image& image)
{
    auto const reference = model::full_reference(image.spec.reference);
    for (const auto& pod : TRY(context_.store.list<model::Pod>()))
        if (!pod.spec.containers.empty() && model::full_reference(pod.spec.containers.front().image) == reference)
            return true;
    return false;
}

Result<bool> ImageController::has_namesake(const model::Image& image)
{
    for (const auto& other : TRY(context_.store.list<model::Image>()))
        if (key_of(other) != key_of(image) && !other.meta.deleted &&
            model::full_reference(other.spec.reference) == model::full_reference(image.spec.reference))
            return true;
    return false;
}

Result<Next> ImageController::tear_down(model::Image& image)
{
    if (TRY(in_use(image))) {
        image.status.phase = "Terminating";
        set_condition(image.status.conditions, "Ready", false, "InUse", "a capsule still uses " + image.spec.reference);
        TRY(context_.store.put_status(image));
        return Next::settled(); // The capsule's own removal brings us back.
    }
    if (!TRY(has_namesake(image)))
        TRY(context_.drivers.images.remove(image.spec.reference, [this] { return layers_in_use(context_); }));
    TRY(context_.store.release(key_of(image)));
    return Next::settled();
}

} // namespace nova::control
