//! Where links lead. Those out of the repository are not followed.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use crate::pages::{Page, root};

pub(crate) fn faults(pages: &[Page]) -> Vec<String> {
    let links = pages.iter().flat_map(|page| page.links.iter().map(move |link| (page, link)));
    links
        .filter_map(|(page, link)| {
            let fault = fault_of(page, link, pages)?;
            Some(format!("{}: `{link}`: {fault}", page.path.display()))
        })
        .collect()
}

/// What at most so many clicks lead to.
pub(crate) fn within(clicks: usize, first: &str, pages: &[Page]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::from([PathBuf::from(first)]);
    for _ in 0..clicks {
        let from = pages.iter().filter(|page| found.contains(&page.path));
        let next: Vec<_> = from
            .flat_map(|page| page.links.iter().filter_map(|link| target(&page.path, link.split('#').next()?)))
            .collect();
        found.extend(next);
    }
    found
}

fn fault_of(page: &Page, link: &str, pages: &[Page]) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let Some(target) = target(&page.path, file) else { return Some("out of the repository") };
    if !file.is_empty() && !root().join(&target).exists() {
        return Some("no such file");
    }
    let anchor = anchor?;
    let Some(target) = pages.iter().find(|page| page.path == target) else {
        return Some("only pages have headings");
    };
    (!target.anchors.iter().any(|known| known == anchor)).then_some("no such heading")
}

/// From the root of the repository.
fn target(page: &Path, file: &str) -> Option<PathBuf> {
    if file.is_empty() {
        return Some(page.to_owned());
    }
    let mut path = page.parent()?.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}
