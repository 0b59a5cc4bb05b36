//! Every page of the repository, and what is on it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

pub(crate) struct Page {
    /// From the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) blocks: Vec<Block>,
    /// Where links and pictures lead, as written.
    pub(crate) links: Vec<String>,
    /// What a link to a heading may name, behind the `#`.
    pub(crate) anchors: Vec<String>,
}

/// What stands between two fences.
pub(crate) struct Block {
    /// `docs/x.md:12`, the line of the opening fence.
    pub(crate) place: String,
    /// What is written behind the fence.
    pub(crate) info: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All pages.
pub(crate) fn all() -> Vec<Page> {
    let parse = |(path, text): (PathBuf, String)| Page::parse(path, &text);
    files("", ".md").into_iter().map(parse).collect()
}

/// The YAML files below `examples`, each as a block. What has a component of its own is loaded by its own test.
pub(crate) fn examples(info_of: fn(&str) -> &'static str) -> Vec<Block> {
    let files = files("examples", ".yaml").into_iter();
    files
        .filter(|(path, _)| !path.starts_with("examples/custom-component"))
        .map(|(path, text)| Block {
            place: path.display().to_string(),
            info: info_of(&text).to_owned(),
            text,
        })
        .collect()
}

/// Paths from the root and texts, but of what is built or installed.
fn files(below: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let path = entry.path();
            let is_ours =
                name == ".github" || !name.starts_with('.') && name != "target" && name != "node_modules";
            if entry.file_type().unwrap().is_dir() {
                folders.extend(is_ours.then_some(path));
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

impl Page {
    pub(crate) fn parse(path: PathBuf, text: &str) -> Self {
        let mut page = Self { path, blocks: Vec::new(), links: Vec::new(), anchors: Vec::new() };
        let mut times = BTreeMap::new();
        let mut block = None;
        let mut heading = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    let line = text[..range.start].lines().count() + 1;
                    let place = format!("{}:{line}", page.path.display());
                    block = Some(Block { place, info, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|text| anchor(&text, &mut times)));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Text(piece) | Event::Code(piece) => {
                    if let Some(block) = &mut block {
                        block.text += &piece;
                    } else if let Some(heading) = &mut heading {
                        *heading += &piece;
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// As GitHub makes it of a heading: a second one of the same words gets `-1`.
fn anchor(heading: &str, times: &mut BTreeMap<String, usize>) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    let name = kept.collect::<String>().to_lowercase().replace(' ', "-");
    let before = times.entry(name.clone()).or_default();
    *before += 1;
    match *before - 1 {
        0 => name,
        n => format!("{name}-{n}"),
    }
}
