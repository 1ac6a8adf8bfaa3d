/*
 * A SoftHSM token in a scratch folder, for tests on a real module. SOFTHSM2_CONF is set
 * for this process and its children, so there is one configuration at a time.
 */
#pragma once

#include "token/token.h"

#define SOFTHSM_PIN "1234"

/** The module's path; NULL where SoftHSM is not installed: skip the test. */
const char *softhsm_module(void);
/** A new empty configuration; tokens made before are out of reach until softhsm_use(). @return its folder */
const char *softhsm_new(void);
void softhsm_use(const char *folder);
/** Another token in the present configuration, with SOFTHSM_PIN. Ends the program when it fails. */
void softhsm_add_token(const char *label);
/** A PIN file, mode 0600; good as long as the scratch folder. @return "file:/path" */
const char *softhsm_pin_source(const char *pin);
/** Options for a token of softhsm_new(), and the host as it was built. */
token_options softhsm_options(const char *label);
