#include "apps/nova/embedded/embedded_nb.h"

// Made by nb.S from the file itself.
extern "C" const std::byte nova_embedded_nb_begin[];
extern "C" const std::byte nova_embedded_nb_end[];

namespace nova::app {

std::span<const std::byte> embedded_nb() { return {nova_embedded_nb_begin, nova_embedded_nb_end}; }

} // namespace nova::app
