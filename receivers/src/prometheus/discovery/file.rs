//! `file_sd_configs`: files are looked at every second, which works on every file system and through the symbolic links
//! of Kubernetes, and costs one `stat` for each.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sluice_component::quiet::Quiet;
use tokio::time::Instant;

use super::{Board, every, failed, groups};
use crate::prometheus::settings::{FileDiscovery, TargetGroup, files};

const LOOK: Duration = Duration::from_secs(1);
const FILEPATH: &str = "__meta_filepath";

/// The files of one configuration, as they were when they were last read.
#[derive(Debug, Default)]
struct Files(BTreeMap<PathBuf, File>);

#[derive(Debug)]
struct File {
    stamp: Option<Stamp>,
    groups: Vec<TargetGroup>,
}

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

pub(super) async fn run(settings: FileDiscovery, board: Board) {
    let (mut files, mut quiet) = (Files::default(), Quiet::default());
    let mut ticks = every(LOOK.min(settings.refresh_interval.get()));
    let mut all_again = Instant::now();
    loop {
        ticks.tick().await;
        let patterns: Vec<String> = settings.files.iter().map(ToString::to_string).collect();
        let again = Instant::now() >= all_again;
        if again {
            all_again = Instant::now() + settings.refresh_interval.get();
        }
        let looked = tokio::task::spawn_blocking(move || {
            let errors = files.look(&patterns, again);
            (files, errors)
        });
        // Only a panic, or the end of the process, keeps it from its end.
        let Ok((looked, errors)) = looked.await else { return };
        files = looked;
        for error in errors {
            failed(
                &mut quiet,
                "file",
                &settings.files.first().map(ToString::to_string).unwrap_or_default(),
                &error,
            );
        }
        board.post(files.groups());
    }
}

impl Files {
    /// Reads what has changed, or everything. A file that cannot be read or understood stays as it was.
    fn look(&mut self, patterns: &[String], everything: bool) -> Vec<String> {
        let mut errors = Vec::new();
        let mut paths = Vec::new();
        for pattern in patterns {
            match files::matching(pattern) {
                Ok(matching) => paths.extend(matching),
                Err(error) => errors.push(error),
            }
        }
        self.0.retain(|path, _| paths.contains(path));
        for path in paths {
            let stamp = Stamp::of(&path);
            if !everything && self.0.get(&path).is_some_and(|file| file.stamp == stamp) {
                continue;
            }
            let read = read(&path);
            let file = self.0.entry(path).or_insert(File { stamp, groups: Vec::new() });
            file.stamp = stamp;
            match read {
                Ok(groups) => file.groups = groups,
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    fn groups(&self) -> Vec<TargetGroup> {
        self.0.values().flat_map(|file| file.groups.iter().cloned()).collect()
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len() })
    }
}

fn read(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let name = path.display().to_string();
    let text = files::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let mut groups = groups(&name, &text, is_json)?;
    for group in &mut groups {
        group.labels.insert(FILEPATH.to_owned(), name.as_str().into());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::{super::Found, *};

    async fn addresses(found: &mut watch::Receiver<Found>, expected: &[&str]) {
        let has = |found: &Found| {
            let targets = found.values().flat_map(|groups| groups.iter()).flat_map(|group| &group.targets);
            targets.map(|target| &**target).eq(expected.iter().copied())
        };
        let came = tokio::time::timeout(Duration::from_secs(20), found.wait_for(has)).await.is_ok();
        assert!(came, "{expected:?} never came: {:?}", *found.borrow());
    }

    #[tokio::test]
    async fn files_are_read_watched_and_kept_when_they_break() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let (path, new) = (folder.path().join(name), folder.path().join("new"));
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, path).unwrap();
        };
        write("a.json", "[\n\t{\"targets\": [\"a:1\"], \"labels\": {\"x\": 1}}]");
        write("b.yml", "- targets: ['b:1', 'b:2']\n");
        let (sender, mut found) = watch::channel(Found::new());
        let pattern = |ending: &str| format!("{}/*.{ending}", folder.path().display());
        let settings = FileDiscovery {
            files: vec![pattern("json").as_str().into(), pattern("yml").as_str().into()],
            ..FileDiscovery::default()
        };
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(run(settings, Board { found: sender, source: 0 }));
        addresses(&mut found, &["a:1", "b:1", "b:2"]).await;
        let group = found.borrow()[&0][0].clone();
        assert_eq!(&*group.labels["x"], "1");
        assert!(group.labels[FILEPATH].ends_with("/a.json"));
        write("c.json", r#"[{"targets": ["c:12345"]}]"#);
        addresses(&mut found, &["a:1", "b:1", "b:2", "c:12345"]).await;
        write("a.json", "[{ what is broken keeps its targets");
        write("b.yml", "- targets: [b:3]\n");
        addresses(&mut found, &["a:1", "b:3", "c:12345"]).await;
        std::fs::remove_file(folder.path().join("c.json")).unwrap();
        addresses(&mut found, &["a:1", "b:3"]).await;
    }

    #[test]
    fn errors_of_files_name_file_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.yml");
        for (text, expected) in [
            ("- targets: [a/b]\n", "must be a host and a port"),
            ("- targetz: [a]\n", "did you mean `targets`?"),
            ("- targets: [a\n", "t.yml:"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains(expected) && error.contains("t.yml:"), "{error}");
        }
        assert!(read(&folder.path().join("none.yml")).unwrap_err().contains("none.yml"));
    }
}
