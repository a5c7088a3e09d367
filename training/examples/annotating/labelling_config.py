"""The labelling interface of Label Studio, written from a taxonomy and a codebook as XML.

Every choice shows a Chinese name and its id; its alias, which stands in the results, is the id.
"""

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree as Xml

from models.causes import Cause, Parent, RootCauseTaxonomy
from models.codebook import Codebook

TO_NAME = "text"
_PATH = " › "
_COLOURS = {"cause": "#1f77b4", "sign": "#d62728", "mark": "#2ca02c"}
_TITLES = {
    "primary": "主要根因(必选一个)Primary cause",
    "causes": "全部根因(含主因)All causes",
    "signs": "代理迹象 Signs",
    "marks": "保护性标志 Protective marks",
    "demand": "诉求 Demand",
    "record_type": "记录类型 Kind of record",
    "agent_run": "是否代理操作 Run by an agent",
}


def labelling_config(
    taxonomy: RootCauseTaxonomy, codebook: Codebook, facets: Mapping[str, Sequence[str]]
) -> str:
    """The XML of the interface: what annotators see, and what ``read_tasks`` reads."""
    view = Xml.Element("View")
    evidence = Xml.SubElement(
        view, "Labels", name="evidence", toName=TO_NAME, choice="multiple", showInline="true"
    )
    for kind, id_, zh, hint in _evidence_labels(taxonomy, codebook):
        colour = _COLOURS[kind]
        Xml.SubElement(
            evidence, "Label", value=f"{zh} {id_}", alias=id_, hint=hint, background=colour
        )
    Xml.SubElement(view, "Text", name=TO_NAME, value="$text", granularity="symbol")
    _add_tree(view, "primary", taxonomy, maxUsages="1", required="true")
    _add_tree(view, "causes", taxonomy)
    _add_choices(view, "signs", [(s.id, s.zh, s.definition) for s in codebook.signs])
    _add_choices(view, "marks", [(m.id, m.zh, m.statement) for m in codebook.marks])
    _add_choices(view, "demand", [(id_, "", "") for id_ in facets["demand"]])
    kinds = [(id_, "", "") for id_ in facets["record_type"]]
    _add_choices(view, "record_type", kinds, choice="single")
    truths = [("false", "否", ""), ("true", "是", "")]
    _add_choices(view, "agent_run", truths, choice="single")
    Xml.indent(view)
    return Xml.tostring(view, encoding="unicode") + "\n"


def _evidence_labels(
    taxonomy: RootCauseTaxonomy, codebook: Codebook
) -> Iterable[tuple[str, str, str, str]]:
    for cause in taxonomy.causes:
        yield "cause", cause.id, cause.zh, cause.definition
    for sign in codebook.signs:
        yield "sign", sign.id, sign.zh, sign.definition
    for mark in codebook.marks:
        yield "mark", mark.id, mark.zh, mark.statement


def _add_tree(view: Xml.Element, name: str, taxonomy: RootCauseTaxonomy, **more: str) -> None:
    Xml.SubElement(view, "Header", value=_TITLES[name], size="5")
    about = {"leafsOnly": "true", "showFullPath": "true", "pathSeparator": _PATH, **more}
    tree = Xml.SubElement(view, "Taxonomy", {"name": name, "toName": TO_NAME, **about})
    above = {parent.id: parent for parent in (*taxonomy.parents, *taxonomy.groups)}
    placed: dict[str, Xml.Element] = {}
    for cause in taxonomy.causes:
        parent = tree
        for id_ in cause.above:
            if id_ not in placed:
                placed[id_] = _choice(parent, above[id_])
            parent = placed[id_]
        _choice(parent, cause)


def _choice(parent: Xml.Element, node: Parent | Cause) -> Xml.Element:
    shown = f"{node.zh} {node.id}"
    return Xml.SubElement(parent, "Choice", value=shown, alias=node.id, hint=node.definition)


def _add_choices(
    view: Xml.Element,
    name: str,
    choices: Sequence[tuple[str, str, str]],
    *,
    choice: str = "multiple",
) -> None:
    Xml.SubElement(view, "Header", value=_TITLES[name], size="5")
    about = {"name": name, "toName": TO_NAME, "choice": choice, "showInline": "true"}
    group = Xml.SubElement(view, "Choices", about)
    for id_, zh, hint in choices:
        more = {"hint": hint} if hint else {}
        Xml.SubElement(group, "Choice", {"value": f"{zh} {id_}".strip(), "alias": id_, **more})
