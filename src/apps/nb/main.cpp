#include <cstdio>

int main()
{
    std::puts("nb " NOVA_VERSION);
    return 0;
}
