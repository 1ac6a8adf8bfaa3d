/* Policy documents in YAML or as a string of JSON. Private to the room. */
#pragma once

#include "conf/conf.h"
#include "conf/schema.h"

/** Fill json, place and document of @p policy, or put a problem. */
void read_document(load_t *load, const node_t *node, const path_t *path, conf_policy *policy);
