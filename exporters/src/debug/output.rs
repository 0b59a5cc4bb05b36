//! Where plain text goes: the standard streams and files.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// The opened `output_paths`. Text of one batch is written at once, so batches never mix.
#[derive(Debug)]
pub(super) struct Output(Mutex<Vec<Sink>>);

#[derive(Debug)]
enum Sink {
    Stdout,
    Stderr,
    File(File),
}

impl Output {
    /// Opens every path; files are created readable by their owner alone, and appended to.
    ///
    /// # Errors
    /// The first path that cannot be opened, and why.
    pub(super) fn open(paths: &[String]) -> Result<Self, (String, io::Error)> {
        let open = |path: &String| match path.as_str() {
            "stdout" => Ok(Sink::Stdout),
            "stderr" => Ok(Sink::Stderr),
            file => append_to(file).map(Sink::File).map_err(|error| (path.clone(), error)),
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(|sinks| Self(Mutex::new(sinks)))
    }

    /// Writes `text` to every path. Blocks.
    pub(super) fn write(&self, text: &[u8]) -> io::Result<()> {
        let mut sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.iter_mut().try_for_each(|sink| match sink {
            Sink::Stdout => whole(&mut io::stdout().lock(), text),
            Sink::Stderr => whole(&mut io::stderr().lock(), text),
            Sink::File(file) => file.write_all(text),
        })
    }
}

fn whole(stream: &mut impl Write, text: &[u8]) -> io::Result<()> {
    stream.write_all(text)?;
    stream.flush()
}

fn append_to(path: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path.strip_prefix("file://").unwrap_or(path))
}
