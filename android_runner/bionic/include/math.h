#pragma once

#define isfinite(number) __builtin_isfinite(number)
