#include "api/shape.h"

const shape_operation *shape_find_operation(const shape_operation *operations, slice_t name)
{
    for (const shape_operation *operation = operations; operation->name != NULL; operation++) {
        if (slice_eq_str(name, operation->name)) {
            return operation;
        }
    }
    return NULL;
}
