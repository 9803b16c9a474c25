#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace nova::client {

class HttpConnection;

/// Text that comes as it is written: a log. Destroying it ends it.
class TextStream {
public:
    explicit TextStream(std::unique_ptr<HttpConnection> connection);
    TextStream(TextStream&&) noexcept;
    TextStream& operator=(TextStream&&) noexcept;
    ~TextStream();

    /// Some text; empty: that was all. Errors: deadline_exceeded - nothing new until then; unavailable - the server went away.
    base::Result<std::string> read(base::Deadline deadline = base::Deadline::never());

    int fd() const; ///< To poll for reading, beside other things.

private:
    std::unique_ptr<HttpConnection> connection_;
};

} // namespace nova::client
