#include "control/image_garbage.h"

#include "control/workload.h"

namespace nova::control {

Result<std::vector<std::string>> layers_in_use(Context& context)
{
    std::vector<std::string> layers;
    for (const auto& pod : TRY(context.store.list<model::Pod>()))
        if (auto const applied = read_applied(capsule_directory(context.places, workload_id(key_of(pod)))))
            layers.insert(layers.end(), applied->layers.begin(), applied->layers.end());
    return layers;
}

Result<Next> ImageGarbage::reconcile(const model::Key&)
{
    TRY(context_.drivers.images.collect_garbage([this] { return layers_in_use(context_); }));
    return Next::settled();
}

} // namespace nova::control
