/*
 * room: cli. Files that appear together or not at all: written in a folder
 * beside their place, moved there once all is well, never over what is there.
 */
#pragma once

#include <sys/types.h>

#include "util/bytes.h"

typedef struct stage stage_t;

/**
 * @param dir    Where the files belong; made when it is not there.
 * @param group  Of folders and files; (gid_t)-1: as it comes.
 */
MUST_USE p11kms_err stage_begin(const char *dir, gid_t group, stage_t **ret);
/** What was not committed is removed again, @p dir too where it was made. */
void stage_end(stage_t *stage);
DEFINE_CLEANUP(stage_t *, stage, stage_end);

/** The folder the files are in until then. */
const char *stage_dir(const stage_t *stage);
/** A folder within, which may be there already. @p name is kept by reference. */
MUST_USE p11kms_err stage_folder(stage_t *stage, const char *name, mode_t mode);
/** @p name is kept by reference. @retval P11KMS_E_EXISTS  It is there already. */
MUST_USE p11kms_err stage_file(stage_t *stage, const char *name, mode_t mode, const buf_t *content);
/** Move everything into its place, in the order of the calls above. @retval P11KMS_E_EXISTS, P11KMS_E_IO */
MUST_USE p11kms_err stage_commit(stage_t *stage);
