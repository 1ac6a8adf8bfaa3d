/*
 * A folder for the files of one test program: made on first use, removed when
 * the process that made it exits (a forked child's exit leaves it alone).
 * Failures end the program: a test cannot go on without its folder.
 */
#pragma once

#include "util/cleanup.h"

/** A new empty folder within it at every call. The last 32 paths given out here stay valid. */
const char *scratch_folder(void);
/** "FOLDER/NAME" of such a folder. */
const char *scratch_path(const char *folder, const char *name);

/**
 * A new folder on a disk of its own of about @p bytes, which can be filled.
 * Call it before starting threads. NULL where the process may not
 * mount: skip the test.
 */
const char *scratch_small_disk(size_t bytes);
/** Write zeros into @p path until its disk is full. */
void scratch_fill_disk(const char *path);
