"""The page of the settings, from ``serving.settings``."""

from handbook.markdown import code, page, table
from handbook.words import words_for
from serving.settings import ServingSettings

_ABOUT = (
    "服务启动时从环境变量读取;命令行参数优先。 Read from the environment when a command runs; "
    "options of the command line win.\n"
)


def settings_page() -> str:
    """Every XIAOBAO_* variable with its default and what it means, Chinese and English."""
    fields = ServingSettings.model_fields
    words = words_for("settings", fields)
    rows = (
        (
            code(f"XIAOBAO_{name.upper()}"),
            code(field.default),
            f"{words[name]} · {field.description}",
        )
        for name, field in fields.items()
    )
    return page(
        "设置 · Settings", _ABOUT, table(("变量 variable", "默认 default", "含义 meaning"), rows)
    )
