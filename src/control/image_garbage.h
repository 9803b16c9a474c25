#pragma once

#include "control/controller.h"
#include "control/drivers.h"

namespace nova::control {

/// Add this key to the queue when something may be left in the image store that nothing needs any more.
inline const model::Key image_garbage{"ImageGarbage", "", ""};

/// The layers that roots of capsules stand on: those of the images that they were started from, whatever their specs name by now.
Result<std::vector<std::string>> layers_in_use(Context& context);

/// Empties the image store of what neither an image nor a capsule needs. While an import is under way it comes back later.
class ImageGarbage final : public Controller {
public:
    explicit ImageGarbage(Context& context) : context_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    Context& context_;
};

} // namespace nova::control
