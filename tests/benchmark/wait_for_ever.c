// A container's program that does nothing, and takes next to no memory: built with -nostdlib -static.
void _start(void)
{
    while (1)
        __asm__ volatile("mov $34, %%eax\n\tsyscall" ::: "rax", "rcx", "r11", "memory"); // pause()
}
