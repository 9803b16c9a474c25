#pragma once

namespace nova::sys {

/// Sets every signal back to its default action, also the two that the C library keeps for itself and whose being ignored a
/// parent may have left us: exec(2) keeps that. Safe between clone(2) and exec(2). KILL and STOP stay what they are.
void set_default_signals();

} // namespace nova::sys
