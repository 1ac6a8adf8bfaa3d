/* What the files of lint share. */
#pragma once

#include "policy/lint.h"
#include "policy/operand.h"

#define LINT_PATH_MAX 512

typedef struct {
    const policy_lint_spec *spec;
    const policy_t *policy;
    const json_t *document;
    size_t at;                    /* the statement under way */
    const statement_t *statement; /* likewise */
    const json_t *source;         /* likewise, as it is written */
    char path[LINT_PATH_MAX];
    size_t n_findings;
} lint_t;

/** A finding at @p path. */
void lint_tell(lint_t *lint, const char *rule, const char *path, const char *fmt, ...) PRINTF(4, 5);
/** "Statement[2]"; good until the next path. */
const char *lint_path(lint_t *lint);
/** "Statement[2].Action[1]". */
const char *lint_element_path(lint_t *lint, const char *element, size_t i);
/** Value @p i of an element as it is written. */
slice_t lint_written(const lint_t *lint, const char *element, size_t i);
const char *lint_condition_path(lint_t *lint, size_t i);

/** The kinds of resources that the actions @p pattern matches are about; 0: it matches none. */
unsigned lint_about(const lint_t *lint, const pattern_t *pattern);
const policy_key *lint_key(const lint_t *lint, slice_t key);

/* The rules; each looks at lint->statement, lint_lockout() at the document. */
void lint_actions(lint_t *lint); /* lint_names.c */
void lint_conditions(lint_t *lint);
void lint_variables(lint_t *lint);
void lint_resources(lint_t *lint); /* lint_scope.c */
void lint_principals(lint_t *lint);
void lint_complements(lint_t *lint);
void lint_applies(lint_t *lint);
void lint_dates(lint_t *lint);
void lint_reach(lint_t *lint);   /* lint_reach.c */
void lint_lockout(lint_t *lint); /* lint_lockout.c */
