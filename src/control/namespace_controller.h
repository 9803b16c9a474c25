#pragma once

#include "control/controller.h"
#include "control/drivers.h"

namespace nova::control {

/// Namespaces: deletes what is inside one that is deleted, then lets it go.
class NamespaceController final : public Controller {
public:
    explicit NamespaceController(Context& context) : context_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    Result<std::size_t> mark_contents(const std::string& space);

    Context& context_;
};

} // namespace nova::control
