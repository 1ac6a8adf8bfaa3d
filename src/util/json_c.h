/* json-c, whose type json_bool has the name of one of our functions. */
#pragma once

#include "util/json.h"

#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool
