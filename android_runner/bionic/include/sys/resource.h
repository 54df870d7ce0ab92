#pragma once

#include <linux/resource.h>
