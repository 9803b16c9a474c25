#include <cstdio>

int main()
{
    std::puts("nova " NOVA_VERSION);
    return 0;
}
