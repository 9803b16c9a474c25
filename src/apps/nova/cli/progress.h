#pragma once

#include <string>

namespace nova::app {

/// One line on stderr that says what is being waited for. On a terminal it rewrites itself and vanishes at the end; elsewhere
/// each new text is a plain line.
class ProgressLine {
public:
    explicit ProgressLine(bool quiet);
    ~ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const std::string& text);

private:
    bool quiet_;
    bool terminal_;
    std::string shown_;
};

} // namespace nova::app
