#include "config.h" /* initgroups() */

#include "util/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

p11kms_err user_become(const char *name)
{
    const struct passwd *pw = getpwnam(name);

    if (!pw) {
        FAIL(P11KMS_E_CONFIG, "there is no user '%s'", name);
    }
    if (initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
        FAIL(P11KMS_E_CONFIG, "cannot become the user '%s': %s", name, strerror(errno));
    }
    return P11KMS_OK;
}
