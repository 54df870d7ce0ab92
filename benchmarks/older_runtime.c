// Runs a network with the TensorFlow Lite inside an old Python wheel, without Python, and prints what each inference took.
// older_runtime MODEL INFERENCES CPU HWCAP HWCAP2, beside `lib.so` (the wheel's), `counters` and `cpuinfo`.
//
// The wheel's extension exports its C++ functions. Objects are made in rooms that are large enough; what returns an
// owner (std::unique_ptr) does so as a structure in memory, whose first word is the pointer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, ROOM_BYTES = 65536, PARTS_OF_CYCLE = 64, COUNTS = 3, INT8 = 1, UINT8 = 2 };

// Data of the interpreter that the extension refers to; none of it is used without Python.
#define UNUSED(name) void *name[64];
UNUSED(PyBaseObject_Type) UNUSED(PyCFunction_Type) UNUSED(PyCapsule_Type) UNUSED(PyFloat_Type)
UNUSED(PyInstanceMethod_Type) UNUSED(PyMethod_Type) UNUSED(PyModule_Type) UNUSED(PyProperty_Type)
UNUSED(PyType_Type) UNUSED(_Py_FalseStruct) UNUSED(_Py_NoneStruct) UNUSED(_Py_NotImplementedStruct)
UNUSED(_Py_TrueStruct) UNUSED(PyExc_AttributeError) UNUSED(PyExc_BufferError) UNUSED(PyExc_ImportError)
UNUSED(PyExc_IndexError) UNUSED(PyExc_MemoryError) UNUSED(PyExc_OverflowError) UNUSED(PyExc_RuntimeError)
UNUSED(PyExc_SystemError) UNUSED(PyExc_TypeError) UNUSED(PyExc_ValueError)

struct owner {
    void *object;
    char more[56]; // more than comes back in registers
};

static unsigned cpu;
static unsigned long capabilities[2];
static void *library;

static void fail(const char *what)
{
    fprintf(stderr, "older_runtime: %s\n", what);
    exit(1);
}

static void *symbol(const char *name)
{
    void *found = dlsym(library, name);

    if (!found)
        fail(name);
    return found;
}

// The library asks which processor it is on and what that can do: the phone's answers, as the runner gives them.
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getcpu) {
        if (a[0])
            *(unsigned *)a[0] = cpu;
        return 0;
    }
    if (!next)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

unsigned long getauxval(unsigned long type)
{
    static unsigned long (*next)(unsigned long);

    if (library && (type == AT_HWCAP || type == AT_HWCAP2))
        return capabilities[type == AT_HWCAP2];
    if (!next)
        next = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, "getauxval");
    return next(type);
}

int open(const char *path, int flags, ...)
{
    return (int)syscall(SYS_openat, AT_FDCWD, strcmp(path, "/proc/cpuinfo") ? path : "./cpuinfo", flags, 0600);
}

static void *interpreter_of(const char *path)
{
    static char resolver[ROOM_BYTES], builder[ROOM_BYTES];
    static int options[64] = {1, INT8 | UINT8}; // threads, types
    struct owner (*read_model)(const char *, void *) =
        symbol("_ZN6tflite15FlatBufferModel13BuildFromFileEPKcPNS_13ErrorReporterE");
    void *(*reporter)(void) = symbol("_ZN6tflite20DefaultErrorReporterEv");
    struct owner model = read_model(path, reporter());
    void *made = NULL, *delegate;

    if (!model.object)
        fail("the model cannot be read");
    ((void (*)(void *))symbol("_ZN6tflite3ops7builtin17BuiltinOpResolverC1Ev"))(resolver);
    // What this class adds of its own is that it brings no delegate along.
    *(void **)resolver =
        (void **)symbol("_ZTVN6tflite3ops7builtin40BuiltinOpResolverWithoutDefaultDelegatesE") + 2;
    ((void (*)(void *, void *, void *))symbol(
        "_ZN6tflite18InterpreterBuilderC1ERKNS_15FlatBufferModelERKNS_10OpResolverE"))(builder, model.object,
                                                                                      resolver);
    if (((int (*)(void *, void **, int))symbol("_ZN6tflite18InterpreterBuilderclEPSt10unique_ptrINS_"
                                               "11InterpreterESt14default_deleteIS2_EEi"))(builder, &made, 1))
        fail("the model cannot be built");
    delegate = ((void *(*)(void *))symbol("TfLiteXNNPackDelegateCreate"))(options);
    if (((int (*)(void *, void *))symbol("_ZN6tflite11Interpreter23ModifyGraphWithDelegateEP14TfLiteDelegate"))(
            made, delegate))
        fail("the delegate does not take the model");
    if (((int (*)(void *))symbol("_ZN6tflite11Interpreter15AllocateTensorsEv"))(made))
        fail("no memory for tensors");
    return made;
}

static void read_counts(const volatile uint64_t *page, uint64_t *counts)
{
    __asm__ volatile(".inst 0xd5032e9f" ::: "memory"); // android_runner/counters.h
    for (int i = 0; i < COUNTS; i++)
        counts[i] = page[i];
}

int main(int count, char **words)
{
    volatile uint64_t *page;
    int (*invoke)(void *), file;
    void *made;

    if (count != 6)
        fail("MODEL INFERENCES CPU HWCAP HWCAP2");
    cpu = (unsigned)atoi(words[3]);
    for (int i = 0; i < 2; i++)
        capabilities[i] = strtoul(words[4 + i], NULL, 16);
    file = open("./counters", O_RDONLY);
    page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        fail("no counters");
    library = dlopen("./lib.so", RTLD_LAZY | RTLD_GLOBAL);
    if (!library)
        fail(dlerror());
    made = interpreter_of(words[1]);
    invoke = (int (*)(void *))symbol("_ZN6tflite11Interpreter6InvokeEv");
    for (int i = 0; i < atoi(words[2]); i++) {
        uint64_t before[COUNTS], after[COUNTS];

        read_counts(page, before);
        if (invoke(made))
            fail("the inference failed");
        read_counts(page, after);
        printf("%llu %llu %llu\n", (unsigned long long)(after[0] - before[0]),
               (unsigned long long)(after[1] - before[1]) / PARTS_OF_CYCLE,
               (unsigned long long)(after[2] - before[2]));
    }
    fflush(stdout);
    _exit(0); // nothing is taken apart without Python
}
