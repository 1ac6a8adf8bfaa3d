#include "conf/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <yaml.h>

#include "util/secret.h"

typedef struct {
    const load_t *load;
    yaml_parser_t yaml;
    node_t *open[TREE_DEPTH_MAX]; /* containers, outermost first */
    const node_t *name;           /* the name that waits for its value; none while one is open */
    unsigned depth;
    unsigned documents;
    size_t n_nodes;
    node_t *root;
} builder_t;

#define REFUSE(builder, mark, ...)                                                                           \
    do {                                                                                                     \
        problem_put((builder)->load->problems, (builder)->load->file, (unsigned)(mark).line + 1,             \
                    (unsigned)(mark).column + 1, __VA_ARGS__);                                               \
        return false;                                                                                        \
    } while (0)

p11kms_err load_begin(load_t *load, arena_t *arena, problems_t *problems, const char *file, bool dev)
{
    const char *slash = strrchr(file, '/');
    const char *dir = slash != NULL ? arena_strndup(arena, file, (size_t)(slash - file)) : ".";

    *load = (load_t){
        .arena = arena, .problems = problems, .file = arena_strdup(arena, file), .dir = dir, .dev = dev
    };
    if (file[0] != '/') {
        _cleanup_free_ char *here = getcwd(NULL, 0);

        if (here == NULL) {
            FAIL(P11KMS_E_IO, "working directory: %s", strerror(errno));
        }
        load->dir = slash != NULL ? arena_printf(arena, "%s/%s", here, dir) : arena_strdup(arena, here);
    }
    return P11KMS_OK;
}

bool node_is_null(const node_t *node)
{
    return node->kind == NODE_SCALAR && node->plain &&
           (node->text.len == 0 || slice_eq_str(node->text, "~") || slice_eq_str(node->text, "null"));
}

const node_t *node_member(const node_t *map, slice_t name)
{
    for (const node_t *member = map->first; map->kind == NODE_MAP && member != NULL; member = member->next) {
        if (slice_eq(member->name->text, name)) {
            return member;
        }
    }
    return NULL;
}

const node_t *node_element(const node_t *list, size_t index)
{
    const node_t *element = list->kind == NODE_LIST ? list->first : NULL;

    while (element != NULL && index-- > 0) {
        element = element->next;
    }
    return element;
}

static void append(node_t *parent, node_t *node)
{
    if (parent->last != NULL) {
        parent->last->next = node;
    } else {
        parent->first = node;
    }
    parent->last = node;
    parent->n++;
}

/** The place of a value in its parent, or of a name before its value. */
static bool attach(builder_t *builder, node_t *node, yaml_mark_t mark)
{
    node_t *parent = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;

    if (parent == NULL) {
        builder->root = node;
        return true;
    }
    if (parent->kind == NODE_LIST) {
        append(parent, node);
        return true;
    }
    if (builder->name != NULL) {
        node->name = builder->name;
        builder->name = NULL;
        append(parent, node);
        return true;
    }
    if (node->kind != NODE_SCALAR) {
        REFUSE(builder, mark, "a name must be text, not a list or map");
    }
    if (parent->n >= TREE_MEMBERS_MAX) {
        REFUSE(builder, mark, "more than %d names in one map", TREE_MEMBERS_MAX);
    }
    const node_t *before = node_member(parent, node->text);
    if (before != NULL) {
        char name[QUOTED_SIZE];

        REFUSE(builder, mark, "%s stands here twice; first on line %u", quoted(node->text, name),
               before->name->line);
    }
    builder->name = node;
    return true;
}

static node_t *new_node(builder_t *builder, node_kind kind, yaml_mark_t mark)
{
    node_t *node = ARENA_NEW(builder->load->arena, node_t);

    node->kind = kind;
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

static bool acceptable(builder_t *builder, yaml_mark_t mark, const yaml_char_t *anchor,
                       const yaml_char_t *tag)
{
    if (anchor != NULL) {
        REFUSE(builder, mark, "anchors and aliases (&, *) are not taken: write the value out");
    }
    if (tag != NULL) {
        REFUSE(builder, mark, "tags (!) are not taken");
    }
    if (++builder->n_nodes > TREE_NODES_MAX) {
        REFUSE(builder, mark, "more than %d values in one file", TREE_NODES_MAX);
    }
    return true;
}

static bool on_scalar(builder_t *builder, const yaml_event_t *event)
{
    const yaml_char_t *value = event->data.scalar.value;
    size_t len = event->data.scalar.length;

    if (!acceptable(builder, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag)) {
        return false;
    }
    if (memchr(value, '\0', len) != NULL) {
        REFUSE(builder, event->start_mark, "text must not hold a NUL");
    }
    node_t *node = new_node(builder, NODE_SCALAR, event->start_mark);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = SLICE(arena_strndup(builder->load->arena, (const char *)value, len), len);
    return attach(builder, node, event->start_mark);
}

static bool open_container(builder_t *builder, node_kind kind, const yaml_event_t *event,
                           const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (!acceptable(builder, event->start_mark, anchor, tag)) {
        return false;
    }
    if (builder->depth >= TREE_DEPTH_MAX) {
        REFUSE(builder, event->start_mark, "nested deeper than %d", TREE_DEPTH_MAX);
    }
    node_t *node = new_node(builder, kind, event->start_mark);
    if (!attach(builder, node, event->start_mark)) {
        return false;
    }
    builder->open[builder->depth++] = node;
    return true;
}

static bool on_list(builder_t *builder, const yaml_event_t *event)
{
    return open_container(builder, NODE_LIST, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
}

static bool on_map(builder_t *builder, const yaml_event_t *event)
{
    return open_container(builder, NODE_MAP, event, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
}

static bool on_end(builder_t *builder, const yaml_event_t *event)
{
    (void)event;
    builder->depth--;
    return true;
}

static bool on_alias(builder_t *builder, const yaml_event_t *event)
{
    return acceptable(builder, event->start_mark, event->data.alias.anchor, NULL);
}

static bool on_document(builder_t *builder, const yaml_event_t *event)
{
    if (builder->documents++ > 0) {
        REFUSE(builder, event->start_mark, "a second document (---) is not taken");
    }
    return true;
}

static bool (*const on_event[])(builder_t *builder, const yaml_event_t *event) = {
    [YAML_DOCUMENT_START_EVENT] = on_document, [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,           [YAML_SEQUENCE_START_EVENT] = on_list,
    [YAML_SEQUENCE_END_EVENT] = on_end,        [YAML_MAPPING_START_EVENT] = on_map,
    [YAML_MAPPING_END_EVENT] = on_end,
};

static bool handle(builder_t *builder, const yaml_event_t *event)
{
    if (event->type >= COUNT_OF(on_event) || on_event[event->type] == NULL) {
        return true;
    }
    return on_event[event->type](builder, event);
}

/** libyaml places what it cannot decode by byte alone. */
static yaml_mark_t problem_mark(const yaml_parser_t *yaml, slice_t text)
{
    yaml_mark_t mark = yaml->problem_mark;

    if (yaml->error != YAML_READER_ERROR) {
        return mark;
    }
    mark = (yaml_mark_t){ 0 };
    for (size_t i = 0; i < yaml->problem_offset && i < text.len; i++) {
        mark.line += text.data[i] == '\n';
        mark.column = text.data[i] == '\n' ? 0 : mark.column + 1;
    }
    return mark;
}

static bool not_yaml(builder_t *builder, slice_t text)
{
    const yaml_parser_t *yaml = &builder->yaml;
    const char *problem = yaml->problem != NULL ? yaml->problem : "cannot be read";

    if (yaml->context != NULL) {
        REFUSE(builder, problem_mark(yaml, text), "not YAML: %s, %s", yaml->context, problem);
    }
    REFUSE(builder, problem_mark(yaml, text), "not YAML: %s", problem);
}

/** Values may be secrets (--dev's fixed keys), so libyaml's copy of each is wiped. */
static void drop_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        secret_wipe(event->data.scalar.value, event->data.scalar.length);
    }
    yaml_event_delete(event);
}

static bool build(builder_t *builder, slice_t text)
{
    bool more = true;

    while (more) {
        yaml_event_t event;

        if (!yaml_parser_parse(&builder->yaml, &event)) {
            return not_yaml(builder, text);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        bool fine = handle(builder, &event);
        drop_event(&event);
        if (!fine) {
            return false;
        }
    }
    return true;
}

p11kms_err tree_parse(const load_t *load, slice_t text, const node_t **ret)
{
    builder_t builder = { .load = load };

    if (!yaml_parser_initialize(&builder.yaml)) {
        FAIL(P11KMS_E_NOMEM, "%s: no memory to read it", load->file);
    }
    yaml_parser_set_encoding(&builder.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.yaml, text.data, text.len);
    bool fine = build(&builder, text);
    yaml_parser_delete(&builder.yaml);

    if (fine && builder.root == NULL) {
        builder.root = new_node(&builder, NODE_MAP, (yaml_mark_t){ 0 });
    }
    *ret = fine ? builder.root : NULL;
    return P11KMS_OK;
}

static p11kms_err read_whole(const char *file, buf_t *ret)
{
    _cleanup_fd_ int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        FAIL(P11KMS_E_IO, "%s: %s", file, strerror(errno));
    }
    while (ret->len <= TREE_FILE_MAX) {
        uint8_t *room = buf_reserve(ret, 65536);

        ENSURE(room != NULL, P11KMS_E_NOMEM);
        ssize_t n = read(fd, room, 65536);
        if (n == 0) {
            return P11KMS_OK;
        }
        if (n < 0 && errno != EINTR) {
            FAIL(P11KMS_E_IO, "%s: %s", file, strerror(errno));
        }
        ret->len += n > 0 ? (size_t)n : 0;
    }
    return P11KMS_OK;
}

p11kms_err tree_read(const load_t *load, const node_t **ret)
{
    _cleanup_buf_ buf_t text = { 0 };

    TRY(read_whole(load->file, &text));
    if (text.len > TREE_FILE_MAX) {
        problem_put(load->problems, load->file, 1, 1, "larger than %u bytes", TREE_FILE_MAX);
        *ret = NULL;
        return P11KMS_OK;
    }
    return tree_parse(load, buf_slice(&text), ret);
}
