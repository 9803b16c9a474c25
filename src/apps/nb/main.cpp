#include <cstdio>
#include <string_view>

#include "network/endpoint.h"

int main(int argc, char** argv)
{
    if (argc == 2 && std::string_view{argv[1]} == "endpoint")
        return nova::network::endpoint_main();
    std::puts("nb " NOVA_VERSION);
    return 0;
}
