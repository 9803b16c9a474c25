#pragma once

#include <chrono>

#include "base/result.h"
#include "client/request.h"

namespace nova::client {

/// What a request does where it is carried out.
enum class Effect {
    none, ///< It only reads: it may be carried out twice.
    some,
};

Effect effect_of(const Request& request);

/// Whether to ask once more. A server that ends, or is started anew, breaks connections; and one that is killed closes one socket
/// after the other, so that for a moment there is still one to connect to.
class Patience {
public:
    explicit Patience(Effect effect) : effect_(effect) {}

    /// For a failure of sending or of the answer. True: the request can do no harm a second time; waits a moment, which grows
    /// with each call and is less than a second in all. False from the fifth on.
    bool again(const base::Error& error);

private:
    Effect effect_;
    std::chrono::milliseconds pause_{10};
};

} // namespace nova::client
