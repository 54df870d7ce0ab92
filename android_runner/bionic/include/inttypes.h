#pragma once

#include <stdint.h>

#define PRId64 __INT64_FMTd__
#define PRIu64 __UINT64_FMTu__
