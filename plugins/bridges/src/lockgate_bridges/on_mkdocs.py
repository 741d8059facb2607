"""mkdocs: plugins as a transformer of Markdown pages, themes as one of a page."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lockgate.plugin import (
    Document,
    File,
    ForeignEntry,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_bridges._entries import chosen, loaded, of_group, settings_of

__all__ = ["adapt"]


def adapt(entries: tuple[ForeignEntry, ...]) -> object:
    """The plugins and themes of one distribution."""
    return _Mkdocs(entries)


class _Mkdocs:
    def __init__(self, entries: tuple[ForeignEntry, ...]) -> None:
        self._plugins = of_group(entries, "mkdocs.plugins")
        self._themes = of_group(entries, "mkdocs.themes")

    @hookimpl
    def transform(self, tree: Tree, options: Document) -> Transformation | None:
        """Run the events of pages over the Markdown files of `tree`.

        ``use`` names the plugins and themes (all without it), ``settings`` has the
        configuration of each by name. A theme adds ``404.THEME.html``.
        """
        files = {file.path: file.content for file in tree}
        both = [*self._plugins, *self._themes]
        given = settings_of(options)
        ready, notes = loaded(chosen(options, "use", both))
        for entry, made in ready:
            if entry.group == "mkdocs.themes":
                files[f"404.{entry.name}.html"] = _not_found(entry).encode()
            else:
                _run(entry.name, made(), tree, given.get(entry.name, {}), files)
        made_tree = Tree(tuple(File(path, body) for path, body in files.items()))
        return Transformation(made_tree, notes=notes)


def _config(plugins: Any, theme: str = "mkdocs") -> Any:
    """Mkdocs' configuration of a site that is nowhere on disk."""
    made: Any = import_module("mkdocs.config.defaults").MkDocsConfig(
        config_file_path="/mkdocs.yml"
    )
    made.load_dict({"site_name": "site", "theme": theme, "docs_dir": "/docs"})
    collection = import_module("mkdocs.plugins").PluginCollection()
    for name, plugin in plugins.items():
        collection[name] = plugin
    made.plugins = collection
    made.theme = import_module("mkdocs.theme").Theme(name=theme)
    made.site_dir, made.site_url, made.docs_dir = "/site", "", "/docs"
    made.markdown_extensions, made.mdx_configs = [], {}
    made.extra_css, made.extra_javascript, made.extra = [], [], {}
    return made


def _run(
    name: str, plugin: Any, tree: Tree, settings: Any, files: dict[str, bytes]
) -> None:
    """Put the plugin through the events of a build, as far as memory goes."""
    errors, _ = plugin.load_config(settings, config_file_path="/mkdocs.yml")
    for _, error in errors:
        raise ValueError(f"its configuration is refused: {error}")
    config = _config({name: plugin})
    events = config.plugins
    events.on_startup(command="build", dirty=False)
    config = events.on_config(config)
    structure = import_module("mkdocs.structure.files")
    pages = {
        file.path: structure.File.generated(config, file.path, content=file.text)
        for file in tree
        if file.path.endswith(".md")
    }
    found = events.on_files(structure.Files(list(pages.values())), config=config)
    page_of = import_module("mkdocs.structure.pages").Page
    for path, one in pages.items():
        page = page_of(None, one, config)
        text = events.on_page_markdown(
            files[path].decode("utf-8", "replace"),
            page=page,
            config=config,
            files=found,
        )
        files[path] = text.encode()


def _not_found(entry: ForeignEntry) -> str:
    """The theme's page for what is not there, which needs no other page."""
    config = _config({}, entry.name)
    template = config.theme.get_env().get_template("404.html")
    nav = import_module("mkdocs.structure.nav").Navigation([], [])
    return str(
        template.render(
            nav=nav,
            pages=[],
            base_url="",
            extra_css=[],
            extra_javascript=[],
            mkdocs_version="",
            build_date_utc=None,
            config=config,
            page=None,
        )
    )
