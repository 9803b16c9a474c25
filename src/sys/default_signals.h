#pragma once

namespace nova::sys {

/// Every handler, ignored signal and blocked signal back to the default, also the two that the C library keeps for itself and
/// whose being ignored a parent may have left us: exec(2) keeps that. For processes with one thread, and safe between clone(2)
/// and exec(2). KILL and STOP stay what they are.
void reset_signals();

} // namespace nova::sys
