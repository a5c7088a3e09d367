"""The page of the HTTP API, from the schema that the service itself publishes."""

from collections.abc import Iterable, Mapping
from typing import Any

from handbook.markdown import code, page, table

Schema = Mapping[str, Any]

_FOREIGN = {"HTTPValidationError", "ValidationError"}  # FastAPI's own; ours answers with Problem
_FIELDS = ("字段 field", "类型 type", "必需 required", "说明 meaning")


def http_page(schema: Schema) -> str:
    """Routes, then the shapes that they take and give."""
    operations = [
        (verb.upper(), path, operation)
        for path, verbs in schema["paths"].items()
        for verb, operation in verbs.items()
    ]
    listed = table(
        ("路由 route", "做什么 what it does"),
        ((code(f"{verb} {path}"), operation["summary"]) for verb, path, operation in operations),
    )
    routes = (_route(*operation) for operation in operations)
    shapes = schema["components"]["schemas"]
    named = (_shape(name, shapes[name]) for name in sorted(set(shapes) - _FOREIGN))
    return page("HTTP 接口 · HTTP API", listed, *routes, "## 数据结构 · Shapes\n", *named)


def _route(verb: str, path: str, operation: Schema) -> str:
    parts = [f"## {verb} {path}\n", operation["description"] + "\n"]
    if parameters := operation.get("parameters"):
        rows = (
            (code(p["name"]), p["in"], "是 yes" if p.get("required") else "", p.get("description"))
            for p in parameters
        )
        parts.append(table(("参数 parameter", "位置 in", "必需 required", "说明 meaning"), rows))
    if body := operation.get("requestBody"):
        parts.append(f"请求体 body: {_content(body['content'])}\n")
    parts.append(table(("状态 status", "含义 meaning", "内容 content"), _answers(operation)))
    return "\n".join(parts)


def _answers(operation: Schema) -> Iterable[tuple[str, str, str]]:
    for status, answer in operation["responses"].items():
        meaning = "成功 · done" if status == "200" else answer["description"]
        content = _content(answer.get("content", {}))
        if not any(name in content for name in _FOREIGN):
            yield status, meaning, content


def _content(content: Schema) -> str:
    return ", ".join(_type(part.get("schema", {})) for part in content.values())


def _shape(name: str, shape: Schema) -> str:
    required = set(shape.get("required", ()))
    rows = (
        (code(field), _type(about), "是 yes" if field in required else "", about.get("description"))
        for field, about in shape.get("properties", {}).items()
    )
    return "\n".join([f"### {name}\n", shape.get("description", "") + "\n", table(_FIELDS, rows)])


def _type(about: Schema) -> str:
    """A type in a few words; a named shape is a link to its heading."""
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name not in _FOREIGN else name
    if "enum" in about:
        return ", ".join(code(value if value is not None else "null") for value in about["enum"])
    if options := about.get("anyOf"):
        return " / ".join(_type(option) for option in options)
    if about.get("type") == "array":
        return f"[{_type(about.get('items', {}))}]"
    return str(about.get("type", ""))
