#pragma once

#include "control/controller.h"
#include "control/drivers.h"

namespace nova::control {

/// Images: imports each from its source into the store, and drops it when the object goes.
class ImageController final : public Controller {
public:
    explicit ImageController(Context& context) : context_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    Result<Next> bring_in(model::Image& image);
    Result<Next> tear_down(model::Image& image);
    Result<bool> in_use(const model::Image& image);
    Result<bool> has_namesake(const model::Image& image);

    Context& context_;
};

} // namespace nova::control
