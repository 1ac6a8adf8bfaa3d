/* Running a statement on an open store: prepared on first use, checked both ways. */
#pragma once

#include "store/statements.h"
#include "store/store.h"

/** Run a statement that yields no row. @param ret_changed  May be NULL. */
MUST_USE p11kms_err session_write(store_t *store, statement_id id, const void *row, uint64_t *ret_changed);
/** As above; a statement that touched nothing is P11KMS_E_NOT_FOUND. */
MUST_USE p11kms_err session_change(store_t *store, statement_id id, const void *row);

/**
 * Start a SELECT. Its statement is taken until session_end().
 *
 * @param bound  The struct whose key it binds, or NULL.
 */
MUST_USE p11kms_err session_select(store_t *store, statement_id id, const void *bound);
/** The next row into @p row; false in @p ret_row at the end. */
MUST_USE p11kms_err session_next(store_t *store, statement_id id, void *row, bool *ret_row);
void session_end(store_t *store, statement_id id);
