// Where an Android program begins: the arguments, as the kernel left them on the stack, go to
// bionic, which prepares itself and calls main().
#include <stddef.h>

int main(int argc, char **argv);

// The lists of constructors and destructors of the program: it has none.
static void (**const structors[8])(void) = {NULL};

_Noreturn void __libc_init(void *arguments, void (*at_exit)(void), int (*program)(int, char **),
                           void (**const *lists)(void));

__attribute__((used)) static _Noreturn void begin(void *arguments)
{
    __libc_init(arguments, NULL, main, structors);
}

__attribute__((naked, used, visibility("hidden"))) void _start(void)
{
#if defined(__aarch64__)
    __asm__("mov x29, #0\n mov x30, #0\n mov x0, sp\n b begin");
#elif defined(__arm__)
    __asm__("mov fp, #0\n mov lr, #0\n mov r0, sp\n b begin");
#elif defined(__x86_64__)
    __asm__("xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin");
#else
#error "no entry for this processor"
#endif
}
