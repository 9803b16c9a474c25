#include "apps/nova/cli/progress.h"

#include <unistd.h>

#include <iostream>

namespace nova::app {

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine()
{
    if (terminal_ && !shown_.empty())
        std::cerr << "\r\x1b[K" << std::flush;
}

void ProgressLine::show(const std::string& text)
{
    if (quiet_ || text == shown_)
        return;
    shown_ = text;
    if (terminal_)
        std::cerr << "\r\x1b[K" << text.substr(0, 120) << std::flush;
    else
        std::cerr << text << "\n";
}

} // namespace nova::app
