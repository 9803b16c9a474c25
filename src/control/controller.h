#pragma once

#include "control/queue.h"

namespace nova::control {

/// Brings what one kind's objects say into being.
class Controller {
public:
    virtual ~Controller() = default;

    /// One pass: read, compare, take a step, report. Level-triggered, so it may be called at any time, any number of times, in
    /// any order; never twice at once for one key. Errors are retried with a growing delay.
    virtual Result<Next> reconcile(const model::Key& key) = 0;
};

} // namespace nova::control
