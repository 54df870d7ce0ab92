#pragma once

#ifdef __LP64__
#define RTLD_NOW 2
#define RTLD_GLOBAL 0x100
#define RTLD_NEXT ((void *)-1l)
#else
#define RTLD_NOW 0
#define RTLD_GLOBAL 2
#define RTLD_NEXT ((void *)0xfffffffeul)
#endif

void *dlopen(const char *path, int flags);
void *dlsym(void *library, const char *name);
char *dlerror(void);
