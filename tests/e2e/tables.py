"""The operations of the daemon as its own tables have them: src/api/tables/*.c, in the form tools/make-shapes gives."""

import functools
import re

import p11kms_test

TABLES = p11kms_test.TOP / "src" / "api" / "tables"
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Shape:
    def __init__(self, text):
        self.kind = re.search(r"\.kind = SHAPE_(\w+)", text).group(1)
        self.name = re.search(r'\.name = "(\w+)"', text).group(1)
        self.sensitive = ".sensitive = true" in text
        self.low, self.high = (int(re.search(rf"\.{bound} = (-?\d+)", text).group(1)) for bound in ("min", "max"))
        self.links = dict(re.findall(r"\.(members|element|key|enums) = &?(\w+)", text))
        self.members = {}  # name: (Shape, required)
        self.element = self.key = None
        self.enum = []

    @property
    def secret(self):
        return self.sensitive or self.kind == "BLOB"


def _definitions(text, of):
    return re.findall(rf"^(?:static )?const {of}(\w+)(?:\[\])? = \{{(.*?)\}};$", text, re.MULTILINE | re.DOTALL)


def _link(shape, shapes, members, enums):
    for name, target, required in re.findall(r'\{\s*"(\w+)",\s*&(\w+),\s*(true|false)\s*\}',
                                             members.get(shape.links.get("members"), "")):
        shape.members[name] = (shapes[target], required == "true")
    shape.element = shapes.get(shape.links.get("element"))
    shape.key = shapes.get(shape.links.get("key"))
    shape.enum = STRING.findall(enums.get(shape.links.get("enums"), ""))


@functools.cache
def operations(service):
    """{name: (input Shape or None, output Shape or None)} of "kms", "sts" or "p11kms"."""
    text = (TABLES / f"{service}_shapes.c").read_text(encoding="utf-8")
    shapes = {name: Shape(body) for name, body in _definitions(text, "shape_t ")}
    members = dict(_definitions(text, "shape_member "))
    enums = dict(_definitions(text, r"char \*const "))
    for shape in shapes.values():
        _link(shape, shapes, members, enums)
    table, = (body for name, body in _definitions(text, "shape_operation ") if name == f"shape_{service}_operations")
    rows = re.findall(r'\{\s*"(\w+)",\s*(?:&(\w+)|NULL),\s*(?:&(\w+)|NULL),', table)
    return {name: (shapes.get(asked), shapes.get(answered)) for name, asked, answered in rows}


def secrets_of(shape, value, secret=False):
    """The values in @p value that stand where the shape says bytes or sensitive."""
    if shape is None or value is None:
        return
    secret = secret or shape.secret
    if shape.kind == "STRUCTURE" and isinstance(value, dict):
        for name, (member, _) in shape.members.items():
            yield from secrets_of(member, value.get(name), secret)
    elif shape.kind == "LIST" and isinstance(value, list):
        for one in value:
            yield from secrets_of(shape.element, one, secret)
    elif shape.kind == "MAP" and isinstance(value, dict):
        for name, one in value.items():
            yield from secrets_of(shape.key, name, secret)
            yield from secrets_of(shape.element, one, secret)
    elif secret and isinstance(value, str):
        yield shape, value


def has_secrets(shape):
    if shape is None:
        return False
    inside = [member for member, _ in shape.members.values()] + [shape.element, shape.key]
    return shape.secret or any(has_secrets(one) for one in inside)
