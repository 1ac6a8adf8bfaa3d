/* An NSS database in a scratch folder, for tests on a second real module. */
#pragma once

#include "token/token.h"

#define NSS_PIN "nss-pin-1"
#define NSS_TOKEN "NSS Certificate DB"

/** The module's path; NULL where NSS or its certutil are not installed: skip the test. */
const char *nss_module(void);
/** A new database with NSS_PIN. @return the C_Initialize argument; the last 4 stay valid. Ends the program when it fails. */
const char *nss_new(void);
