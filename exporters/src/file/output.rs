//! The file: shared by the signals of one exporter ID, opened by the first that starts, closed by the last that stops.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How to open the file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) append: bool,
    /// Permissions of the directories to create, if they are to be created.
    pub(super) create_directory: Option<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Output(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    users: usize,
    file: Option<File>,
}

impl Output {
    /// Opens the file for one more user. Blocks.
    pub(super) fn open(&self, place: &Place) -> io::Result<()> {
        let mut state = self.state();
        if state.file.is_none() {
            state.file = Some(open(place)?);
        }
        state.users += 1;
        Ok(())
    }

    /// Appends `record`, whole or not at all: what a failed write left behind is cut off again. `None` when the
    /// file is not open. Blocks.
    pub(super) fn append(&self, record: &[u8]) -> Option<io::Result<()>> {
        let mut state = self.state();
        let file = state.file.as_mut()?;
        let before = file.metadata().map(|metadata| metadata.len());
        let written = file.write_all(record);
        if written.is_err()
            && let Ok(len) = before
        {
            // A device or pipe cannot be cut; the error that counts is the one of the write.
            file.set_len(len).unwrap_or_default();
        }
        Some(written)
    }

    /// Makes one user less; the last one puts the data on disk and closes the file. Blocks.
    pub(super) fn close(&self) -> io::Result<()> {
        let mut state = self.state();
        state.users = state.users.saturating_sub(1);
        if state.users > 0 {
            return Ok(());
        }
        match state.file.take() {
            Some(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => file.sync_all(),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(place: &Place) -> io::Result<File> {
    if let Some(permissions) = place.create_directory
        && let Some(directory) = place.path.parent().filter(|directory| *directory != Path::new(""))
    {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, permissions);
        #[cfg(not(unix))]
        let _ = permissions;
        builder.create(directory)?;
    }
    // Always at the end of the file, so that one who truncates it from outside gets no hole.
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&place.path)?;
    if !place.append && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}
