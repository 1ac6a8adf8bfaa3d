/* Readers of values that several declarations have. Private to the room. */
#pragma once

#include "conf/conf.h"
#include "conf/schema.h"

/** A conf_policy of its own at the item's offset; the document is the value itself. Called as the item is. */
void own_policy(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base);
/** conf_tag from a map of names and values. */
void own_tags(load_t *load, const item_t *item, const node_t *node, const path_t *path, void *base);

extern const section_t account_section; /* fills a conf_account */

#define DOCUMENT_FORM "policy in YAML, or a string of JSON"
