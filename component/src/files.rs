//! Whether this process may do with files what a component wants, asked without touching them: for checks that see
//! the machine ([`sluice_config::Checker::sees_machine`]).

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// Why `path` cannot be opened for appending, created if it is not there: `None` when it seems that it can.
///
/// `creates_directories` says that missing directories above it will be created.
#[must_use]
pub fn why_not_writable(path: &Path, creates_directories: bool) -> Option<String> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Some("it is a directory".to_owned()),
        Ok(_) => access(path, Access::WRITE_OK).err().map(|error| said(&error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            why_no_new_entry(&directory_of(path), creates_directories)
        }
        Err(error) => Some(said(&error)),
    }
}

/// Why nothing can be created in the directory of `path`: `None` when it seems that it can.
#[must_use]
pub fn why_not_creatable(path: &Path) -> Option<String> {
    why_no_new_entry(&directory_of(path), false)
}

/// The one spelling of `path`, whatever symbolic links and `..` lead to it; of what is not there yet, as far as the
/// directories above it are.
#[must_use]
pub fn one_spelling(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in path.ancestors() {
        let (Ok(real), Ok(rest)) = (there.canonicalize(), path.strip_prefix(there)) else { continue };
        return rest.components().fold(real, |mut path, part| {
            match part {
                std::path::Component::ParentDir => drop(path.pop()),
                part => path.push(part),
            }
            path
        });
    }
    path
}

fn why_no_new_entry(directory: &Path, creates_directories: bool) -> Option<String> {
    match directory.metadata() {
        Ok(metadata) if !metadata.is_dir() => Some(format!("{} is no directory", directory.display())),
        Ok(_) => access(directory, Access::WRITE_OK | Access::EXEC_OK).err().map(|error| {
            format!("nothing can be created in {}: {}", directory.display(), said(&error.into()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && creates_directories => {
            // Ends at the root or the working directory, which are there.
            why_no_new_entry(&directory_of(directory), true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("there is no directory {}", directory.display()))
        }
        Err(error) => Some(format!("{}: {}", directory.display(), said(&error))),
    }
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        Some(_) => PathBuf::from("."),
        None => PathBuf::from("/"),
    }
}

/// An error of the system in its own words, without its number.
fn said(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_has_no_reason_against_it_and_is_not_created() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new.json");
        assert_eq!(why_not_writable(&file, false), None);
        assert!(!file.exists());
        std::fs::write(&file, "").unwrap();
        assert_eq!(why_not_writable(&file, false), None);
        assert_eq!(why_not_writable(&directory.path().join("a/b/new.json"), true), None);
        assert_eq!(why_not_writable(Path::new("new.json"), false), None);
        assert_eq!(why_not_creatable(&directory.path().join("x.sock")), None);
    }

    #[test]
    fn a_path_has_one_spelling() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("sub")).unwrap();
        std::os::unix::fs::symlink(real.join("sub"), real.join("link")).unwrap();
        let spelled = |path: &str| one_spelling(&real.join(path));
        for (path, one) in [
            ("link/new.json", "sub/new.json"),
            ("sub/../new.json", "new.json"),
            ("link/../new.json", "new.json"),
            (".//sub/./new.json", "sub/new.json"),
            ("none/../new.json", "new.json"),
        ] {
            assert_eq!(spelled(path), real.join(one), "{path}");
        }
        assert_eq!(one_spelling(Path::new("new.json")), one_spelling(Path::new("./new.json")));
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let why = |path: &Path| why_not_writable(path, false).unwrap();
        assert_eq!(why(directory.path()), "it is a directory");
        let missing = directory.path().join("missing");
        assert_eq!(why(&missing.join("x")), format!("there is no directory {}", missing.display()));
        assert_eq!(why(&file.join("x")), "not a directory");
        assert_eq!(why_not_writable(&file.join("x/y"), true).unwrap(), "not a directory");
        assert!(why_not_creatable(Path::new("/dev/null/x")).is_some());
    }
}
