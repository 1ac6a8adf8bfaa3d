/* The outermost sections, from which everything a file may hold is reached. Private to the room, tests and
 * the manual. */
#pragma once

#include "conf/schema.h"

extern const section_t conf_file_section;     /* p11kmsd.yaml: fills a conf_t */
extern const section_t conf_declared_section; /* identities.d, keys.d, --seed: fills a conf_declared_t */
