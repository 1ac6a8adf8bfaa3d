/* A struct's members to a statement's parameters, and a row's columns back: by its shape, checked both ways.
 */
#pragma once

#include "store/driver.h"
#include "store/statements.h"

/** @retval P11KMS_E_RANGE  A member is out of its bounds; detail names it. */
MUST_USE p11kms_err row_bind(const driver_t *driver, query_t *query, const statement_t *statement,
                             const void *row);

/**
 * What was stored is input like any other.
 *
 * @param[out] row  The shape's struct; its pointers are valid until the query's next step or reset.
 * @retval P11KMS_E_STORE  A column is of the wrong type or out of its bounds; detail names table, key and
 * column.
 */
MUST_USE p11kms_err row_read(const driver_t *driver, query_t *query, const shape_t *shape, void *row);
