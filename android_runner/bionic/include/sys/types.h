#pragma once

typedef long off_t;  // in 32-bit programs, too
typedef int pid_t;
typedef __PTRDIFF_TYPE__ ssize_t;
