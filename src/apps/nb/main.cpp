#include <cstdio>
#include <string_view>

#include "network/endpoint.h"
#include "supervisor/supervise.h"

int main(int argc, char** argv)
{
    if (argc == 2 && std::string_view{argv[1]} == "endpoint")
        return nova::network::endpoint_main();
    if (argc > 1 && std::string_view{argv[1]} == "supervise")
        return nova::supervisor::supervise({argv + 2, argv + argc});
    std::puts("nb " NOVA_VERSION);
    return 0;
}
